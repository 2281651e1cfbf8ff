"""Configuration of the sidecar: variables PAGEMESH_SIDECAR_*."""

from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, field_validator
from pydantic_settings import SettingsConfigDict

from meshkit.config import Config
from sidecar.policy import MethodLimit
from sidecar.upstream import Address

AddressText = Annotated[str, Field(min_length=1)]


class SidecarConfig(Config):
    """Where the proxy stands, what it lets through, where its telemetry goes."""

    model_config = SettingsConfigDict(env_prefix="PAGEMESH_SIDECAR_")

    name: str = Field(default="model", min_length=1, description="The model's name in telemetry.")
    listen: AddressText = Field(
        default="127.0.0.1:0", description="host:port or unix:/path to listen on."
    )
    upstream: AddressText = Field(
        default="127.0.0.1:50051", description="host:port or unix:/path of the model."
    )
    wait_seconds: float = Field(
        default=0.0,
        ge=0,
        le=600,
        description="How long a call waits for a model that is not there; 0: it is refused.",
    )
    upstream_keepalive_seconds: float = Field(
        default=10.0,
        ge=0,
        le=3600,
        description="Silence of a model with open calls until it is asked for a word; 0: never.",
    )
    upstream_keepalive_timeout_seconds: float = Field(
        default=20.0,
        gt=0,
        le=3600,
        description="How long it has for a word then; without one its calls end as UNAVAILABLE.",
    )
    max_message_bytes: int = Field(
        default=128 * 1024 * 1024, ge=1024, description="Largest message that passes."
    )
    max_calls: int = Field(default=4096, ge=1, description="Calls of one connection at once.")
    stream_window_bytes: int = Field(
        default=2 << 20,
        ge=65_535,
        le=1 << 30,
        description="Bytes of one stream that are held when its reader is slow.",
    )
    method_limits: tuple[str, ...] = Field(
        default=(),
        description="Limits, each `pattern;concurrency;calls a second;message bytes`, 0: none.",
    )
    sample_ratio: float = Field(
        default=1.0, ge=0, le=1, description="Share of new traces that are recorded; errors always."
    )
    caller_header: str = Field(
        default="pagemesh-caller", min_length=1, description="Metadata key that names the caller."
    )
    metrics_port: int = Field(
        default=0, ge=-1, le=65535, description="Prometheus' port; 0: any free one, -1: none."
    )
    metrics_host: str = Field(default="127.0.0.1", description="Prometheus' address.")
    record_queue: int = Field(
        default=8192, ge=1, description="Calls that wait for telemetry; more are dropped, counted."
    )
    drain_seconds: float = Field(
        default=30.0, ge=0, description="Longest wait for calls in flight after SIGTERM."
    )
    listen_tls_cert: Path | None = Field(default=None, description="PEM chain shown to callers.")
    listen_tls_key: Path | None = Field(default=None, description="PEM key of that chain.")
    listen_tls_client_ca: Path | None = Field(
        default=None, description="PEM of who signs callers' certificates; then they must have one."
    )
    upstream_tls_ca: Path | None = Field(
        default=None, description="PEM of who signs the model's certificate; then TLS is spoken."
    )
    upstream_tls_name: str = Field(default="", description="The name in the model's certificate.")
    upstream_tls_cert: Path | None = Field(
        default=None, description="PEM chain shown to the model."
    )
    upstream_tls_key: Path | None = Field(default=None, description="PEM key of that chain.")
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = Field(
        default="INFO", description="Lowest level that is logged."
    )

    @field_validator("listen", "upstream")
    @classmethod
    def _must_be_an_address(cls, value: str) -> str:
        Address.parse(value)
        return value

    @field_validator("method_limits")
    @classmethod
    def _must_be_limits(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for text in value:
            parse_limit(text)
        return value

    @property
    def limits(self) -> tuple[MethodLimit, ...]:
        """The limits of methods, read."""
        return tuple(map(parse_limit, self.method_limits))


def parse_limit(text: str) -> MethodLimit:
    """Read `pattern;concurrency;rate;bytes`; what is left out at the end is not limited.

    Raises:
        ValueError: it is not of this form.
    """
    pattern, *numbers = text.split(";")
    try:
        concurrency, rate, size = (*numbers, *("0",) * (3 - len(numbers)))
        limit = MethodLimit(pattern, int(concurrency), float(rate), int(size))
    except ValueError:
        raise ValueError(
            f"{text!r} is not of the form pattern;concurrency;rate;bytes, such as "
            "pagemesh.ocr.v1.OcrService/*;8;100;50000000"
        ) from None
    if not pattern or min(limit.max_concurrency, limit.max_rate, limit.max_message_bytes) < 0:
        raise ValueError(f"{text!r}: the pattern is empty or a number is negative")
    return limit
