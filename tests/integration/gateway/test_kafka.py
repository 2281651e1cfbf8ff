"""The gateway over Kafka: requests out, results, events and dead letters in, real brokers."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from orchestrator.testing import RunningOrchestrator, running_orchestrator, tiff
from tests.integration.gateway.conftest import Knobs, RunningGateway, config_of, running_gateway
from tests.integration.gateway.test_results import never

pytestmark = [pytest.mark.xdist_group("services"), pytest.mark.timeout(300)]


@pytest.fixture
async def orchestrator(tmp_path: Path, kafka: Knobs) -> AsyncIterator[RunningOrchestrator]:
    roots = (tmp_path / "gateway" / "uploads",)
    async with running_orchestrator(
        tmp_path / "orchestrator", file_roots=roots, kafka_retry_seconds=0.05, **kafka
    ) as running:
        yield running


@pytest.fixture
async def gateway(
    tmp_path: Path, kafka: Knobs, orchestrator: RunningOrchestrator
) -> AsyncIterator[RunningGateway]:
    knobs = kafka | {"kafka_group": f"{kafka['kafka_group']}-gateway"}
    async with running_gateway(config_of(tmp_path, orchestrator.address, **knobs)) as running:
        yield running


async def test_a_document_goes_by_kafka(gateway: RunningGateway) -> None:
    sent = await gateway.send(tiff(3), request_id="by-kafka", pipeline="forms")
    assert sent.status_code == 202
    told = [event async for event in gateway.events("by-kafka")]
    assert (told[-1].name, told[-1].data["status"]) == ("done", "ready")
    pages = [event.data["page_number"] for event in told if event.name == "page"]
    assert sorted(pages) == [1, 2, 3]
    found = await gateway.final("by-kafka")
    assert found["pages"] == {"total": 3, "done": 3, "ok": 3, "failed": 0, "skipped": 0}
    words = found["result"]["pages"][2]["ocr"]["lines"][0]["words"]
    assert [word["text"] for word in words] == ["Name:", "Ann"]
    page = await gateway.http.get("/v1/documents/by-kafka/pages/3")
    assert page.json() == found["result"]["pages"][2]


async def test_a_document_is_cancelled_by_kafka(
    gateway: RunningGateway, orchestrator: RunningOrchestrator
) -> None:
    orchestrator.mesh["ocr"].answer = never
    await gateway.send(tiff(1), request_id="unwanted", pipeline="text")
    answer = await gateway.http.delete("/v1/documents/unwanted")
    assert answer.status_code == 202
    assert (await gateway.final("unwanted", 60))["status"] == "cancelled"


async def test_what_is_given_up_has_failed(gateway: RunningGateway) -> None:
    body = {"location": "file:///nowhere/x.pdf", "request_id": "nowhere", "options": {"a.b": "c"}}
    answer = await gateway.http.post("/v1/documents", json=body)
    assert answer.status_code == 202
    found = await gateway.final("nowhere", 60)
    assert (found["status"], found["error"]["status"] >= 400) == ("failed", True)
