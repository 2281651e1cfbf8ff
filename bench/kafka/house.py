"""A broker, a registry, and topics with requests in them."""

import contextlib
import tempfile
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from kafka import KafkaProducer

from infra.kafka_broker import KafkaBroker
from infra.others import SchemaRegistry
from infra.service import free_port
from orchestrator.sources.config import KafkaSettings
from pagemesh.kafka.connection import Connection
from pagemesh.kafka.topics import Topics, create_topics

PARTITIONS = 16


@dataclass(frozen=True)
class Room:
    """Topics of a turn's own.

    Attributes:
        settings: of an orchestrator that takes its requests.
    """

    connection: Connection
    topics: Topics
    settings: KafkaSettings

    def send(
        self, count: int, location: str = "file:///nowhere/a.tiff", prefix: str = "request"
    ) -> None:
        """So many requests, spread over the partitions by their ids."""
        codec = self.connection.codec()
        producer = KafkaProducer(**self.connection.options(), linger_ms=20)
        for number in range(count):
            request_id = f"{prefix}-{number}"
            request = {"request_id": request_id, "location": location, "pipeline": "text"}
            value = codec.encode("request", self.topics.requests, request)
            producer.send(self.topics.requests, key=request_id.encode(), value=value)
        producer.flush()
        producer.close()


class House:
    """Real services on 127.0.0.1."""

    def __init__(self, folder: Path) -> None:
        self._services = (
            KafkaBroker(folder / "kafka", free_port()),
            SchemaRegistry(folder / "registry", free_port()),
        )
        for service in self._services:
            service.start()
            print(f"runs against {service.name}: {service.identity()}")
        broker, registry = self._services
        self.connection = Connection(brokers=broker.url, registry=registry.url)

    def room(self) -> Room:
        """New topics."""
        name = uuid.uuid4().hex[:8]
        topics = Topics(*(f"{name}.{part}" for part in vars(Topics())))
        create_topics(self.connection, topics, partitions=PARTITIONS, replication=1)
        settings = KafkaSettings(
            kafka_brokers=self.connection.brokers,
            kafka_registry=self.connection.registry,
            kafka_group=name,
            kafka_requests_topic=topics.requests,
            kafka_results_topic=topics.results,
            kafka_events_topic="",
            kafka_control_topic=topics.control,
            kafka_dead_letters_topic=topics.dead_letters,
        )
        return Room(self.connection, topics, settings)

    def close(self) -> None:
        for service in reversed(self._services):
            service.stop()


@contextlib.contextmanager
def house() -> Iterator[House]:
    """Services for as long as this is open."""
    with tempfile.TemporaryDirectory(prefix="pagemesh-bench-") as folder:
        opened = House(Path(folder))
        try:
            yield opened
        finally:
            opened.close()
