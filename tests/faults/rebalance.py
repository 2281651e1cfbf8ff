"""Scales from one to three orchestrators and back under load: `make test-rebalance`.

Exits 0 when each id has exactly one result with all its pages, and each orchestrator read some.
The models are fakes in this process, which count the pages that they see; everything else is real.
"""

import argparse
import asyncio
import shutil
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from infra.kafka_broker import KafkaBroker
from infra.kafka_listener import listener
from infra.others import Mongo, SchemaRegistry
from infra.service import free_port
from meshkit.testing import running_server
from orchestrator.config import MODELS
from orchestrator.testing import FakeMesh, FakeModel, tiff
from pagemesh.kafka.client import KafkaClient
from pagemesh.kafka.connection import Connection
from pagemesh.kafka.topics import Topics, create_topics
from tests.faults.answers import Answers, listen
from tests.faults.processes import Process

_NAMES = ("one", "two", "three")
_PAGES = 3
_PAGE_SECONDS = 0.2
_LIMIT_SECONDS = 180.0
_LISTEN_ON_SECONDS = 3.0


@dataclass(frozen=True)
class Scale:
    """The services, and what orchestrators are told of them."""

    folder: Path
    connection: Connection
    settings: dict[str, str]

    def orchestrator(self, name: str) -> Process:
        given = {**self.settings, "state_dir": str(self.folder / name)}
        variables = {f"PAGEMESH_ORCHESTRATOR_{k.upper()}": v for k, v in given.items()}
        return Process(name, ["orchestrator"], variables, self.folder)

    def documents(self, name: str) -> int:
        """That an orchestrator read to their end, by its log."""
        log = self.folder / f"{name}.log"
        return log.read_text().count('"document ended"') if log.exists() else 0


def slowed(model: FakeModel) -> None:
    """Pages take long enough for a load to last."""
    answer = model.answer

    async def slow(request: Any, fake: FakeModel) -> Any:
        await asyncio.sleep(_PAGE_SECONDS)
        return await answer(request, fake)

    model.answer = slow


def send(scale: Scale, count: int) -> set[str]:
    path = scale.folder / "pages.tiff"
    path.write_bytes(tiff(_PAGES))
    ids = {f"request-{number}" for number in range(count)}
    with KafkaClient(scale.connection) as door:
        for name in sorted(ids):
            door.submit({"request_id": name, "location": f"file://{path}", "pipeline": "text"})
    return ids


async def scaled(scale: Scale, count: int) -> Answers:
    """One orchestrator; three after some answers; one again when each of the three gave some."""
    topics, answers = Topics(), Answers()
    consumer = listener(scale.connection.options(), topics.results, topics.dead_letters)
    codec = scale.connection.codec()

    async def hear(wanted: int, seconds: float = _LIMIT_SECONDS) -> None:
        until = asyncio.get_running_loop().time() + seconds
        while len(answers.ids) < wanted and asyncio.get_running_loop().time() < until:
            await asyncio.to_thread(listen, consumer, codec, answers, topics)

    stays, *leave = [scale.orchestrator(name) for name in _NAMES]
    try:
        stays.start()
        await hear(count // 6)
        for each in leave:
            each.start()
        while not all(scale.documents(each.name) for each in leave) and len(answers.ids) < count:
            await hear(len(answers.ids) + 1)
        await hear(min(count, len(answers.ids) + count // 6))
        await asyncio.gather(*(asyncio.to_thread(each.stop) for each in leave))
        await hear(count)
        await hear(count + 1, _LISTEN_ON_SECONDS)
    finally:
        for each in (stays, *leave):
            each.kill()
        consumer.close()
    return answers


async def run(folder: Path, count: int) -> bool:
    broker = KafkaBroker(folder / "kafka", free_port())
    registry = SchemaRegistry(folder / "registry", free_port())
    store = Mongo(folder / "mongodb", free_port())
    services = (broker, registry, store)
    mesh = FakeMesh()
    slowed(mesh["deskew"])
    try:
        for service in services:
            service.start()
            print(f"runs against {service.name}: {service.identity()}")
        connection = Connection(brokers=broker.url, registry=registry.url)
        create_topics(connection, Topics(), partitions=6, replication=1)
        async with running_server(mesh) as models:
            settings = dict.fromkeys((f"{model}_target" for model in MODELS), models.address) | {
                "port": "0",
                "file_roots": str(folder),
                "kafka_brokers": broker.url,
                "kafka_registry": registry.url,
                "store_url": store.url,
                "kafka_session_timeout_ms": "3000",
                "kafka_documents_in_flight": "2",
                "kafka_waiting_records": "4",
            }
            scale = Scale(folder, connection, settings)
            expected = await asyncio.to_thread(send, scale, count)
            answers = await scaled(scale, count)
    finally:
        for service in reversed(services):
            service.stop()
    shares = [scale.documents(name) for name in _NAMES]
    return report(answers, expected, mesh["deskew"].pages, shares)


def report(
    answers: Answers, expected: set[str], pages: Sequence[str], shares: Sequence[int]
) -> bool:
    missing, twice = answers.missing(expected), answers.twice
    redone = len(pages) - _PAGES * len(expected)
    print(f"documents read by each: {dict(zip(_NAMES, shares, strict=True))}")
    print("| orchestrators | ids | results | missing | twice | pages | pages redone |")
    print(
        f"| 1, 3, 1 | {len(expected)} | {len(answers.results)} | {len(missing)} | {len(twice)} "
        f"| {_PAGES * len(expected)} | {redone} |"
    )
    is_whole = dict(answers.states) == {"SUCCEEDED": len(expected)}
    return is_whole and all(shares) and not (missing or twice or answers.wrong or answers.letters)


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.faults.rebalance", description=__doc__)
    parser.add_argument("--requests", type=int, default=120)
    given = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="pagemesh-rebalance-"))
    is_well = asyncio.run(run(folder, given.requests))
    if is_well:
        shutil.rmtree(folder)
    else:
        print(f"logs are in {folder}")
    return 0 if is_well else 1


if __name__ == "__main__":
    sys.exit(main())
