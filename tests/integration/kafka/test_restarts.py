"""Orchestrators and brokers are killed, join and leave: every request is answered once."""

import asyncio
import gc
from collections import Counter
from collections.abc import Iterator
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import pytest
from kafka import KafkaAdminClient

from infra.kafka_broker import KafkaBroker
from infra.others import Mongo
from meshkit.testing import running_server
from orchestrator.testing import FakeMesh, FakeModel, tiff
from tests.integration.kafka.conftest import Client, orchestrator_process
from tests.integration.processes import asked, hang_after

pytestmark = [
    pytest.mark.xdist_group("services"),
    pytest.mark.timeout(400),
    # kafka-python leaves the sockets of refused connections to the garbage collector.
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]


@pytest.fixture(autouse=True)
def refused_connections() -> Iterator[None]:
    """Collected here, where they are expected."""
    yield
    gc.collect()


def slowed(model: FakeModel, seconds: float) -> None:
    answer = model.answer

    async def slow(request: Any, fake: FakeModel) -> Any:
        await asyncio.sleep(seconds)
        return await answer(request, fake)

    model.answer = slow


async def until_shared(client: Client, orchestrators: int) -> None:
    """Wait until so many members of the group have partitions."""
    admin = KafkaAdminClient(**client.connection.options())
    try:
        async with asyncio.timeout(120):
            while True:
                told = await asyncio.to_thread(admin.describe_groups, [client.group])
                members = [each["member_assignment"] for each in told[client.group]["members"]]
                shares = [each["assigned_partitions"] for each in members if each]
                if len(shares) == orchestrators and all(shares):
                    return
                await asyncio.sleep(0.2)
    finally:
        admin.close()


def check_answers(results: list[dict[str, Any]], names: list[str], pages: int) -> None:
    assert Counter(each["request_id"] for each in results) == dict.fromkeys(names, 1)
    assert {each["state"] for each in results} == {"SUCCEEDED"}
    assert {each["pages"]["ok"] for each in results} == {pages}


async def test_killed_orchestrators_answer_every_request_once(
    client: Client, tmp_path: Path
) -> None:
    (tmp_path / "4.tiff").write_bytes(tiff(4))
    settings = client.settings(tmp_path) | {"kafka_session_timeout_ms": 3000}
    names = [f"document-{number}" for number in range(12)]
    mesh = FakeMesh()
    slowed(mesh["deskew"], 0.1)
    async with running_server(mesh) as models:
        for name in names:
            client.send(name, f"file://{tmp_path}/4.tiff", pipeline="text")
        for kills in (1, 4, 7):
            async with orchestrator_process(tmp_path / "state", models.address, settings):
                await client.hear("result", kills, within=120)
        for name in names:
            client.send(name, f"file://{tmp_path}/4.tiff", pipeline="text")
        async with orchestrator_process(tmp_path / "state", models.address, settings):
            await client.hear("result", len(names), within=120)
            results = await client.hear_no_more("result", 3)
    check_answers(results, names, 4)
    assert not await client.hear_no_more("dead_letter", 0.5)
    # A page in work when its orchestrator was killed is read again; a finished one is not.
    again = len(mesh["deskew"].pages) - 4 * len(names)
    assert 0 <= again <= 3 * 4 * settings.get("kafka_documents_in_flight", 8)
    assert again < 2 * len(names)


async def test_a_killed_broker_loses_and_repeats_nothing(
    client: Client, broker: KafkaBroker, tmp_path: Path
) -> None:
    (tmp_path / "2.tiff").write_bytes(tiff(2))
    names = [f"document-{number}" for number in range(10)]
    mesh = FakeMesh()
    slowed(mesh["deskew"], 0.1)
    async with running_server(mesh) as models:
        for name in names:
            client.send(name, f"file://{tmp_path}/2.tiff", pipeline="text")
        async with orchestrator_process(
            tmp_path / "state", models.address, client.settings(tmp_path)
        ):
            await client.hear("result", 2, within=120)
            await asyncio.to_thread(broker.kill)
            await asyncio.sleep(1)
            await asyncio.to_thread(broker.start)
            await client.hear("result", len(names), within=120)
            results = await client.hear_no_more("result", 3)
    check_answers(results, names, 2)


async def test_orchestrators_join_and_leave_under_load(client: Client, tmp_path: Path) -> None:
    (tmp_path / "2.tiff").write_bytes(tiff(2))
    names: list[str] = []
    mesh = FakeMesh()
    slowed(mesh["deskew"], 0.05)
    settings = client.settings(tmp_path) | {"kafka_session_timeout_ms": 3000}
    async with running_server(mesh) as models, AsyncExitStack() as others:

        async def send(count: int) -> None:
            for _ in range(count):
                names.append(f"document-{len(names)}")
                await asyncio.to_thread(
                    client.send, names[-1], f"file://{tmp_path}/2.tiff", pipeline="text"
                )

        async def keep_sending() -> None:
            while True:
                await send(1)
                await asyncio.sleep(0.2)

        async with orchestrator_process(tmp_path / "one", models.address, settings):
            await send(2)
            await client.hear("result", 2, within=120)
            sending = asyncio.create_task(keep_sending())
            leaving = [
                await others.enter_async_context(
                    orchestrator_process(tmp_path / name, models.address, settings)
                )
                for name in ("two", "three")
            ]
            await until_shared(client, 3)
            sending.cancel()
            await asyncio.wait([sending])
            await send(40)
            await client.hear("result", len(names) - 20, within=120)
            for process in leaving:
                process.terminate()
            await client.hear("result", len(names), within=120)
            results = await client.hear_no_more("result", 3)
    check_answers(results, names, 2)


async def test_another_orchestrator_goes_on_at_the_first_unfinished_page(
    client: Client, mongo: Mongo, tmp_path: Path
) -> None:
    """It has a state folder of its own: finished pages and claims are in the shared store."""
    (tmp_path / "4.tiff").write_bytes(tiff(4))
    settings = client.settings(tmp_path) | {
        "kafka_session_timeout_ms": 3000,
        "store_url": mongo.database_url(f"kafka-{client.group}"),
    }
    mesh = FakeMesh()
    deskew = mesh["deskew"]
    answer = deskew.answer
    hang_after(deskew, 2)
    async with running_server(mesh) as models:
        async with orchestrator_process(tmp_path / "one", models.address, settings):
            client.send("cut", f"file://{tmp_path}/4.tiff", pipeline="text")
            await client.hear("event", 2, within=120)
        deskew.pages.clear()
        deskew.answer = answer
        async with orchestrator_process(tmp_path / "two", models.address, settings):
            results = await client.hear("result", 1, within=120)
    check_answers(results, ["cut"], 4)
    assert asked(deskew, "cut") == {3: 1, 4: 1}
