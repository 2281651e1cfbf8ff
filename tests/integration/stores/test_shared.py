"""Orchestrators that share a store: one goes on where another was killed."""

import asyncio
import gc
import uuid
from pathlib import Path
from typing import Any

import pytest

from infra.others import Mongo
from meshkit.errors import DependencyUnavailable
from meshkit.testing import running_server
from orchestrator.records import Ending, Entry, Keeper
from orchestrator.stores.base import TakenOver
from orchestrator.stores.mongo import MongoStore
from orchestrator.testing import FakeMesh, running_orchestrator, tiff
from pagemesh.orchestrator.v1 import orchestrator_service_pb2 as pb
from pagemesh.orchestrator.v1.document_pb2 import (
    DOCUMENT_STATE_CANCELLED,
    DOCUMENT_STATE_SUCCEEDED,
    PAGE_OUTCOME_OK,
    PageResult,
    PipelineIdentity,
)
from tests.integration.processes import (
    asked,
    finished,
    finished_or_unknown,
    hang_after,
    orchestrator_process,
    submit,
)

pytestmark = [pytest.mark.xdist_group("services"), pytest.mark.timeout(300)]

LEASE_SECONDS = 1.5


@pytest.fixture
def shared(mongo: Mongo) -> dict[str, Any]:
    """Settings of orchestrators that share a database of this test's own."""
    url = mongo.database_url(f"shared-{uuid.uuid4().hex[:8]}")
    return {"store_url": url, "store_lease_seconds": LEASE_SECONDS}


async def test_who_lost_a_document_can_write_no_more(shared: dict[str, Any]) -> None:
    one, other = (MongoStore(shared["store_url"], lease_seconds=60) for _ in range(2))
    await one.open()
    await other.open()
    entry = Entry("d", "print", PipelineIdentity(name="text"), "a.pdf", Keeper.SOURCE)
    await one.create(entry)
    await one.begin("d", "00")
    await one.opened("d", "application/pdf", 2)
    await one.add_pages("d", [PageResult(page_number=1, outcome=PAGE_OUTCOME_OK)])
    assert (await other.get("d")).is_elsewhere
    assert await other.take_unfinished(Keeper.SOURCE, at_work=()) == []
    await other.create(entry)
    assert await other.finished_pages("d") == {1}
    for writing in (
        one.add_pages("d", [PageResult(page_number=2, outcome=PAGE_OUTCOME_OK)]),
        one.begin("d", "11"),
        one.end("d", Ending()),
    ):
        with pytest.raises(TakenOver):
            await writing
    assert (await other.end("d", Ending(rest_reason="lost"))).pages.failed == 1
    await one.close()
    await other.close()


async def test_a_killed_orchestrators_documents_go_on_at_another(
    shared: dict[str, Any], tmp_path: Path
) -> None:
    mesh = FakeMesh()
    deskew = mesh["deskew"]
    answer = deskew.answer
    async with running_server(mesh) as models:
        async with orchestrator_process(tmp_path / "one", models.address, **shared) as stub:
            hang_after(deskew, 2)
            await submit(stub, "cut", tiff(4))
            await finished(stub, "cut", 2)
        deskew.pages.clear()
        deskew.answer = answer
        async with running_orchestrator(tmp_path / "two", **shared) as running:
            found = await running.watch("cut")
    assert found.document.state == DOCUMENT_STATE_SUCCEEDED
    assert sorted(found.pages) == [1, 2, 3, 4]
    assert asked(running.mesh["deskew"], "cut") == {3: 1, 4: 1}
    assert not deskew.pages


async def test_a_request_sent_to_two_is_done_once(shared: dict[str, Any], tmp_path: Path) -> None:
    async with (
        running_orchestrator(tmp_path / "one", **shared) as one,
        running_orchestrator(tmp_path / "two", **shared) as two,
    ):
        hang_after(one.mesh["deskew"], 1)
        content = tiff(2)
        first = asyncio.create_task(one.analyze(content, request_id="same", pipeline="text"))
        await finished_or_unknown(one.stub, "same", 1)
        second = asyncio.create_task(two.analyze(content, request_id="same", pipeline="text"))
        await asyncio.sleep(3 * LEASE_SECONDS)  # the first one lives, however slow it is
        assert not second.done()
        cancelled = await two.stub.CancelDocument(pb.CancelDocumentRequest(request_id="same"))
        assert cancelled.document.state == DOCUMENT_STATE_CANCELLED
        assert (await second).document == cancelled.document
        first.cancel()
        assert not two.mesh["deskew"].pages


# pymongo leaves the sockets of a killed server to the garbage collector.
@pytest.mark.filterwarnings("ignore::ResourceWarning")
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
async def test_a_store_that_is_away_for_a_moment_costs_no_document(
    shared: dict[str, Any], mongo: Mongo, tmp_path: Path
) -> None:
    async with running_orchestrator(tmp_path, **shared) as running:
        hang_after(running.mesh["deskew"], 1)
        await submit(running.stub, "kept", tiff(3))
        await finished(running.stub, "kept", 1)
        await asyncio.to_thread(mongo.kill)
        store = MongoStore(f"{mongo.url}&serverSelectionTimeoutMS=100", lease_seconds=60)
        with pytest.raises(DependencyUnavailable, match="in trouble"):
            await store.find("kept")
        await store.close()
        await asyncio.to_thread(mongo.start)
        document = (
            await running.stub.GetDocument(pb.GetDocumentRequest(request_id="kept"))
        ).document
        assert (document.pages.total, document.pages.ok) == (3, 1)
    gc.collect()
