"""How requests are taken from Kafka, set by the operator. All names begin with `kafka_`."""

from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from pagemesh.kafka.connection import Connection
from pagemesh.kafka.topics import Topics

_CONNECTION = (
    *("registry", "subject_naming", "security", "ca_file", "certificate_file", "key_file"),
    *("sasl_mechanism", "username", "password_file", "token_file", "kerberos_service"),
)


class KafkaSettings(BaseModel):
    """Without `kafka_brokers` nothing is taken from Kafka."""

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

    kafka_group: str = "pagemesh"
    """The consumer group that shares the requests."""
    kafka_claims_url: str = ""
    """Where several orchestrators of a group keep who owns which request id: `redis://host:port/0`,
    `mongodb://host:port/database`. Empty: where documents are kept, which for one orchestrator is
    its state folder."""
    kafka_requests_topic: str = Topics.requests
    """Where requests come from."""
    kafka_results_topic: str = Topics.results
    """Where results go to, unless the request names one of the reply topics."""
    kafka_reply_topics: tuple[str, ...] = ()
    """Topics that requests may name for their results."""
    kafka_events_topic: str = Topics.events
    """Where finished pages and answers to STATUS are told; empty: nowhere."""
    kafka_control_topic: str = Topics.control
    """Where CANCEL and STATUS come from; empty: nowhere."""
    kafka_dead_letters_topic: str = Topics.dead_letters
    """Where records go that cannot be worked on."""

    kafka_documents_in_flight: int = Field(default=8, ge=1)
    """Documents of Kafka that are at work or have their turn next."""
    kafka_client_documents: int = Field(default=0, ge=0)
    """The same for each client; 0: no limit."""
    kafka_waiting_records: int = Field(default=64, ge=1)
    """Records of a partition that are taken and not done; a partition with so many is paused."""
    kafka_waiting_bytes: int = Field(default=32 * 1024 * 1024, ge=1)
    """Bytes of all records that are taken and not done; with more, every partition is paused."""
    kafka_max_request_bytes: int = Field(default=64 * 1024, ge=256)
    """A longer request is a dead letter."""
    kafka_max_record_bytes: int = Field(default=900_000, ge=10_000)
    """A result with more content goes to `kafka_results_location`; brokers take 1 MiB."""
    kafka_results_location: str = ""
    """Where large results go: `s3://bucket/prefix`, at `s3_endpoint`. Empty: they are left out of
    the record, which says so."""
    kafka_max_attempts: int = Field(default=8, ge=1)
    """Attempts at a request whose trouble may pass, before it is a dead letter."""
    kafka_retry_seconds: float = Field(default=1.0, gt=0)
    """Before the second attempt; doubled for each further one, up to a minute."""
    kafka_session_timeout_ms: int = Field(default=45_000, ge=1_000)
    """An orchestrator that is silent for so long loses its partitions to the others."""

    @model_validator(mode="after")
    def _check_connection(self) -> "KafkaSettings":
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
