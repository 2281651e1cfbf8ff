"""How brokers and the schema registry are reached, for every client of ours."""

import ssl
from pathlib import Path
from typing import Any, Literal

from kafka.errors import KafkaError
from kafka.net.sasl.oauth import AbstractTokenProvider
from pydantic import BaseModel, ConfigDict, model_validator

from meshkit.errors import DependencyUnavailable
from pagemesh.kafka.codec import Codec, SubjectNaming


class Connection(BaseModel):
    """Brokers, their security, and the registry. Passwords come from files."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    brokers: str
    """Bootstrap servers: `host:port`, several separated by commas."""
    registry: str
    """URL of a schema registry with Confluent's interface."""
    subject_naming: SubjectNaming = SubjectNaming.TOPIC
    """Which subject a schema is registered under."""
    security: Literal["PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"] = "PLAINTEXT"
    ca_file: Path | None = None
    """Certificates that brokers are checked against; the system's when unset."""
    certificate_file: Path | None = None
    """Our own certificate, for brokers that ask for one; its key is in `key_file`."""
    key_file: Path | None = None
    sasl_mechanism: (
        Literal["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512", "OAUTHBEARER", "GSSAPI"] | None
    ) = None
    username: str = ""
    password_file: Path | None = None
    """Holds the password of PLAIN and SCRAM."""
    token_file: Path | None = None
    """Holds the token of OAUTHBEARER; read anew for every connection, so that it may be renewed."""
    kerberos_service: str = "kafka"
    """The brokers' service name, for GSSAPI; credentials are those of `kinit` or a keytab."""
    bootstrap_seconds: float = 10.0
    """For a first answer: brokers that refuse credentials are known by nothing but this time."""

    @model_validator(mode="after")
    def _check_sasl(self) -> "Connection":
        if self.security.startswith("SASL") != (self.sasl_mechanism is not None):
            raise ValueError("sasl_mechanism goes with SASL_PLAINTEXT and SASL_SSL, and only there")
        by_password = (self.sasl_mechanism or "").startswith(("PLAIN", "SCRAM"))
        if by_password and not (self.username and self.password_file):
            raise ValueError(f"{self.sasl_mechanism} needs username and password_file")
        if self.sasl_mechanism == "OAUTHBEARER" and not self.token_file:
            raise ValueError("OAUTHBEARER needs token_file")
        return self

    def options(self) -> dict[str, Any]:
        """Arguments of a consumer, producer or admin client. Raises OSError: a file is missing."""
        options: dict[str, Any] = {
            "bootstrap_servers": self.brokers.split(","),
            "security_protocol": self.security,
            "bootstrap_timeout_ms": int(self.bootstrap_seconds * 1000),
        }
        if self.security.endswith("SSL"):
            options["ssl_context"] = self._tls()
        if self.sasl_mechanism is not None:
            options["sasl_mechanism"] = self.sasl_mechanism
        match self.sasl_mechanism:
            case "GSSAPI":
                options["sasl_kerberos_service_name"] = self.kerberos_service
            case "OAUTHBEARER":
                options["sasl_oauth_token_provider"] = _TokenFile(self.token_file or Path())
            case str():
                options["sasl_plain_username"] = self.username
                options["sasl_plain_password"] = (self.password_file or Path()).read_text().strip()
        return options

    def codec(self) -> Codec:
        """Reads and writes records."""
        return Codec(self.registry, self.subject_naming)

    def _tls(self) -> ssl.SSLContext:
        context = ssl.create_default_context(cafile=self.ca_file)
        if self.certificate_file is not None:
            context.load_cert_chain(self.certificate_file, self.key_file)
        return context


class _TokenFile(AbstractTokenProvider):  # type: ignore[misc] # kafka-python has no types
    def __init__(self, path: Path) -> None:
        super().__init__()
        self._path = path

    def token(self) -> str:
        return self._path.read_text().strip()


def unreachable(error: KafkaError) -> DependencyUnavailable:
    """What a person is told of a client's trouble with Kafka."""
    return DependencyUnavailable(
        f"Kafka cannot be reached, or refuses the credentials: {error}",
        reason="BROKERS_UNAVAILABLE",
    )
