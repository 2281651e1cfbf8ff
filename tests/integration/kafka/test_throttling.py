"""What is too much at once waits in Kafka, and no client keeps the others out."""

import asyncio
from pathlib import Path
from typing import Any

import pytest

from meshkit.testing import eventually, running_server
from orchestrator.testing import (
    FakeMesh,
    FakeModel,
    RunningOrchestrator,
    running_orchestrator,
    tiff,
)
from tests.integration.kafka.conftest import Client, orchestrator_process
from tests.telemetry import Recorder
from tests.telemetry import recorded as recorded  # noqa: PLC0414 - a fixture

pytestmark = [pytest.mark.xdist_group("services"), pytest.mark.timeout(300)]


def held_back(mesh: FakeMesh) -> asyncio.Event:
    """Documents wait at the deskew model until this is set."""
    deskew, go_on = mesh["deskew"], asyncio.Event()
    at_once = deskew.answer

    async def slow(request: Any, fake: FakeModel) -> Any:
        await go_on.wait()
        return await at_once(request, fake)

    deskew.answer = slow
    return go_on


def names_at_work(running: RunningOrchestrator) -> set[str]:
    """Documents whose pages came to the deskew model so far."""
    return {page.rpartition("/")[0] for page in running.mesh["deskew"].pages}


@pytest.fixture
def location(tmp_path: Path) -> str:
    (tmp_path / "1.tiff").write_bytes(tiff(1))
    return f"file://{tmp_path}/1.tiff"


async def test_bytes_that_wait_pause_every_partition_until_they_are_done(
    client: Client, tmp_path: Path, location: str, recorded: Recorder
) -> None:
    knobs = {**client.settings(tmp_path), "kafka_waiting_bytes": 1}
    topic = {"messaging__destination__name": client.topics.requests}

    def paused() -> float:
        return recorded.value("pagemesh.kafka.partitions.paused", **topic)

    def taken() -> float:
        return recorded.value("messaging.client.consumed.messages", **topic)

    async with running_orchestrator(tmp_path / "state", **knobs) as running:
        go_on = held_back(running.mesh)
        for number in range(12):
            client.send(f"r{number}", location, pipeline="text")
        await eventually(lambda: bool(names_at_work(running)))
        await eventually(lambda: paused() == 4)  # the twelve are in all of them
        before = taken()
        client.send("late", location, pipeline="text")
        await asyncio.sleep(0.5)
        assert taken() == before
        go_on.set()
        results = await client.hear("result", 13)
        assert {r["state"] for r in results} == {"SUCCEEDED"}
        await eventually(lambda: paused() == 0)
    assert taken() == 13


async def test_a_client_with_many_documents_does_not_keep_another_out(
    client: Client, tmp_path: Path, location: str
) -> None:
    knobs = {
        **client.settings(tmp_path),
        "kafka_documents_in_flight": 3,
        "kafka_client_documents": 2,
    }
    async with running_orchestrator(tmp_path / "state", **knobs) as running:
        go_on = held_back(running.mesh)
        for number in range(6):
            client.send(f"many{number}", location, pipeline="text", client="many")
        await eventually(lambda: running.mesh["deskew"].at_work == 2)
        client.send("one", location, pipeline="text", client="one")
        await eventually(lambda: "one" in names_at_work(running))
        assert len(names_at_work(running)) == 3  # two of the first client's six, and this one
        go_on.set()
        results = await client.hear("result", 7)
    assert {r["state"] for r in results} == {"SUCCEEDED"}
    assert running.mesh["deskew"].most_at_work <= 3


async def test_a_slow_document_keeps_its_partition(
    client: Client, tmp_path: Path, location: str
) -> None:
    """It takes longer than the session: who does not poll and beat meanwhile is thrown out."""
    seconds = 6
    settings = client.settings(tmp_path) | {
        "kafka_session_timeout_ms": seconds * 1000,
        "kafka_waiting_records": 1,
    }
    mesh = FakeMesh()
    go_on = held_back(mesh)
    async with (
        running_server(mesh) as models,
        orchestrator_process(tmp_path / "state", models.address, settings),
    ):
        client.send("slow", location, pipeline="text")
        await eventually(lambda: mesh["deskew"].at_work == 1)
        await asyncio.sleep(seconds * 1.5)
        go_on.set()
        await client.hear("result", 1)
    log = (tmp_path / "state.log").read_text()
    assert '"message"' in log
    assert "broke off" not in log  # whoever was thrown out cannot commit its answer


async def test_a_backlog_of_many_partitions_is_worked_off(client: Client, tmp_path: Path) -> None:
    """Partitions are paused in the middle of what was fetched of them, again and again."""
    count = 600
    for number in range(count):
        client.producer.send(client.topics.requests, key=str(number).encode(), value=b"poison")
    client.producer.flush()
    settings = client.settings(tmp_path) | {"kafka_waiting_records": 8}
    async with running_orchestrator(tmp_path / "state", **settings):
        letters = await client.hear("dead_letter", count)
    assert len(letters) == count
