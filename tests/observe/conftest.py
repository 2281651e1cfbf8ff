"""A collector, Prometheus, Kafka, and a mesh that tells them."""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from infra.downloads import ServiceError, has_collector
from infra.kafka_broker import KafkaBroker
from infra.observability import Collector, Prometheus
from infra.others import SchemaRegistry
from infra.service import free_port
from pagemesh import Client
from tests.e2e.conftest import SAMPLES, Command, Mesh

DOCUMENT = SAMPLES / "application_form.pdf"
CLIENT, KAFKA_CLIENT = "observer", "correspondent"


@dataclass(frozen=True)
class Observed:
    """What was sent, and who was told.

    Attributes:
        collector, prometheus: who was told.
        results: of every document that came by gRPC, as the client got them.
        mesh: the folder of the mesh.
    """

    collector: Collector
    prometheus: Prometheus
    results: list[Any]
    mesh: Path


@pytest.fixture(scope="session")
def collector(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Collector]:
    if not has_collector():
        pytest.skip("the OpenTelemetry Collector is not built here: make test-observe")
    folder = tmp_path_factory.mktemp("observe")
    made = Collector(folder / "otelcol", free_port(), log_files=str(folder / "state/up/logs/*.log"))
    made.start()
    yield made
    made.stop()


@pytest.fixture(scope="session")
def prometheus(collector: Collector) -> Iterator[Prometheus]:
    made = Prometheus(collector.folder.parent / "prometheus", free_port(), collector)
    try:
        made.start()
    except ServiceError as error:
        pytest.skip(str(error))
    yield made
    made.stop()


@pytest.fixture(scope="session")
def kafka(tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[str]]:
    """Options of a command that tell where Kafka and the schema registry are."""
    folder = tmp_path_factory.mktemp("kafka")
    broker = KafkaBroker(folder / "kafka", free_port())
    registry = SchemaRegistry(folder / "registry", free_port())
    try:
        broker.start()
        registry.start()
        yield ["--kafka", broker.url, "--registry", registry.url]
    except ServiceError as error:
        pytest.skip(str(error))
    finally:
        registry.stop()
        broker.stop()


@pytest.fixture(scope="session")
def observed(collector: Collector, prometheus: Prometheus, kafka: list[str]) -> Iterator[Observed]:
    """Two documents went through a mesh, one page of one of them twice; and one page by Kafka."""
    command = Command(collector.folder.parent / "state")
    _, broker, _, registry = kafka
    command.environ |= {
        "OTEL_EXPORTER_OTLP_ENDPOINT": collector.url,
        "OTEL_METRIC_EXPORT_INTERVAL": "1000",
        "PAGEMESH_ORCHESTRATOR_KAFKA_BROKERS": broker,
        "PAGEMESH_ORCHESTRATOR_KAFKA_REGISTRY": registry,
        "PAGEMESH_ORCHESTRATOR_FILE_ROOTS": str(SAMPLES),
    }
    run(command, "create-topics", *kafka)
    mesh = Mesh(command)
    try:
        results = []
        with Client(mesh.address, caller=CLIENT) as client:
            for request_id, pages in (("first", "1-2"), ("second", "2")):
                stream = client.analyze(
                    DOCUMENT, request_id=request_id, pages=pages, options={"ocr.tier": "fast"}
                )
                results.append(stream.collect())
        asked = ["--request-id", "third", "--pages", "3", "--client", KAFKA_CLIENT]
        asked += ["--option", "ocr.tier=fast"]
        run(command, "submit", f"file://{DOCUMENT}", *asked, *kafka)
        run(command, "result", "third", "--wait", "--timeout", "120", *kafka)
        yield Observed(collector, prometheus, results, command.state / "up")
    finally:
        assert mesh.stop() == 0


def run(command: Command, *arguments: str) -> None:
    done = command.run(*arguments)
    assert not done.returncode, done.stderr


def until(condition: Callable[[], Any], seconds: float = 60.0) -> Any:
    """What the condition gives once it holds."""
    end = time.monotonic() + seconds
    while not (found := condition()):
        assert time.monotonic() < end, "it never came to be"
        time.sleep(0.2)
    return found


def plain(attributes: list[dict[str, Any]]) -> dict[str, Any]:
    """OTLP's JSON attributes as plain values."""
    found: dict[str, Any] = {}
    for attribute in attributes:
        (kind, value), *_ = attribute["value"].items()
        found[attribute["key"]] = int(value) if kind == "intValue" else value
    return found
