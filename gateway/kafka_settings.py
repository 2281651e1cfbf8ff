"""How the gateway reaches Kafka, set by the operator. All names begin with `kafka_`."""

from pydantic import Field

from pagemesh.kafka.settings import ConnectionSettings
from pagemesh.kafka.topics import Topics


class KafkaSettings(ConnectionSettings):
    """Without `kafka_brokers` documents go through the local queue."""

    kafka_group: str = Field(default="pagemesh-gateway", min_length=1)
    """The consumer group of all gateways that share a store."""
    kafka_requests_topic: str = Topics.requests
    """Where requests go to."""
    kafka_results_topic: str = Topics.results
    """Where results come from."""
    kafka_events_topic: str = Topics.events
    """Where finished pages are told."""
    kafka_control_topic: str = Topics.control
    """Where CANCEL goes to."""
    kafka_dead_letters_topic: str = Topics.dead_letters
    """Where it is told that a request was given up."""

    @property
    def kafka_topics(self) -> Topics:
        """Names of the topics."""
        names = Topics.__dataclass_fields__
        return Topics(**{name: getattr(self, f"kafka_{name}_topic") for name in names})
