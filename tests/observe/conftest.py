"""A collector, Prometheus, and a mesh that tells them."""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from infra.downloads import ServiceError, has_collector
from infra.observability import Collector, Prometheus
from infra.service import free_port
from pagemesh import Client
from tests.e2e.conftest import SAMPLES, Command, Mesh

DOCUMENT = SAMPLES / "application_form.pdf"
CLIENT = "observer"


@dataclass(frozen=True)
class Observed:
    """What was sent, and who was told.

    Attributes:
        collector, prometheus: who was told.
        results: of every document that was read, as the client got them.
        request_ids: theirs.
        mesh: the folder of the mesh.
    """

    collector: Collector
    prometheus: Prometheus
    results: list[Any]
    request_ids: list[str]
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
def observed(collector: Collector, prometheus: Prometheus) -> Iterator[Observed]:
    """Two documents went through a mesh, one page of one of them twice."""
    command = Command(collector.folder.parent / "state")
    command.environ |= {
        "OTEL_EXPORTER_OTLP_ENDPOINT": collector.url,
        "OTEL_METRIC_EXPORT_INTERVAL": "1000",
    }
    mesh = Mesh(command)
    try:
        results, request_ids = [], ["first", "second"]
        with Client(mesh.address, caller=CLIENT) as client:
            for request_id, pages in zip(request_ids, ("1-2", "2"), strict=True):
                stream = client.analyze(
                    DOCUMENT, request_id=request_id, pages=pages, options={"ocr.tier": "fast"}
                )
                results.append(stream.collect())
        yield Observed(collector, prometheus, results, request_ids, command.state / "up")
    finally:
        assert mesh.stop() == 0


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
