"""The gateway's knobs."""

import os
import tempfile
from pathlib import Path
from typing import Literal
from urllib.parse import urlsplit

from pydantic import Field, field_validator
from pydantic_settings import SettingsConfigDict

from gateway.kafka_settings import KafkaSettings
from gateway.security.settings import SecuritySettings
from meshkit.config import Config


class GatewayConfig(Config, KafkaSettings, SecuritySettings):
    """All knobs; variables begin with PAGEMESH_GATEWAY_."""

    model_config = SettingsConfigDict(env_prefix="PAGEMESH_GATEWAY_")

    host: str = Field(default="127.0.0.1", min_length=1, description="Address to listen on.")
    port: int = Field(default=8080, ge=0, le=65535, description="TCP port; 0 takes any free one.")
    orchestrator_target: str = Field(
        default="127.0.0.1:50050", description="Address of the orchestrator."
    )
    answer_seconds: float = Field(
        default=60.0,
        gt=0,
        description="How long a client waits for the orchestrator's next picture, or its "
        "pipelines, until it is told 504.",
    )
    state_dir: Path = Field(
        default=Path(tempfile.gettempdir()) / "pagemesh-gateway",
        description="Folder of uploads, of the local queue and of the SQLite store; put it on a "
        "volume that outlives the process.",
    )
    store_url: str = Field(
        default="",
        description="`mongodb://host/database` of the documents; empty: SQLite in `state_dir`.",
    )
    cache_url: str = Field(
        default="", description="`redis://host:port/0` in front of the store; empty: no cache."
    )
    cache_seconds: float = Field(
        default=300.0, gt=0, description="How long the cache keeps a document that nobody changes."
    )
    uploads_location: str = Field(
        default="",
        description="`s3://bucket/prefix` for uploads; empty: a folder below `state_dir`, which "
        "the orchestrator must be allowed to read (`file_roots`).",
    )
    s3_endpoint: str = Field(
        default="", description="An S3-compatible store; empty: the provider's own."
    )
    max_upload_bytes: int = Field(default=500_000_000, gt=0, description="Bytes of an upload.")
    max_body_bytes: int = Field(
        default=64 * 1024,
        ge=1024,
        description="Bytes of a JSON body, and of all form fields but the file.",
    )
    inline_result_bytes: int = Field(
        default=1024 * 1024,
        ge=0,
        description="A result that is longer as JSON is left out of the document's resource, "
        "which links to it.",
    )
    retention_seconds: float = Field(
        default=7 * 24 * 3600.0,
        gt=0,
        description="A document and its upload are deleted this long after it was sent.",
    )
    deliveries: int = Field(
        default=16, ge=1, description="Documents of the local queue at the orchestrator at once."
    )
    poll_seconds: float = Field(
        default=1.0,
        gt=0,
        description="How often a document that somebody waits for is looked at, where another "
        "gateway may have changed it.",
    )
    keep_alive_seconds: float = Field(
        default=15.0, gt=0, description="A stream of events is silent no longer than this."
    )
    images_bytes: int = Field(
        default=256 * 1024 * 1024,
        ge=0,
        description="Page images kept below `state_dir`, the oldest go first.",
    )
    spans_file: Path | None = Field(
        default=None, description="Spans of the local mesh; unset: there are no traces to show."
    )
    drain_seconds: float = Field(
        default=30.0, ge=0, description="Longest wait for requests in flight after SIGTERM."
    )
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = Field(
        default="INFO", description="Lowest level that is logged."
    )
    log_file: Path | None = Field(
        default=None,
        description="Lines of the log go to this file, too; it is renewed at 16 MiB.",
    )

    @field_validator("store_url")
    @classmethod
    def _must_be_mongodb(cls, value: str) -> str:
        if value and urlsplit(value).scheme not in {"mongodb", "mongodb+srv"}:
            raise ValueError("mongodb://host:port/database is expected")
        return value

    @field_validator("uploads_location")
    @classmethod
    def _must_be_bucket(cls, value: str) -> str:
        parts = urlsplit(value)
        if value and (parts.scheme != "s3" or not parts.netloc):
            raise ValueError("s3://bucket/prefix is expected")
        return value

    @field_validator("log_file")
    @classmethod
    def _must_be_writable(cls, value: Path | None) -> Path | None:
        if value is not None and not os.access(value.parent, os.W_OK):
            raise ValueError(f"the folder {value.parent} is not there, or may not be written")
        return value

    @property
    def uploads_dir(self) -> Path:
        """Where uploads come in, and stay when there is no bucket for them."""
        return self.state_dir / "uploads"
