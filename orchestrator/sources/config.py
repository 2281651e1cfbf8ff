"""How requests are taken from Kafka, set by the operator. All names begin with `kafka_`."""

from pydantic import Field

from pagemesh.kafka.settings import ConnectionSettings
from pagemesh.kafka.topics import Topics


class KafkaSettings(ConnectionSettings):
    """Without `kafka_brokers` nothing is taken from Kafka."""

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
    """Where CANCEL, ERASE and STATUS come from; empty: nowhere."""
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
