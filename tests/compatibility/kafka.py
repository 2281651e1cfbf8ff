"""What travels over Kafka, to be recorded."""

import contextlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from kafka import KafkaConsumer, TopicPartition
from schema_registry.client import SchemaRegistryClient

from infra.kafka_broker import KafkaBroker
from infra.others import SchemaRegistry
from infra.service import free_port
from orchestrator.testing import running_orchestrator
from pagemesh.kafka.connection import Connection
from pagemesh.kafka.topics import Topics, create_topics
from tests.compatibility import frames
from tests.compatibility.gateway import FILES, scratch
from tests.integration.gateway.conftest import config_of, running_gateway

_CONTRACTS = {
    "requests": "request",
    "results": "result",
    "events": "event",
    "control": "control",
    "dead_letters": "dead_letter",
}


async def record_kafka(folder: Path) -> None:
    """A document that is read, one that is given up, and a command."""
    with scratch() as root, _services(root) as (broker, registry):
        connection = Connection(brokers=broker.url, registry=registry.url)
        create_topics(connection, Topics(), partitions=1, replication=1)
        knobs: dict[str, Any] = {"kafka_brokers": broker.url, "kafka_registry": registry.url}
        roots = (root / "gateway" / "uploads",)
        async with (
            running_orchestrator(root / "orchestrator", file_roots=roots, **knobs) as running,
            running_gateway(config_of(root, running.address, **knobs)) as gateway,
        ):
            await gateway.send(FILES["form.tiff"], request_id="done", pipeline="forms")
            await gateway.final("done", 120)
            unknown = {"nobody.knows": "this"}
            body = {"location": "file:///nowhere/x", "request_id": "given-up", "options": unknown}
            await gateway.http.post("/v1/documents", json=body)
            await gateway.final("given-up", 120)
            await gateway.http.post("/v1/documents/done/erase")
        for topic, contract in _CONTRACTS.items():
            _write(folder, contract, connection, getattr(Topics(), topic))


@contextlib.contextmanager
def _services(folder: Path) -> Iterator[tuple[KafkaBroker, SchemaRegistry]]:
    with contextlib.ExitStack() as stack:
        broker = KafkaBroker(folder / "kafka", free_port())
        registry = SchemaRegistry(folder / "registry", free_port())
        for service in (broker, registry):
            service.start()
            stack.callback(service.stop)
        yield broker, registry


def _write(folder: Path, contract: str, connection: Connection, topic: str) -> None:
    """All records of a topic, and the schema that they were written by."""
    place = TopicPartition(topic, 0)
    options = connection.options() | {"isolation_level": "read_committed"}
    with contextlib.closing(KafkaConsumer(**options, enable_auto_commit=False)) as consumer:
        consumer.assign([place])
        consumer.seek_to_beginning(place)
        (end,) = consumer.end_offsets([place]).values()
        values: list[bytes] = []
        while consumer.position(place) < end:
            for records in consumer.poll(timeout_ms=1000).values():
                values += [record.value for record in records]
    ids = {int.from_bytes(value[1:5], "big") for value in values}
    schemas = SchemaRegistryClient(url=connection.registry)
    for schema_id in sorted(ids):
        schema: Any = schemas.get_by_id(schema_id)
        path = folder / f"{contract}.{schema_id}.avsc"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(schema.raw_schema) + "\n")
    frames.write(folder / f"{contract}.records", values)
