"""Documents in MongoDB, shared by any number of gateways."""

import asyncio
import logging
import re
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from datetime import UTC, datetime
from typing import Any

from bson import Binary
from bson.codec_options import CodecOptions
from pymongo import ASCENDING, DESCENDING
from pymongo.asynchronous.collection import AsyncCollection
from pymongo.errors import DuplicateKeyError, OperationFailure

from gateway.mongo_database import asking, open_database
from gateway.records import Cursor, PageNews, Record, Row, StoredPage, View
from gateway.stores.gathered import GatheredReads
from meshkit.errors import DependencyUnavailable

_CONNECTIONS = 64
_READ_AT_ONCE = 100
_SWEPT_AT_ONCE = 500
_TURNS = 64
_NEWS = {"number": 1, "sequence": 1, "outcome": 1, "reason": 1}
_VIEW = {"etag": 1, "body": 1, "is_final": 1}
_RECORD = {"record": 1}
_AGE = "retention"
_INDEX_CONFLICT = 85

_log = logging.getLogger(__name__)

_Collection = AsyncCollection[dict[str, Any]]


class MongoStore:
    """A `Store` in a MongoDB database.

    A document and a page are read by their primary keys; documents that are asked for at the same
    time, in one read. TTL indexes delete what is old; `sweep` does it where the server has none.

    Args:
        url: `mongodb://host/database`; the database is `pagemesh` where it names none.
        retention_seconds: that documents are kept from when they were sent.
    """

    def __init__(self, url: str, retention_seconds: float) -> None:
        self._retention = retention_seconds
        database = open_database(url, connections=_CONNECTIONS)
        self._client = database.client
        options: CodecOptions[dict[str, Any]] = CodecOptions(tz_aware=True, tzinfo=UTC)
        self._documents: _Collection = database.get_collection("documents", options)
        self._pages: _Collection = database.get_collection("pages", options)
        self._views = GatheredReads(self._reading(_VIEW), _READ_AT_ONCE)
        self._records = GatheredReads(self._reading(_RECORD), _READ_AT_ONCE)
        self._is_ready = False
        self._turns = [asyncio.Lock() for _ in range(_TURNS)]

    async def start(self) -> None:
        """Make the indexes, now or once the database is there."""
        try:
            await self._get_ready()
        except DependencyUnavailable as error:
            _log.warning("the database is not there yet", extra={"cause": str(error.__cause__)})

    async def close(self) -> None:
        """End all connections."""
        await self._client.close()

    async def check(self) -> None:
        """Whether it answers."""
        with _told():
            await self._client.admin.command("ping")
        await self._get_ready()

    async def add(self, row: Row) -> Record | None:
        """See `Store`."""
        record, kept = row.record, document_of(row)
        with _told():
            try:
                await self._documents.insert_one(kept)
            except DuplicateKeyError:
                there = await self.record(record.work_id)
                # The one that was in the way may have been deleted since.
                return there if there is not None else await self.add(row)
        return None

    async def replace(self, row: Row) -> bool:
        """See `Store`."""
        before = {"_id": row.record.work_id, "version": row.record.version - 1}
        # Changes of a document take turns in this process: that spares conflicts, and not every
        # server of MongoDB's protocol makes an update with a condition one step.
        with _told():
            async with self._turns[hash(row.record.work_id) % _TURNS]:
                changed = await self._documents.update_one(before, {"$set": _changing(row)})
        return changed.matched_count == 1

    async def record(self, work_id: str) -> Record | None:
        """See `Store`."""
        with _told():
            found = await self._records.get(work_id)
        return Record.model_validate_json(found["record"]) if found else None

    async def view(self, work_id: str) -> View | None:
        """See `Store`."""
        with _told():
            found = await self._views.get(work_id)
        return View(found["etag"], bytes(found["body"]), found["is_final"]) if found else None

    async def add_page(self, record: Record, page: StoredPage) -> bool:
        """See `Store`."""
        kept = {
            "_id": _page_key(record.work_id, page.number),
            "work_id": record.work_id,
            "created_at": record.created_at,
            **page._asdict(),
            "data": Binary(page.data),
        }
        with _told():
            try:
                await self._pages.insert_one(kept)
            except DuplicateKeyError:
                if not page.data:
                    return False
                empty = {"_id": kept["_id"], "data": Binary(b"")}
                whole = {name: kept[name] for name in ("data", "outcome", "reason")}
                changed = await self._pages.update_one(empty, {"$set": whole})
                return changed.matched_count == 1
        return True

    async def page(self, work_id: str, number: int) -> StoredPage | None:
        """See `Store`."""
        with _told():
            found = await self._pages.find_one({"_id": _page_key(work_id, number)})
        return _page_of(found) if found else None

    async def pages(self, work_id: str, after: int, limit: int) -> Sequence[StoredPage]:
        """See `Store`."""
        condition = {"work_id": work_id, "number": {"$gt": after}}
        with _told():
            found = self._pages.find(condition).sort("number", ASCENDING).limit(limit)
            return [_page_of(each) async for each in found]

    async def news(self, work_id: str, after: int, limit: int) -> Sequence[PageNews]:
        """See `Store`."""
        condition = {"work_id": work_id, "sequence": {"$gt": after}}
        with _told():
            found = self._pages.find(condition, _NEWS).sort("sequence", ASCENDING).limit(limit)
            return [
                PageNews(each["number"], each["sequence"], each["outcome"], each["reason"])
                async for each in found
            ]

    async def listed(
        self, client: str, after: Cursor | None, limit: int, query: str
    ) -> Sequence[Record]:
        """See `Store`."""
        condition: dict[str, Any] = {"client": client}
        if after is not None:
            condition["$or"] = [
                {"created_at": {"$lt": after.created_at}},
                {"created_at": after.created_at, "_id": {"$lt": after.work_id}},
            ]
        if query:
            condition["id"] = {"$regex": f"^{re.escape(query)}"}
        order = [("created_at", DESCENDING), ("_id", DESCENDING)]
        with _told():
            found = self._documents.find(condition, _RECORD).sort(order).limit(limit)
            return [Record.model_validate_json(each["record"]) async for each in found]

    async def waiting(self, before: datetime, limit: int) -> Sequence[Record]:
        """See `Store`."""
        condition = {"is_dispatched": False, "created_at": {"$lt": before}}
        with _told():
            found = self._documents.find(condition, _RECORD)
            found = found.sort("created_at", ASCENDING).limit(limit)
            return [Record.model_validate_json(each["record"]) async for each in found]

    async def erase(self, work_id: str) -> tuple[int, int]:
        """See `Store`."""
        with _told():
            found = await self._documents.delete_one({"_id": work_id})
            pages = await self._pages.delete_many({"work_id": work_id})
        return found.deleted_count, pages.deleted_count

    async def sweep(self, before: datetime) -> Sequence[str]:
        """See `Store`."""
        old: dict[str, Any] = {"created_at": {"$lt": before}}
        with _told():
            documents = await _ids_of(self._documents, old)
            if documents:
                await self._pages.delete_many({"work_id": {"$in": documents}})
                await self._documents.delete_many({"_id": {"$in": documents}})
                return documents
            # Pages that came in after their document was deleted, or before its TTL index's turn.
            while pages := await _ids_of(self._pages, old):
                await self._pages.delete_many({"_id": {"$in": pages}})
        return []

    def _reading(
        self, fields: Mapping[str, int]
    ) -> Callable[[Sequence[str]], Awaitable[dict[str, dict[str, Any]]]]:
        async def read(work_ids: Sequence[str]) -> dict[str, dict[str, Any]]:
            # Not every server of MongoDB's protocol looks a single one of `$in` up by its key.
            key = work_ids[0] if len(work_ids) == 1 else {"$in": work_ids}
            found = self._documents.find({"_id": key}, fields).limit(len(work_ids))
            return {each["_id"]: each for each in await found.to_list()}

        return read

    async def _get_ready(self) -> None:
        if self._is_ready:
            return
        with _told():
            server = await self._client.server_info()
            if "ferretdbVersion" in server:  # its first generation reads all documents for `$in`
                for reads in (self._views, self._records):
                    reads.most, reads.flights = 1, _CONNECTIONS
            await self._make_indexes()
        self._is_ready = True

    async def _make_indexes(self) -> None:
        newest = [("client", ASCENDING), ("created_at", DESCENDING), ("_id", DESCENDING)]
        waiting = [("is_dispatched", ASCENDING), ("created_at", ASCENDING)]
        by_number = [("work_id", ASCENDING), ("number", ASCENDING)]
        by_sequence = [("work_id", ASCENDING), ("sequence", ASCENDING)]
        await self._documents.create_index(newest, name="newest")
        await self._documents.create_index(waiting, name="waiting")
        await self._pages.create_index(by_number, name="by_number")
        await self._pages.create_index(by_sequence, name="by_sequence")
        for collection in (self._documents, self._pages):
            await self._make_ttl_index(collection)

    async def _make_ttl_index(self, collection: _Collection) -> None:
        by_age, seconds = [("created_at", ASCENDING)], int(self._retention)
        try:
            await collection.create_index(by_age, name=_AGE, expireAfterSeconds=seconds)
        except OperationFailure as error:
            if error.code == _INDEX_CONFLICT:  # it is there with another retention
                index = {"name": _AGE, "expireAfterSeconds": seconds}
                await collection.database.command("collMod", collection.name, index=index)
                return
            _log.warning(
                "the database has no TTL index for us; old documents are deleted by the gateway",
                extra={"collection": collection.name, "cause": str(error)},
            )
            await collection.create_index(by_age, name="by_age")


async def _ids_of(collection: _Collection, condition: Mapping[str, Any]) -> list[str]:
    """Keys of some of those that a condition holds for."""
    found = collection.find(condition, {"_id": 1}).limit(_SWEPT_AT_ONCE)
    return [each["_id"] for each in await found.to_list()]


def document_of(row: Row) -> dict[str, Any]:
    """A row as the database keeps it."""
    record = row.record
    return {
        "_id": record.work_id,
        "client": record.client,
        "id": record.id,
        "created_at": record.created_at,
        **_changing(row),
    }


def _changing(row: Row) -> dict[str, Any]:
    return {
        "is_dispatched": row.record.is_dispatched,
        "is_final": row.record.status.is_final,
        "version": row.record.version,
        "record": row.record.model_dump_json(),
        "etag": row.etag,
        "body": Binary(row.body),
    }


def _page_key(work_id: str, number: int) -> str:
    return f"{work_id}/{number}"


def _page_of(found: dict[str, Any]) -> StoredPage:
    return StoredPage(
        found["number"],
        found["sequence"],
        found["outcome"],
        found["reason"],
        bytes(found["data"]),
    )


def _told() -> AbstractContextManager[None]:
    return asking("the store of documents", "STORE_UNAVAILABLE")
