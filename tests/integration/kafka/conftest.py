"""A client's side of the Kafka door, and topics of each test's own."""

import asyncio
import os
import sys
import time
import uuid
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from kafka import KafkaProducer

from infra.kafka_broker import KafkaBroker
from infra.kafka_listener import listener
from infra.others import SchemaRegistry
from orchestrator.config import MODELS
from pagemesh.kafka.codec import Codec
from pagemesh.kafka.connection import Connection
from pagemesh.kafka.topics import Topics, create_topics


@dataclass
class Client:
    """Sends requests, and reads what comes.

    Attributes:
        topics: of this test.
        group: of the orchestrators of this test.
        heard: every record of a contract so far.
        records: the same as they came, with their headers.
    """

    connection: Connection
    topics: Topics
    group: str
    codec: Codec
    producer: Any
    heard: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    records: dict[str, list[Any]] = field(default_factory=dict)
    consumers: dict[str, Any] = field(default_factory=dict)

    def send(self, request_id: str, location: str, **more: Any) -> None:
        record = {"request_id": request_id, "location": location, **more}
        self.send_bytes(self.codec.encode("request", self.topics.requests, record), request_id)

    def send_bytes(self, value: bytes | None, key: str = "x", **more: Any) -> None:
        self.producer.send(self.topics.requests, key=key.encode(), value=value, **more).get(30)

    def command(self, request_id: str, command: str) -> None:
        record = {"request_id": request_id, "command": command}
        value = self.codec.encode("control", self.topics.control, record)
        self.producer.send(self.topics.control, key=request_id.encode(), value=value).get(30)

    async def hear(self, contract: str, count: int, within: float = 60) -> list[dict[str, Any]]:
        """Wait for so many records; returns all so far."""
        heard = self.heard.setdefault(contract, [])
        deadline = time.monotonic() + within
        while len(heard) < count:
            if time.monotonic() > deadline:
                letters = await self.hear_no_more("dead_letter")
                told = [(each["request_id"], each["stage"], each["error"]) for each in letters]
                pytest.fail(f"{len(heard)} of {count} {contract}s came, and dead letters: {told}")
            await asyncio.to_thread(self._poll, contract)
        return heard

    async def hear_no_more(self, contract: str, seconds: float = 1.5) -> list[dict[str, Any]]:
        """All records so far, after a while of listening."""
        until = time.monotonic() + seconds
        self.heard.setdefault(contract, [])
        while time.monotonic() < until:
            await asyncio.to_thread(self._poll, contract)
        return self.heard[contract]

    def _poll(self, contract: str) -> None:
        consumer = self._consumer(contract)
        for records in consumer.poll(timeout_ms=100).values():
            self.records.setdefault(contract, []).extend(records)
            self.heard[contract] += [self.codec.decode(contract, r.value) for r in records]

    def _consumer(self, contract: str) -> Any:
        if contract not in self.consumers:
            topic = {
                "result": self.topics.results,
                "dead_letter": self.topics.dead_letters,
                "event": self.topics.events,
            }[contract]
            self.consumers[contract] = listener(self.connection.options(), topic)
        return self.consumers[contract]

    def settings(self, folder: Path) -> dict[str, Any]:
        """What makes an orchestrator take this test's requests, documents from this folder."""
        return {
            "kafka_brokers": self.connection.brokers,
            "kafka_registry": self.connection.registry,
            "kafka_group": self.group,
            "kafka_requests_topic": self.topics.requests,
            "kafka_results_topic": self.topics.results,
            "kafka_events_topic": self.topics.events,
            "kafka_control_topic": self.topics.control,
            "kafka_dead_letters_topic": self.topics.dead_letters,
            "kafka_retry_seconds": 0.05,
            "file_roots": (folder,),
        }


@pytest.fixture
def client(broker: KafkaBroker, registry: SchemaRegistry) -> Iterator[Client]:
    name = uuid.uuid4().hex[:8]
    topics = Topics(*(f"{name}.{part}" for part in vars(Topics())))
    connection = Connection(brokers=broker.url, registry=registry.url)
    create_topics(connection, topics, partitions=4, replication=1)
    producer = KafkaProducer(**connection.options(), acks="all")
    client = Client(connection, topics, name, connection.codec(), producer)
    yield client
    producer.close()
    for consumer in client.consumers.values():
        consumer.close()


@asynccontextmanager
async def orchestrator_process(
    state: Path, target: str, settings: dict[str, Any]
) -> AsyncIterator[asyncio.subprocess.Process]:
    """`python -m orchestrator`, killed with -9 at the end unless it has ended."""
    given = {name: str(value) for name, value in settings.items()}
    given |= {"port": "0", "state_dir": str(state), "file_roots": str(settings["file_roots"][0])}
    given |= {f"{model}_target": target for model in MODELS}
    variables = {f"PAGEMESH_ORCHESTRATOR_{name.upper()}": value for name, value in given.items()}
    with (state.parent / f"{state.name}.log").open("ab") as log:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "orchestrator"),
            env={**os.environ, **variables},
            stdout=log,
            stderr=log,
        )
    try:
        yield process
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()
