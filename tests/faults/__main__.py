"""Sends requests while orchestrator, models, broker and store are killed with -9 at random moments.

`python -m tests.faults --seed 1 --requests 500`: exits 0 when each id has exactly one final result
or dead letter, and every account of pages adds up. The models are fakes, a process each, unless
`--models real` asks for our own; everything else is real.
"""

import argparse
import random
import shutil
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

from infra.kafka_broker import KafkaBroker
from infra.kafka_listener import listener
from infra.others import Mongo, Redis, SchemaRegistry
from infra.service import Service, free_port
from orchestrator.config import MODELS
from orchestrator.testing import tiff
from pagemesh.kafka.client import KafkaClient
from pagemesh.kafka.connection import Connection
from pagemesh.kafka.topics import Topics, create_topics
from tests.faults.answers import Answers, listen
from tests.faults.processes import Process

_SAMPLES = Path(__file__).parents[2] / "samples"
_STORES: dict[str, type[Service]] = {"redis": Redis, "mongodb": Mongo}
"""Redis keeps claims beside documents in a file; a server of MongoDB's protocol keeps both."""
_QUIET_SHARE = 0.9
"""Killing ends when so many requests are answered."""
_ANSWERS_APART = 25
"""Answers between two kills, on average."""
_SOON_SHARE = 0.25
"""Of kills, those that hit what has not recovered from the one before."""


class House:
    """Everything that runs."""

    def __init__(self, folder: Path, store: str, models: str) -> None:
        self.folder = folder
        self.broker = KafkaBroker(folder / "kafka", free_port())
        self.registry = SchemaRegistry(folder / "registry", free_port())
        self.store = _STORES[store](folder / store, free_port())
        for service in (self.broker, self.registry, self.store):
            service.start()
            print(f"runs against {service.name}: {service.identity()}")
        self.connection = Connection(brokers=self.broker.url, registry=self.registry.url)
        create_topics(self.connection, Topics(), partitions=8, replication=1)
        ports = {model: free_port() for model in MODELS}
        self.models = [_model(models, model, port, folder) for model, port in ports.items()]
        given = {f"{model}_target": f"127.0.0.1:{port}" for model, port in ports.items()} | {
            "port": "0",
            "state_dir": str(folder / "state"),
            "file_roots": str(folder / "documents"),
            "kafka_brokers": self.broker.url,
            "kafka_registry": self.registry.url,
            "kafka_claims_url" if store == "redis" else "store_url": self.store.url,
            "kafka_session_timeout_ms": "3000",
            "kafka_retry_seconds": "0.5",
        }
        variables = {f"PAGEMESH_ORCHESTRATOR_{k.upper()}": v for k, v in given.items()}
        self.orchestrator = Process("orchestrator", ["orchestrator"], variables, folder)
        for process in (*self.models, self.orchestrator):
            process.start()

    def close(self) -> None:
        for process in (self.orchestrator, *self.models):
            process.kill()
        for service in (self.store, self.registry, self.broker):
            service.stop()

    def strike(self, chance: random.Random) -> str:
        """Kill something and start it again; returns its name."""
        victims: list[Process | Service] = [
            *[self.orchestrator] * 4,
            *self.models,
            self.broker,
            self.store,
        ]
        victim = chance.choice(victims)
        victim.kill()
        time.sleep(chance.random())
        victim.start()
        return victim.name


def _model(kind: str, name: str, port: int, folder: Path) -> Process:
    """A model's process: a fake, or the real server with its fast tier."""
    if kind == "fake":
        return Process(name, ["tests.faults.model", str(port)], {}, folder)
    prefix = f"PAGEMESH_{name.upper()}"
    variables = {f"{prefix}_PORT": str(port)} | (
        {f"{prefix}_TIER": "fast"} if name == "ocr" else {}
    )
    return Process(name, [f"servers.{name}"], variables, folder)


class Moments:
    """When something is killed: after a few answers more, or while all still recovers.

    By answers and not by the clock, so that a slow machine sees no more kills than a fast one.
    """

    def __init__(self, chance: random.Random) -> None:
        self._chance = chance
        self._answers = chance.randint(0, 5)
        self._seconds = 0.0

    def is_now(self, answered: int) -> bool:
        return answered >= self._answers and time.monotonic() >= self._seconds

    def struck(self, answered: int) -> None:
        is_soon = self._chance.random() < _SOON_SHARE
        self._answers = answered + (0 if is_soon else self._chance.randint(1, 2 * _ANSWERS_APART))
        self._seconds = time.monotonic() + self._chance.uniform(0, 5 if is_soon else 1)


def make_documents(folder: Path) -> list[str]:
    """Real samples, pages without end, and broken ones; returns their locations."""
    folder.mkdir()
    for name in ("ticked_and_signed.png", "wrong_type.png", "pages.tiff"):
        shutil.copy(_SAMPLES / name, folder / name)
    (folder / "many.tiff").write_bytes(tiff(6))
    (folder / "broken.pdf").write_bytes((_SAMPLES / "application_form.pdf").read_bytes()[:2000])
    return [f"file://{path}" for path in sorted(folder.iterdir())] + [f"file://{folder}/absent.pdf"]


def send(house: House, count: int, chance: random.Random) -> set[str]:
    locations = make_documents(house.folder / "documents")
    ids = [f"request-{number}" for number in range(count)]
    with KafkaClient(house.connection) as door:
        for request_id in ids:
            pipeline = "nosuch" if chance.random() < 0.02 else chance.choice(["text", "forms"])
            request = {
                "request_id": request_id,
                "location": chance.choice(locations),
                "pipeline": pipeline,
            }
            for _ in range(2 if chance.random() < 0.1 else 1):
                door.submit(request)
    return set(ids)


def run(house: House, count: int, seed: int, limit_seconds: float) -> bool:
    chance = random.Random(seed)  # noqa: S311 - chance, not a secret
    topics, answers, kills = Topics(), Answers(), Counter[str]()
    expected = send(house, count, chance)
    consumer = listener(house.connection.options(), topics.results, topics.dead_letters)
    codec = house.connection.codec()
    begun = time.monotonic()
    moments = Moments(chance)
    news, answered = begun, 0
    while answers.ids < expected and time.monotonic() - news < limit_seconds:
        listen(consumer, codec, answers, topics)
        if len(answers.ids) > answered:
            news, answered = time.monotonic(), len(answers.ids)
        if moments.is_now(answered) and answered < _QUIET_SHARE * count:
            kills[house.strike(chance)] += 1
            moments.struck(answered)
    until = time.monotonic() + 5
    while time.monotonic() < until:
        listen(consumer, codec, answers, topics)
    consumer.close()
    print(f"killed: {dict(kills)}, in {time.monotonic() - begun:.0f} s")
    return report(answers, expected, f"{seed} | {house.store.name}", kills.total())


def report(answers: Answers, expected: set[str], told: str, kills: int) -> bool:
    missing, twice = answers.missing(expected), answers.twice
    print(
        f"{len(expected)} ids: {len(answers.results)} with a result {dict(answers.states)}, "
        f"{len(answers.letters)} with a dead letter {dict(answers.reasons)}, {len(missing)} "
        f"missing, {len(twice)} answered twice, {len(answers.wrong)} accounts wrong"
    )
    print(
        "| seed | store | kills | ids | results | dead letters | missing | twice | accounts wrong |"
    )
    print(
        f"| {told} | {kills} | {len(expected)} | {len(answers.results)} | {len(answers.letters)} "
        f"| {len(missing)} | {len(twice)} | {len(answers.wrong)} |"
    )
    for what, names in (("missing", missing), ("twice", twice), ("wrong", answers.wrong)):
        if names:
            print(f"{what}: {sorted(names)[:10]}")
    return not (missing or twice or answers.wrong) and answers.ids == expected


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--requests", type=int, default=500)
    parser.add_argument("--seed", type=int, default=random.randrange(10**6))  # noqa: S311 - chance, not a secret
    parser.add_argument("--limit-seconds", type=float, default=180, help="without a new answer")
    parser.add_argument("--store", choices=_STORES, default="redis")
    parser.add_argument("--models", choices=["fake", "real"], default="fake")
    given = parser.parse_args()
    print(f"seed {given.seed}")
    folder = Path(tempfile.mkdtemp(prefix="pagemesh-faults-"))
    house = House(folder, given.store, given.models)
    try:
        is_well = run(house, given.requests, given.seed, given.limit_seconds)
    finally:
        house.close()
    if is_well:
        shutil.rmtree(folder)
    else:
        print(f"logs are in {folder}")
    return 0 if is_well else 1


if __name__ == "__main__":
    sys.exit(main())
