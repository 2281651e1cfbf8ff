"""One contract for all stores, each before its real server."""

import asyncio
import gc
import warnings
from collections.abc import AsyncIterator, Callable
from datetime import timedelta
from pathlib import Path

import pytest

from gateway.records import Asked, Cursor, Record, Row, Status, StoredPage, View, now
from gateway.stores import Store
from gateway.stores.cached import CachedStore
from gateway.stores.mongo import MongoStore
from gateway.stores.sqlite import SqliteStore
from infra.others import Mongo, Redis
from infra.service import free_port
from meshkit.errors import DependencyUnavailable

pytestmark = pytest.mark.xdist_group("services")

NOBODY = f"127.0.0.1:{free_port()}"


def record_of(work_id: str, *, client: str = "", age: float = 0.0, **fields: object) -> Record:
    moment = now() - timedelta(seconds=age)
    record = Record(
        work_id=work_id,
        client=client,
        id=work_id,
        fingerprint="f",
        asked=Asked(location="file:///x", options={"ocr.tier": "fast"}),
        location="file:///x",
        source="x",
        created_at=moment,
        updated_at=moment,
    )
    return record.model_copy(update=fields)


def row_of(record: Record, body: bytes = b"{}") -> Row:
    return Row(record, f"t{record.version}", body)


def page_of(number: int, sequence: int) -> StoredPage:
    return StoredPage(number, sequence, "ok", "", b"\x00page%d" % number)


MakeStore = Callable[[], Store]


KINDS = (
    *("sqlite", "mongodb", "mongodb in memory"),
    *("cached sqlite", "cached mongodb in memory", "dead cache"),
)


@pytest.fixture(params=KINDS)
def make_store(request: pytest.FixtureRequest, tmp_path: Path) -> MakeStore:
    """Opens the store, always the same one."""
    kind: str = request.param
    name = f"pagemesh_{abs(hash(request.node.nodeid)):x}"

    def make() -> Store:
        store: Store = SqliteStore(tmp_path / "documents.sqlite3")
        if "mongodb" in kind:
            fixture = "memory_mongo" if "in memory" in kind else "mongo"
            mongo: Mongo = request.getfixturevalue(fixture)
            store = MongoStore(mongo.database_url(name), 3600.0)
        if kind.startswith("cached"):
            redis: Redis = request.getfixturevalue("redis")
            database = "/1" if "mongodb" in kind else "/0"
            store = CachedStore(store, redis.url.replace("/0", database), 60.0)
        if kind == "dead cache":
            store = CachedStore(store, f"redis://{NOBODY}/0", 60.0)
        return store

    return make


@pytest.fixture
async def store(make_store: MakeStore) -> AsyncIterator[Store]:
    store = make_store()
    await store.start()
    yield store
    await sweep(store, -24 * 3600.0)
    await store.close()


async def sweep(store: Store, age: float) -> list[str]:
    """Delete what is older than so many seconds."""
    swept: list[str] = []
    while some := await store.sweep(now() - timedelta(seconds=age)):
        swept += some
    return sorted(swept)


async def test_a_document_is_kept_as_it_was_given(store: Store, make_store: MakeStore) -> None:
    record = record_of("kept", client="c", pipeline="forms")
    assert await store.view("kept") is None
    assert await store.add(row_of(record, b'{"a": "\xc3\xa4"}')) is None
    other = make_store()
    await other.start()
    assert await other.record("kept") == record
    assert await other.view("kept") == View("t1", b'{"a": "\xc3\xa4"}', False)
    await other.close()


async def test_what_is_erased_is_gone_with_its_pages(
    store: Store, request: pytest.FixtureRequest
) -> None:
    erased, kept = record_of("erased"), record_of("kept")
    for record in (erased, kept):
        await store.add(row_of(record))
        await store.add_page(record, page_of(1, 1))
        assert await store.view(record.work_id) == View("t1", b"{}", False)
    if "dead cache" in request.node.name:
        with pytest.raises(DependencyUnavailable, match="cache"):
            await store.erase("erased")
        assert await store.record("erased") == erased
        return
    assert await store.erase("erased") == (1, 1)
    assert await store.erase("erased") == (0, 0)
    assert (await store.record("erased"), await store.view("erased")) == (None, None)
    assert await store.pages("erased", 0, 9) == []
    assert await store.record("kept") == kept
    assert len(await store.pages("kept", 0, 9)) == 1


async def test_an_id_is_given_once(store: Store) -> None:
    first = record_of("once")
    results = await asyncio.gather(
        *(store.add(row_of(first.model_copy(update={"source": str(n)}))) for n in range(10))
    )
    kept = await store.record("once")
    assert kept is not None
    assert results.count(None) == 1
    assert [found for found in results if found is not None] == [kept] * 9


async def test_of_changes_at_the_same_time_one_holds(store: Store) -> None:
    record = record_of("changed")
    await store.add(row_of(record))
    assert await store.view("changed") == View("t1", b"{}", False)
    changes = [record.model_copy(update={"version": 2, "source": str(n)}) for n in range(8)]
    results = await asyncio.gather(*(store.replace(row_of(each)) for each in changes))
    assert results.count(True) == 1
    assert await store.record("changed") == changes[results.index(True)]
    assert await store.view("changed") == View("t2", b"{}", False)
    ready = changes[0].model_copy(update={"version": 3, "status": Status.READY})
    assert await store.replace(row_of(ready, b"end"))
    assert await store.view("changed") == View("t3", b"end", True)
    assert not await store.replace(row_of(record_of("never", version=2)))


async def test_pages_by_number_and_by_sequence(store: Store) -> None:
    record = record_of("paged")
    await store.add(row_of(record))
    for sequence, number in enumerate((3, 1, 12, 2), start=1):
        assert await store.add_page(record, page_of(number, sequence))
    assert not await store.add_page(record, page_of(12, 9))
    assert await store.page("paged", 12) == page_of(12, 3)
    assert await store.page("paged", 4) is None
    assert [page.number for page in await store.pages("paged", 0, 10)] == [1, 2, 3, 12]
    assert [page.number for page in await store.pages("paged", 1, 2)] == [2, 3]
    assert [each.number for each in await store.news("paged", 0, 10)] == [3, 1, 12, 2]
    assert [each.number for each in await store.news("paged", 2, 1)] == [12]


async def test_what_was_read_on_a_page_may_come_later(store: Store) -> None:
    record = record_of("later")
    await store.add(row_of(record))
    told = page_of(2, 1)._replace(data=b"")
    assert await store.add_page(record, told)
    assert not await store.add_page(record, told)
    assert await store.add_page(record, page_of(2, 7))
    assert await store.page("later", 2) == page_of(2, 1)
    assert not await store.add_page(record, page_of(2, 8)._replace(data=b"other"))
    assert await store.page("later", 2) == page_of(2, 1)


async def test_the_list_is_the_clients_own_newest_first(store: Store) -> None:
    for number in range(6):
        client = "b" if number == 3 else "a"
        await store.add(row_of(record_of(f"doc.{number}", client=client, age=60 - 10 * number)))
    found = await store.listed("a", None, 3, "")
    assert [record.id for record in found] == ["doc.5", "doc.4", "doc.2"]
    last = Cursor(found[-1].created_at, found[-1].work_id)
    assert [each.id for each in await store.listed("a", last, 9, "")] == ["doc.1", "doc.0"]
    assert [each.id for each in await store.listed("a", None, 9, "doc.4")] == ["doc.4"]
    assert await store.listed("a", None, 9, "doc-4") == []
    assert [each.id for each in await store.listed("b", None, 9, "")] == ["doc.3"]


async def test_what_waits_and_what_is_old(store: Store) -> None:
    old = record_of("old", age=100)
    await store.add(row_of(old))
    await store.add_page(old, page_of(1, 1))
    await store.add(row_of(record_of("new")))
    await store.add(row_of(record_of("done", age=50, is_dispatched=True)))
    waiting = await store.waiting(now() - timedelta(seconds=10), 10)
    assert [record.id for record in waiting] == ["old"]


async def test_what_is_over_its_time_is_gone(store: Store) -> None:
    old = record_of("old", age=100, status=Status.READY)
    await store.add(row_of(old))
    await store.add_page(old, page_of(1, 1))
    for number in range(120):
        await store.add(row_of(record_of(f"older-{number}", age=200)))
    young = record_of("young", age=60, status=Status.READY)
    await store.add(row_of(young))
    await store.add_page(young, page_of(1, 1))
    shown = View("t1", b"{}", True)
    assert [await store.view(each) for each in ("old", "young")] == [shown, shown]
    assert len(await sweep(store, 80)) == 121
    assert await store.record("old") is None
    assert await store.view("old") is None, "also where a cache had it"
    assert await store.page("old", 1) is None
    assert await store.pages("old", 0, 9) == []
    assert [each.id for each in await store.listed("", None, 9, "")] == ["young"]
    assert await store.view("young") == shown
    assert await store.page("young", 1) == page_of(1, 1)
    assert await sweep(store, 80) == []
    assert await store.add(row_of(record_of("old"))) is None, "its id is free again"


async def test_a_page_that_comes_after_its_document_is_gone_does_not_stay(mongo: Mongo) -> None:
    store = MongoStore(mongo.database_url("late_pages"), 3600.0)
    await store.start()
    old = record_of("old", age=100)
    await store.add(row_of(old))
    assert await sweep(store, 80) == ["old"]
    assert await store.add_page(old, page_of(1, 1))
    assert await sweep(store, 80) == []
    assert await store.page("old", 1) is None
    await store.close()


async def test_documents_are_read_together(memory_mongo: Mongo) -> None:
    store = MongoStore(memory_mongo.database_url("together"), 3600.0)
    await store.start()
    names = [f"doc-{number}" for number in range(250)]
    for name in names[::2]:
        await store.add(row_of(record_of(name), name.encode()))
    views = await asyncio.gather(*(store.view(name) for name in names * 2))
    found = [view and view.body.decode() for view in views]
    assert found == [name if number % 2 == 0 else None for number, name in enumerate(names)] * 2
    records = await asyncio.gather(*(store.record(name) for name in names))
    assert [record and record.id for record in records] == found[:250]
    await store.close()


async def test_a_dead_database_is_told(tmp_path: Path) -> None:
    store = MongoStore(f"mongodb://{NOBODY}/?connectTimeoutMS=100", 60.0)
    await store.start()
    with pytest.raises(DependencyUnavailable) as told:
        await store.add(row_of(record_of("lost")))
    assert told.value.retry_after
    await store.close()
    with warnings.catch_warnings():
        # pymongo leaves the sockets of connections that were refused to the garbage collector.
        warnings.simplefilter("ignore", ResourceWarning)
        del told
        gc.collect()


async def test_the_cache_answers_without_the_store(tmp_path: Path, redis: Redis) -> None:
    counting = _Counting(tmp_path / "counted.sqlite3")
    store = CachedStore(counting, redis.url, 60.0)
    await store.start()
    await store.add(row_of(record_of("hot", status=Status.READY), b"body"))
    views = await asyncio.gather(*(store.view("hot") for _ in range(50)))
    assert views == [View("t1", b"body", True)] * 50
    assert counting.views == 1, "those who miss together read the store once"
    nothing = await asyncio.gather(*(store.view("no-such-thing") for _ in range(50)))
    assert nothing == [None] * 50
    assert counting.views == 2, "what is not there is remembered, too"
    await store.view("no-such-thing")
    assert counting.views == 2
    await store.close()


async def test_who_read_before_a_change_fills_nothing_in(tmp_path: Path, redis: Redis) -> None:
    slow = _Counting(tmp_path / "slow.sqlite3")
    store = CachedStore(slow, redis.url, 60.0)
    await store.start()
    record = record_of("raced", status=Status.READY)
    await store.add(row_of(record, b"old"))
    slow.gate.clear()
    reading = asyncio.create_task(store.view("raced"))
    await asyncio.wait_for(slow.has_read.wait(), 5)
    changed = record.model_copy(update={"version": 2})
    assert await store.replace(row_of(changed, b"new"))
    slow.gate.set()
    await reading
    assert await store.view("raced") == View("t2", b"new", True)
    await store.close()


class _Counting(SqliteStore):
    """Counts the views that are read, and holds their readers while its gate is shut."""

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self.views = 0
        self.gate = asyncio.Event()
        self.gate.set()
        self.has_read = asyncio.Event()

    async def view(self, work_id: str) -> View | None:
        self.views += 1
        view = await super().view(work_id)
        self.has_read.set()
        await self.gate.wait()
        return view
