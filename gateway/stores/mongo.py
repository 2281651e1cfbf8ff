"""Documents in MongoDB, shared by any number of gateways."""

import asyncio
import contextlib
import logging
import re
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import Any

from bson import Binary
from bson.codec_options import CodecOptions
from pymongo import ASCENDING, DESCENDING, AsyncMongoClient
from pymongo.asynchronous.collection import AsyncCollection
from pymongo.errors import DuplicateKeyError, OperationFailure, PyMongoError

from gateway.records import Cursor, PageNews, Record, Row, StoredPage, View
from meshkit.errors import DependencyUnavailable

_TIMEOUT_MS = 3_000
_CONNECTIONS = 64
_SWEPT_AT_ONCE = 500
_TURNS = 64
_NEWS = {"number": 1, "sequence": 1, "outcome": 1, "reason": 1}
_VIEW = {"etag": 1, "body": 1, "is_final": 1}
_DATABASE = "pagemesh"

_log = logging.getLogger(__name__)

_Collection = AsyncCollection[dict[str, Any]]


class MongoStore:
    """A `Store` in a MongoDB database.

    A document and a page are read by their primary keys. TTL indexes delete what is old; `sweep`
    does it where the server has none.

    Args:
        url: `mongodb://host/database`; the database is `pagemesh` where it names none.
        retention_seconds: that documents are kept from when they were sent.
    """

    def __init__(self, url: str, retention_seconds: float) -> None:
        self._retention = retention_seconds
        self._client: AsyncMongoClient[dict[str, Any]] = AsyncMongoClient(
            url,
            serverSelectionTimeoutMS=_TIMEOUT_MS,
            connectTimeoutMS=_TIMEOUT_MS,
            socketTimeoutMS=10 * _TIMEOUT_MS,
            maxPoolSize=_CONNECTIONS,
            w="majority",
            appname="pagemesh-gateway",
        )
        database = self._client.get_default_database(_DATABASE)
        options: CodecOptions[dict[str, Any]] = CodecOptions(tz_aware=True, tzinfo=UTC)
        self._documents: _Collection = database.get_collection("documents", options)
        self._pages: _Collection = database.get_collection("pages", options)
        self._has_indexes = False
        self._turns = [asyncio.Lock() for _ in range(_TURNS)]

    async def start(self) -> None:
        """Make the indexes, now or once the database is there."""
        try:
            await self._make_indexes()
        except DependencyUnavailable as error:
            _log.warning("the database is not there yet", extra={"cause": str(error.__cause__)})

    async def close(self) -> None:
        """End all connections."""
        await self._client.close()

    async def check(self) -> None:
        """Whether it answers."""
        with _told():
            await self._client.admin.command("ping")
        await self._make_indexes()

    async def add(self, row: Row) -> Record | None:
        """See `Store`."""
        record = row.record
        kept = {
            "_id": record.work_id,
            "client": record.client,
            "id": record.id,
            "created_at": record.created_at,
            **_changing(row),
        }
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
            found = await self._documents.find_one({"_id": work_id}, {"record": 1})
        return Record.model_validate_json(found["record"]) if found else None

    async def view(self, work_id: str) -> View | None:
        """See `Store`."""
        with _told():
            found = await self._documents.find_one({"_id": work_id}, _VIEW)
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
            found = self._documents.find(condition, {"record": 1}).sort(order).limit(limit)
            return [Record.model_validate_json(each["record"]) async for each in found]

    async def waiting(self, before: datetime, limit: int) -> Sequence[Record]:
        """See `Store`."""
        condition = {"is_dispatched": False, "created_at": {"$lt": before}}
        with _told():
            found = self._documents.find(condition, {"record": 1})
            found = found.sort("created_at", ASCENDING).limit(limit)
            return [Record.model_validate_json(each["record"]) async for each in found]

    async def erase(self, work_id: str) -> tuple[int, int]:
        """See `Store`."""
        with _told():
            found = await self._documents.delete_one({"_id": work_id})
            pages = await self._pages.delete_many({"work_id": work_id})
        return found.deleted_count, pages.deleted_count

    async def sweep(self, before: datetime) -> int:
        """See `Store`."""
        total = 0
        with _told():
            while True:
                found = self._documents.find({"created_at": {"$lt": before}}, {"_id": 1})
                old = [each["_id"] async for each in found.limit(_SWEPT_AT_ONCE)]
                if not old:
                    return total
                await self._pages.delete_many({"work_id": {"$in": old}})
                await self._documents.delete_many({"_id": {"$in": old}})
                total += len(old)

    async def _make_indexes(self) -> None:
        if self._has_indexes:
            return
        newest = [("client", ASCENDING), ("created_at", DESCENDING), ("_id", DESCENDING)]
        waiting = [("is_dispatched", ASCENDING), ("created_at", ASCENDING)]
        by_number = [("work_id", ASCENDING), ("number", ASCENDING)]
        by_sequence = [("work_id", ASCENDING), ("sequence", ASCENDING)]
        with _told():
            await self._documents.create_index(newest, name="newest")
            await self._documents.create_index(waiting, name="waiting")
            await self._pages.create_index(by_number, name="by_number")
            await self._pages.create_index(by_sequence, name="by_sequence")
            for collection in (self._documents, self._pages):
                await self._make_ttl_index(collection)
        self._has_indexes = True

    async def _make_ttl_index(self, collection: _Collection) -> None:
        try:
            await collection.create_index(
                [("created_at", ASCENDING)],
                name="retention",
                expireAfterSeconds=int(self._retention),
            )
        except OperationFailure as error:
            _log.warning(
                "the database has no TTL index for us; old documents are deleted by the gateway",
                extra={"collection": collection.name, "cause": str(error)},
            )


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


@contextlib.contextmanager
def _told() -> Iterator[None]:
    try:
        yield
    except PyMongoError as error:
        raise DependencyUnavailable(
            "the store of documents cannot be used now; try again",
            reason="STORE_UNAVAILABLE",
            retry_after=2.0,
        ) from error
