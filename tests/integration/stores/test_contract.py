"""What every store of documents does, in a file and in a server of MongoDB's protocol."""

import sqlite3
import uuid
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from infra.others import Mongo
from meshkit.errors import DependencyUnavailable, InvalidDocument, NotFound
from meshkit.status import status_of
from orchestrator.records import Ending, Entry, Keeper
from orchestrator.stores.base import DocumentStore
from orchestrator.stores.mongo import MongoStore
from orchestrator.stores.sqlite import SqliteStore
from pagemesh.orchestrator.v1.document_pb2 import (
    DOCUMENT_STATE_CANCELLED,
    DOCUMENT_STATE_FAILED,
    DOCUMENT_STATE_PARTIAL,
    DOCUMENT_STATE_SUCCEEDED,
    PAGE_OUTCOME_FAILED,
    PAGE_OUTCOME_OK,
    PAGE_OUTCOME_SKIPPED,
    PageResult,
    PipelineIdentity,
)

OUTCOMES = (PAGE_OUTCOME_OK, PAGE_OUTCOME_FAILED, PAGE_OUTCOME_SKIPPED)


pytestmark = [pytest.mark.xdist_group("services"), pytest.mark.timeout(300)]

Opening = Callable[[], DocumentStore]


@pytest.fixture(params=["sqlite", "mongodb"])
def opening(request: pytest.FixtureRequest, tmp_path: Path) -> Opening:
    """Makes stores of the same documents; a file must be closed before it is opened again."""
    if request.param == "sqlite":
        return lambda: SqliteStore(tmp_path / "documents.sqlite3")
    server: Mongo = request.getfixturevalue("mongo")
    url = server.database_url(f"contract-{uuid.uuid4().hex[:8]}")
    return lambda: MongoStore(url, lease_seconds=60)


@pytest.fixture
async def store(opening: Opening) -> AsyncIterator[DocumentStore]:
    store = opening()
    await store.open()
    yield store
    await store.close()


def entry(name: str, version: str = "1", keeper: Keeper = Keeper.CALLER) -> Entry:
    return Entry(name, "print", PipelineIdentity(name="text", version=version), "a.pdf", keeper)


async def take(store: DocumentStore, name: str, total: int) -> None:
    await store.create(entry(name))
    await store.begin(name, "00")
    await store.opened(name, "application/pdf", total)


def page(number: int, outcome: int = PAGE_OUTCOME_OK) -> PageResult:
    return PageResult(page_number=number, outcome=outcome)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("outcomes", "state"),
    [
        ([PAGE_OUTCOME_OK, PAGE_OUTCOME_SKIPPED], DOCUMENT_STATE_SUCCEEDED),
        ([PAGE_OUTCOME_OK, PAGE_OUTCOME_FAILED], DOCUMENT_STATE_PARTIAL),
        ([PAGE_OUTCOME_SKIPPED, PAGE_OUTCOME_FAILED], DOCUMENT_STATE_PARTIAL),
        ([PAGE_OUTCOME_FAILED, PAGE_OUTCOME_FAILED], DOCUMENT_STATE_FAILED),
    ],
)
async def test_pages_decide_the_final_state(
    store: DocumentStore, outcomes: list[int], state: int
) -> None:
    await take(store, "d", len(outcomes))
    await store.add_pages("d", [page(n, o) for n, o in enumerate(outcomes, 1)])
    assert (await store.end("d", Ending())).state == state


async def test_unfinished_pages_are_accounted_for(store: DocumentStore) -> None:
    await take(store, "d", 4)
    await store.add_pages("d", [page(2)])
    ending = Ending(
        state=DOCUMENT_STATE_CANCELLED, rest_outcome=PAGE_OUTCOME_SKIPPED, rest_reason="enough"
    )
    document = await store.end("d", ending)
    assert (document.pages.ok, document.pages.skipped) == (1, 3)
    pages, has_more = await store.pages_from("d", 1, 10, 1_000_000)
    assert [p.page_number for p in pages] == [1, 2, 3, 4]
    assert [p.reason for p in pages] == ["enough", "", "enough", "enough"]
    assert not has_more


async def test_page_is_counted_once(store: DocumentStore) -> None:
    await take(store, "d", 1)
    await store.add_pages("d", [page(1), page(1, PAGE_OUTCOME_FAILED)])
    await store.add_pages("d", [page(1)])
    document = await store.end("d", Ending())
    assert (document.pages.ok, document.pages.failed) == (1, 0)


async def test_taken_again_a_document_keeps_its_finished_pages(store: DocumentStore) -> None:
    await take(store, "d", 4)
    busy = status_of(DependencyUnavailable("the model is away"))
    bad = status_of(InvalidDocument("torn"))
    pages = [page(1), page(2, PAGE_OUTCOME_FAILED), page(3, PAGE_OUTCOME_FAILED)]
    pages[1].error.CopyFrom(busy)
    pages[2].error.CopyFrom(bad)
    await store.add_pages("d", pages)
    await store.end("d", Ending(rest_reason="cut off", can_restart=True))

    await store.create(entry("d"))
    assert await store.finished_pages("d") == {1, 3}
    document = (await store.get("d")).document
    assert (document.pages.ok, document.pages.failed) == (1, 1)
    assert not document.HasField("end_time")


async def test_another_version_of_the_pipeline_begins_anew(store: DocumentStore) -> None:
    await take(store, "d", 2)
    await store.add_pages("d", [page(1)])
    await store.create(entry("d", version="2"))
    assert await store.finished_pages("d") == frozenset()


async def test_pages_of_other_bytes_are_forgotten(store: DocumentStore) -> None:
    await take(store, "d", 2)
    await store.add_pages("d", [page(1)])
    await store.create(entry("d"))
    await store.begin("d", "")
    await store.begin("d", "00")
    assert await store.finished_pages("d") == {1}
    await store.begin("d", "11")
    assert await store.finished_pages("d") == frozenset()
    document = (await store.get("d")).document
    assert (document.sha256, document.pages.ok, document.pages.total) == ("11", 0, 0)


async def test_a_crash_ends_only_what_nobody_keeps(store: DocumentStore) -> None:
    for keeper in Keeper:
        await store.create(entry(keeper.value, keeper=keeper))
    for name, keeper in (("busy", Keeper.CALLER), ("busy-too", Keeper.STORE)):
        await store.create(entry(name, keeper=keeper))
    assert await store.end_unfinished(Ending(can_restart=True), at_work={"busy"}) == 1
    taken = await store.take_unfinished(Keeper.STORE, at_work={"busy-too"})
    assert [record.document.request_id for record in taken] == ["store"]
    assert (await store.get("caller")).is_final
    # Nobody delivers it any more: it goes with what ended before then.
    assert await store.delete_ended_before(2**33) == 2
    assert await store.find("source") is None


async def test_deleting_takes_the_pages_along(store: DocumentStore) -> None:
    for name in ("old", "running"):
        await take(store, name, 1)
    await store.add_pages("old", [page(1)])
    await store.end("old", Ending())
    assert await store.delete_ended_before(2**33) == 1
    with pytest.raises(NotFound, match="old"):
        await store.get("old")
    assert await store.pages_after("old", 0, 10) == []
    assert (await store.get("running")).document.request_id == "running"


async def test_what_is_erased_is_gone_with_its_pages(store: DocumentStore) -> None:
    for name in ("erased", "kept"):
        await take(store, name, 2)
        await store.add_pages(name, [page(1), page(2)])
    assert [each.count for each in await store.erase("erased")] == [1, 2]
    assert [each.count for each in await store.erase("erased")] == [0, 0]
    assert await store.find("erased") is None
    assert await store.pages_from("erased", 1, 9, 1_000_000) == ([], False)
    with pytest.raises((sqlite3.Error, DependencyUnavailable)):
        await store.add_pages("erased", [page(1)])
    assert len((await store.pages_from("kept", 1, 9, 1_000_000))[0]) == 2


async def test_pages_come_in_the_order_of_finishing(store: DocumentStore) -> None:
    await take(store, "d", 3)
    for number in (3, 1, 2):
        await store.add_pages("d", [page(number)])
    found = await store.pages_after("d", 0, 2)
    assert [p.page_number for _, p in found] == [3, 1]
    rest = await store.pages_after("d", found[-1][0], 2)
    assert [p.page_number for _, p in rest] == [2]


async def test_answers_keep_to_a_size(store: DocumentStore) -> None:
    await take(store, "d", 3)
    big = [PageResult(page_number=n, outcome=PAGE_OUTCOME_OK, reason="x" * 500) for n in (1, 2, 3)]
    await store.add_pages("d", big)
    for max_bytes, count in ((10, 1), (1100, 2), (5000, 3)):
        pages, has_more = await store.pages_from("d", 1, 10, max_bytes)
        assert (len(pages), has_more) == (count, count < 3)


async def test_client_and_trace_are_kept(store: DocumentStore) -> None:
    traceparent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
    taken = replace(entry("kept"), client="billing", traceparent=traceparent)
    await store.create(taken)
    found = await store.get("kept")
    assert (found.client, found.traceparent) == ("billing", traceparent)
    await store.create(replace(taken, client="other", traceparent=""))  # another takes it up
    found = await store.get("kept")
    assert (found.client, found.traceparent) == ("other", "")


@settings(
    deadline=None,
    max_examples=15,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(outcomes=st.lists(st.sampled_from([*OUTCOMES, None]), max_size=12))
async def test_account_always_adds_up(opening: Opening, outcomes: list[int | None]) -> None:
    store = opening()
    await store.open()
    name = uuid.uuid4().hex
    await take(store, name, len(outcomes))
    finished = [page(n, o) for n, o in enumerate(outcomes, 1) if o is not None]
    await store.add_pages(name, finished)
    pages = (await store.end(name, Ending(rest_reason="lost"))).pages
    await store.close()
    assert pages.total == len(outcomes) == pages.ok + pages.failed + pages.skipped
    assert pages.ok == outcomes.count(PAGE_OUTCOME_OK)
    assert pages.failed == outcomes.count(PAGE_OUTCOME_FAILED) + outcomes.count(None)


async def test_reopened_store_has_everything(opening: Opening) -> None:
    first = opening()
    await first.open()
    await take(first, "d", 2)
    await first.add_pages("d", [page(1)])
    await first.close()
    await first.close()

    second = opening()
    await second.open()
    error = InvalidDocument("cut off")
    assert await second.end_unfinished(Ending(error=error, rest_error=error), at_work=()) == 1
    record = await second.get("d")
    assert record.is_final
    assert record.document.error.message == "cut off"
    assert (record.document.pages.ok, record.document.pages.failed) == (1, 1)
    await second.close()


async def test_the_last_success_of_a_key_is_found(store: DocumentStore) -> None:
    for name, outcome in (
        ("a", PAGE_OUTCOME_OK),
        ("b", PAGE_OUTCOME_OK),
        ("c", PAGE_OUTCOME_FAILED),
    ):
        await take(store, name, 1)
        await store.set_reuse_key(name, "key")
        await store.add_pages(name, [page(1, outcome)])
        await store.end(name, Ending())
    await take(store, "unfinished", 1)
    await store.set_reuse_key("unfinished", "key")
    found = await store.find_reusable("key")
    assert found is not None
    assert found.request_id == "b"
    assert await store.find_reusable("other") is None
