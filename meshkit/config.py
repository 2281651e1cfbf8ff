"""Typed configuration, read once from the environment in `main`.

A server subclasses `ServerConfig`, names its prefix and adds its own knobs:

    class OcrConfig(ServerConfig):
        model_config = SettingsConfigDict(env_prefix="PAGEMESH_OCR_")
        engine: Literal["ppocr", "tesseract"] = Field(default="ppocr", description="Reader.")

Constructing such a class reads no environment: `OcrConfig(port=0)` means what it says. Only
`read_config` and `load_config` look at variables, and they report every mistake together.
"""

import difflib
import os
import re
import sys
import types
import typing
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal, TypeVar

from pydantic import Field, ValidationError, ValidationInfo, field_validator, model_validator
from pydantic.fields import FieldInfo
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

ConfigT = TypeVar("ConfigT", bound=BaseSettings)

EXIT_BAD_CONFIG = 2
_COLLECTIONS = (tuple, list, set, frozenset)
_CREDENTIALS = re.compile(r"[^/\s,'\"]+@")
"""User and password of an address."""


class ConfigError(Exception):
    """The environment does not make a configuration.

    Attributes:
        problems: one line for every mistake: variable, value, what is allowed.
    """

    def __init__(self, problems: list[str]) -> None:
        super().__init__("\n".join(problems))
        self.problems = problems


class Config(BaseSettings):
    """Base of every process's configuration: frozen, unknown names refused.

    A field that holds a collection takes its items separated by commas.
    """

    model_config = SettingsConfigDict(frozen=True, extra="forbid", validate_default=True)

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Nothing but arguments: the environment is read by `read_config` alone."""
        del settings_cls, env_settings, dotenv_settings, file_secret_settings
        return (init_settings,)

    @field_validator("*", mode="before")
    @classmethod
    def _split_collections(cls, value: Any, info: ValidationInfo) -> Any:
        field = cls.model_fields[info.field_name or ""]
        if isinstance(value, str) and _is_collection(field.annotation):
            return [item.strip() for item in value.split(",") if item.strip()]
        return value


class ServerConfig(Config):
    """Knobs that every gRPC process of the mesh shares."""

    model_config = SettingsConfigDict(env_prefix="PAGEMESH_")

    host: str = Field(default="127.0.0.1", min_length=1, description="Address to listen on.")
    port: int = Field(default=0, ge=0, le=65535, description="TCP port; 0 takes any free one.")
    unix_socket: str = Field(
        default="", description="Path of a Unix socket to listen on instead of host and port."
    )
    max_message_bytes: int = Field(
        default=128 * 1024 * 1024,
        ge=1024,
        le=2**31 - 1,
        description="Largest gRPC message taken or sent. A 300 dpi A4 page as raw BGR is 26 MB.",
    )
    max_page_pixels: int = Field(
        default=100_000_000, ge=1, description="Larger pages are refused, before they are decoded."
    )
    max_pixels_in_flight: int = Field(
        default=200_000_000,
        ge=1,
        description="Pixels of all pages that are decoded, queued or in the model at once. Beyond "
        "it unary calls are refused with a time to retry, and streams are read no further.",
    )
    max_pages_per_stream: int = Field(
        default=8, ge=1, description="Pages of one stream in work at once; more are not read."
    )
    max_batch_size: int = Field(default=1, ge=1, description="Pages given to the model at once.")
    max_batch_delay_ms: float = Field(
        default=2.0, ge=0, le=10_000, description="Longest wait for a batch to fill up."
    )
    workers: int = Field(
        default=1,
        ge=1,
        description="Batches in the model at once; 1 for a model that is not concurrent.",
    )
    decode_threads: int = Field(default=2, ge=1, description="Threads that decode pages.")
    device: Literal["auto", "cpu", "cuda"] = Field(
        default="auto", description="Where inference runs; auto: CUDA when it is there."
    )
    intra_op_threads: int = Field(
        default=0, ge=0, description="Threads of one inference session; 0: one for each core."
    )
    page_reference_roots: tuple[Path, ...] = Field(
        default=(),
        description="Folders from which file:// page references may be read; none by default.",
    )
    drain_seconds: float = Field(
        default=30.0, ge=0, description="Longest wait for calls in flight after SIGTERM."
    )
    drain_delay_seconds: float = Field(
        default=0.0,
        ge=0,
        description="Wait between reporting NOT_SERVING and refusing new calls, for load "
        "balancers to notice.",
    )
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = Field(
        default="INFO", description="Lowest level that is logged."
    )
    log_file: Path | None = Field(
        default=None,
        description="Lines of the log go to this file, too; it is renewed at 16 MiB.",
    )

    @field_validator("log_file")
    @classmethod
    def _must_be_writable(cls, value: Path | None) -> Path | None:
        if value is not None and not os.access(value.parent, os.W_OK):
            raise ValueError(f"the folder {value.parent} is not there, or may not be written")
        return value

    @model_validator(mode="after")
    def _pages_must_fit(self) -> "ServerConfig":
        if self.max_page_pixels > self.max_pixels_in_flight:
            raise ValueError("max_pixels_in_flight must be at least max_page_pixels")
        return self

    @property
    def listen_address(self) -> str:
        """The address in gRPC's notation: `host:port` or `unix:/path`."""
        if self.unix_socket:
            return f"unix:{self.unix_socket}"
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{host}:{self.port}"


def read_config(cls: type[ConfigT], environ: Mapping[str, str]) -> ConfigT:
    """Make a configuration from the variables that carry the class's prefix.

    Raises:
        ConfigError: with every mistake, also variables that carry the prefix and mean nothing.
    """
    prefix = str(cls.model_config.get("env_prefix") or "").upper()
    variables = {prefix + name.upper(): name for name in cls.model_fields}
    given = {key: value for key, value in environ.items() if prefix and key.startswith(prefix)}
    problems = [_unknown(key, list(variables)) for key in sorted(given.keys() - variables.keys())]
    values: dict[str, Any] = {variables[k]: v for k, v in given.items() if k in variables}
    try:
        config = cls(**values)
    except ValidationError as error:
        problems = [*_problems(error, cls, prefix, values), *problems]
    if problems:
        raise ConfigError(problems)
    return config


def load_config(cls: type[ConfigT], environ: Mapping[str, str] | None = None) -> ConfigT:
    """`read_config` for `main`: on a bad environment print every mistake and exit with 2."""
    try:
        return read_config(cls, os.environ if environ is None else environ)
    except ConfigError as error:
        count = len(error.problems)
        print(f"bad configuration, {count} mistake{'s' * (count > 1)}:", file=sys.stderr)  # noqa: T201
        for problem in error.problems:
            print(f"  {problem}", file=sys.stderr)  # noqa: T201
        raise SystemExit(EXIT_BAD_CONFIG) from None


def _is_collection(annotation: Any) -> bool:
    if isinstance(annotation, types.UnionType) or typing.get_origin(annotation) is typing.Union:
        return any(_is_collection(part) for part in typing.get_args(annotation))
    return (typing.get_origin(annotation) or annotation) in _COLLECTIONS


def _unknown(variable: str, known: list[str]) -> str:
    near = difflib.get_close_matches(variable, known, n=1)
    hint = f"did you mean {near[0]}?" if near else f"known are {', '.join(sorted(known))}"
    return f"{variable}: no such variable; {hint}"


def _problems(
    error: ValidationError, cls: type[BaseSettings], prefix: str, values: Mapping[str, Any]
) -> list[str]:
    problems = []
    for detail in error.errors(include_url=False):
        message = detail["msg"].removeprefix("Value error, ")
        name = str(detail["loc"][0]) if detail["loc"] else ""
        if name not in cls.model_fields:
            problems.append(f"{prefix}*: {message}")
            continue
        field = cls.model_fields[name]
        given = f"={_shown(values[name], field)}" if name in values else " is not set"
        problems.append(f"{prefix}{name.upper()}{given}: {message}.{_meaning(field)}")
    return problems


def _shown(value: Any, field: FieldInfo) -> str:
    """A value in a message: neither a secret nor the credentials of an address."""
    return "'***'" if "Secret" in repr(field.annotation) else _CREDENTIALS.sub("***@", repr(value))


def _meaning(field: FieldInfo) -> str:
    default = "" if field.is_required() else f" Default: {field.default!r}."
    return (f" {field.description}" if field.description else "") + default
