"""One contract for all outboxes of webhooks, each before its real server."""

import asyncio
import gc
import time
import warnings
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from gateway.webhooks.outbox import Entry, Outbox, State
from gateway.webhooks.outbox.mongo import MongoOutbox
from gateway.webhooks.outbox.sqlite import SqliteOutbox
from infra.others import Mongo
from infra.service import free_port
from meshkit.errors import DependencyUnavailable

pytestmark = pytest.mark.xdist_group("services")

Opening = Callable[[], Outbox]

LONG = 3600.0


@pytest.fixture(params=["sqlite", "mongodb", "mongodb in memory"])
def opening(request: pytest.FixtureRequest, tmp_path: Path) -> Opening:
    """Makes outboxes of the same webhooks."""
    kind: str = request.param
    if kind == "sqlite":
        return lambda: SqliteOutbox(tmp_path / "webhooks.sqlite3")
    mongo: Mongo = request.getfixturevalue("memory_mongo" if "memory" in kind else "mongo")
    url = mongo.database_url(f"pagemesh_{abs(hash(request.node.nodeid)):x}")
    return lambda: MongoOutbox(url)


@pytest.fixture
async def outbox(opening: Opening) -> AsyncIterator[Outbox]:
    outbox = opening()
    await outbox.open()
    yield outbox
    await outbox.close()


async def owe(outbox: Outbox, *names: str) -> None:
    """Webhooks that are due."""
    for name in names:
        assert await outbox.add(name, "c", f"document {name}")
        await outbox.ended(name)


async def test_a_webhook_is_owed_once_and_due_at_the_end(outbox: Outbox) -> None:
    assert await outbox.add("w", "c", "d")
    assert not await outbox.add("w", "other", "d")
    entry = await outbox.find("w")
    assert entry is not None
    assert entry[:4] + entry[5:] == ("w", State.EXPECTED, 0, 0.0, "", "c", "d")
    assert abs(entry.since - time.time()) < LONG
    assert await outbox.claim(8, LONG) == []
    assert [each.work_id for each in await outbox.expected("", 8)] == ["w"]
    assert await outbox.expected("w", 8) == []
    await outbox.ended("w")
    await outbox.ended("unknown")
    assert await outbox.expected("", 8) == []
    assert await outbox.claim(8, LONG) == [entry._replace(state=State.DUE)]
    await outbox.remove("w")
    assert await outbox.find("w") is None


async def test_what_is_claimed_is_nobody_elses_until_it_is_settled_or_released(
    outbox: Outbox,
) -> None:
    await owe(outbox, "a", "b", "c")
    first = await outbox.claim(2, LONG)
    rest = await outbox.claim(2, LONG)
    assert sorted(each.work_id for each in [*first, *rest]) == ["a", "b", "c"]
    assert await outbox.next_due() is None
    await outbox.release(first[0].work_id)
    assert await outbox.claim(8, LONG) == [first[0]]
    later = time.time() + LONG
    await outbox.settle(first[0]._replace(attempts=1, due=later, error="HTTP_500"))
    assert await outbox.claim(8, LONG) == []
    assert await outbox.next_due() == pytest.approx(later)
    done = first[1]._replace(state=State.DELIVERED, attempts=1)
    await outbox.settle(done)
    assert await outbox.find(done.work_id) == done


async def test_what_was_due_first_is_claimed_first(outbox: Outbox) -> None:
    await owe(outbox, "a", "b")
    for late, entry in enumerate(await outbox.claim(2, LONG)):
        await outbox.settle(entry._replace(due=2.0 - late))
    assert [each.due for each in await outbox.claim(1, LONG)] == [1.0]


async def test_lists_are_a_clients_own_by_document(outbox: Outbox) -> None:
    await owe(outbox, "c", "a", "b")
    await outbox.add("other", "other", "document x")
    for entry in await outbox.claim(3, LONG):
        await outbox.settle(entry._replace(state=State.DEAD))
    first = await outbox.listed("c", State.DEAD, "", 2)
    assert [each.document for each in first] == ["document a", "document b"]
    rest = await outbox.listed("c", State.DEAD, first[-1].document, 2)
    assert [each.document for each in rest] == ["document c"]
    assert await outbox.listed("other", State.DEAD, "", 2) == []


async def test_what_is_old_is_forgotten_and_what_is_erased_is_gone(outbox: Outbox) -> None:
    await owe(outbox, "old", "erased")
    await outbox.erase("erased")
    await outbox.sweep(time.time() - LONG)
    assert await outbox.find("erased") is None
    assert await outbox.find("old") is not None
    await outbox.sweep(time.time() + LONG)
    assert await outbox.find("old") is None


async def test_what_is_owed_outlives_whoever_claimed_it(opening: Opening) -> None:
    one = opening()
    await one.open()
    await owe(one, "w")
    assert len(await one.claim(8, 0.5)) == 1
    await one.close()
    other = opening()
    await other.open()
    found: list[Entry] = []
    async with asyncio.timeout(60):
        while not found:
            found += await other.claim(8, LONG)
            await asyncio.sleep(0.05)
    assert [each.work_id for each in found] == ["w"]
    await other.close()


async def test_of_two_gateways_one_gets_a_webhook(memory_mongo: Mongo) -> None:
    url = memory_mongo.database_url("pagemesh_two_outboxes")
    one, other = MongoOutbox(url), MongoOutbox(url)
    await one.open()
    await owe(one, "a", "b", "c")
    first, second = await one.claim(2, LONG), await other.claim(8, LONG)
    assert sorted(each.work_id for each in [*first, *second]) == ["a", "b", "c"]
    await one.close()
    await other.close()


async def test_an_outbox_that_is_away_says_so() -> None:
    url = f"mongodb://127.0.0.1:{free_port()}/x?serverSelectionTimeoutMS=50"
    outbox = MongoOutbox(url)
    await outbox.open()
    with pytest.raises(DependencyUnavailable, match="outbox of webhooks") as told:
        await outbox.add("w", "", "w")
    await outbox.close()
    with warnings.catch_warnings():
        # pymongo leaves the sockets of connections that were refused to the garbage collector.
        warnings.simplefilter("ignore", ResourceWarning)
        del told
        gc.collect()
