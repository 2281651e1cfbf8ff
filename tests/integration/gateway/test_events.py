"""A document is looked at once, however many clients watch it."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from gateway.bells import Bells
from gateway.ledger import Ledger
from gateway.records import Asked, PageNews, Record, Status, StoredPage, now
from gateway.routes.events import Following
from gateway.stores.sqlite import SqliteStore
from gateway.watches import Watches
from meshkit.errors import DependencyUnavailable

SELDOM = 3600.0


class Counting(SqliteStore):
    """Counts what is read, and may be away."""

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self.reads = 0
        self.is_away = False

    async def record(self, work_id: str) -> Record | None:
        self.reads += 1
        if self.is_away:
            raise DependencyUnavailable("away", reason="STORE_UNAVAILABLE")
        return await super().record(work_id)

    async def news(self, work_id: str, after: int, limit: int) -> list[PageNews]:
        self.reads += 1
        return list(await super().news(work_id, after, limit))


class House:
    """A store with one document, and those who watch it."""

    def __init__(self, store: Counting, poll_seconds: float) -> None:
        self.store = store
        self.bells = Bells()
        self.ledger = Ledger(store, self.bells, 1000)
        self.watches = Watches(store, self.bells, poll_seconds)
        moment = now()
        self.record = Record(
            work_id="w",
            client="",
            id="d",
            fingerprint="",
            asked=Asked(),
            location="",
            source="",
            created_at=moment,
            updated_at=moment,
        )

    async def page(self, sequence: int) -> None:
        page = StoredPage(sequence, sequence, "ok", "", b"x")
        assert await self.store.add_page(self.record, page)

    async def change(self, **fields: object) -> None:
        await self.ledger.change("w", lambda record: record.model_copy(update=fields))

    async def watch(self, sequence: int = 0) -> list[str]:
        """Names and ids of the events that one client is told, to the end."""
        told = b""
        with self.watches.watching("w", "d", sequence) as watch:
            following = Following(watch, self.store, self.record, sequence)
            async for part in following.parts(SELDOM):
                told += part
        lines = [line for line in told.decode().splitlines() if line.startswith(("event", "id"))]
        return [
            f"{event.removeprefix('event: ')} {last.removeprefix('id: ')}"
            for event, last in zip(lines[::2], lines[1::2], strict=True)
        ]

    async def quiet(self) -> int:
        """How often the store was read, once nobody reads it any more."""
        reads = -1
        while reads != self.store.reads:
            reads = self.store.reads
            await asyncio.sleep(0.05)
        return reads


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[House]:
    store = Counting(tmp_path / "documents.sqlite3")
    await store.start()
    house = House(store, SELDOM)
    await house.ledger.add(house.record)
    yield house
    await store.close()


async def test_a_hundred_clients_cost_as_many_reads_as_one(house: House) -> None:
    await house.page(1)
    clients = [asyncio.create_task(house.watch()) for _ in range(100)]
    assert await house.quiet() == 2, "the record and its pages"
    await house.page(2)
    await house.change(status=Status.PROCESSING)
    before = await house.quiet()
    await house.change(status=Status.READY)
    told = await asyncio.gather(*clients)
    assert told == [["page 1", "status 1", "page 2", "status 2", "done end"]] * 100
    assert house.store.reads - before == 3, "the ledger's own, then the record and its pages"


async def test_who_comes_late_or_comes_again_is_told_what_is_missing(house: House) -> None:
    for sequence in range(1, 251):
        await house.page(sequence)
    clients = [asyncio.create_task(house.watch(200))]
    await house.quiet()
    clients += [asyncio.create_task(house.watch(known)) for known in (0, 225, 250, 999)]
    await house.quiet()
    await house.page(251)
    await house.change(status=Status.READY)
    for known, told in zip((200, 0, 225, 250), await asyncio.gather(*clients[:4]), strict=True):
        pages = [event for event in told if event.startswith("page")]
        assert pages == [f"page {sequence}" for sequence in range(known + 1, 252)]
        assert told[-1] == "done end"
        assert told.count("status 250") == 1
    assert await clients[4] == ["status 250", "done end"]


async def test_another_gateways_changes_are_found(tmp_path: Path) -> None:
    store = Counting(tmp_path / "documents.sqlite3")
    await store.start()
    house = House(store, 0.02)
    await house.ledger.add(house.record)
    client = asyncio.create_task(house.watch())
    other = Ledger(store, Bells(), 1000)
    await other.change("w", lambda record: record.model_copy(update={"status": Status.READY}))
    assert (await asyncio.wait_for(client, 60))[-1] == "done end"
    await store.close()


async def test_nobody_looks_when_nobody_watches(house: House) -> None:
    clients = [asyncio.create_task(house.watch()) for _ in range(3)]
    await house.quiet()
    for client in clients:
        client.cancel()
    await asyncio.gather(*clients, return_exceptions=True)
    before = house.store.reads
    house.bells.ring("w")
    assert await house.quiet() == before


async def test_a_store_that_is_away_ends_streams_and_who_comes_again_goes_on(house: House) -> None:
    house.store.is_away = True
    assert [*await asyncio.gather(house.watch(), house.watch())] == [[], []]
    house.store.is_away = False
    client = asyncio.create_task(house.watch())
    await house.quiet()
    house.bells.close()
    assert await asyncio.wait_for(client, 60) == ["status 0"], "the gateway ends"
    assert await asyncio.wait_for(house.watch(), 10) == []
