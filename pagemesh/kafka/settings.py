"""How Kafka is reached, as settings of a process. All names begin with `kafka_`."""

from pathlib import Path
from typing import Self

from pydantic import BaseModel, ConfigDict, ValidationError, model_validator

from pagemesh.kafka.connection import Connection

_CONNECTION = (
    *("registry", "subject_naming", "security", "ca_file", "certificate_file", "key_file"),
    *("sasl_mechanism", "username", "password_file", "token_file", "kerberos_service"),
)


class ConnectionSettings(BaseModel):
    """Without `kafka_brokers` there is no Kafka."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    kafka_brokers: str = ""
    """Bootstrap servers, separated by commas."""
    kafka_registry: str = "http://127.0.0.1:8081"
    """URL of a schema registry with Confluent's interface."""
    kafka_subject_naming: str = "topic"
    """Which subject a schema is registered under: topic, record, topic_record."""
    kafka_security: str = "PLAINTEXT"
    """PLAINTEXT, SSL, SASL_PLAINTEXT, SASL_SSL."""
    kafka_ca_file: Path | None = None
    """Certificates that brokers are checked against; the system's when unset."""
    kafka_certificate_file: Path | None = None
    """Our own certificate, for brokers that ask for one."""
    kafka_key_file: Path | None = None
    """Its key."""
    kafka_sasl_mechanism: str | None = None
    """PLAIN, SCRAM-SHA-256, SCRAM-SHA-512, OAUTHBEARER, GSSAPI."""
    kafka_username: str = ""
    """Of PLAIN and SCRAM."""
    kafka_password_file: Path | None = None
    """Of PLAIN and SCRAM."""
    kafka_token_file: Path | None = None
    """Of OAUTHBEARER; read anew for every connection."""
    kafka_kerberos_service: str = "kafka"
    """The brokers' service name, for GSSAPI."""

    @model_validator(mode="after")
    def _check_connection(self) -> Self:
        if self.kafka_brokers:
            try:
                self.kafka_connection()
            except ValidationError as error:
                told = "; ".join(f"{e['loc'] and e['loc'][0]}: {e['msg']}" for e in error.errors())
                raise ValueError(f"kafka: {told}") from error
        return self

    def kafka_connection(self) -> Connection:
        """How brokers and registry are reached."""
        values = {name: getattr(self, f"kafka_{name}") for name in _CONNECTION}
        return Connection(brokers=self.kafka_brokers, **values)
