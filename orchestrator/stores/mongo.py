"""Documents and their finished pages in MongoDB, for several orchestrators.

A document has an owner, the orchestrator that is at work on it; only the owner's writes count. Who
takes a document over makes itself the owner, and the one before learns of it by its next write. A
finished page is a document of its own, written at once. No transactions are needed: what is left of
a write that was cut off belongs to an unfinished document, and is put in order when that is taken.
"""

import asyncio
import contextlib
import time
import uuid
import weakref
from collections import Counter
from collections.abc import Collection, Sequence
from typing import Any

from pymongo import AsyncMongoClient, ReturnDocument
from pymongo.asynchronous.collection import AsyncCollection
from pymongo.errors import BulkWriteError, DuplicateKeyError

from meshkit.status import status_of
from orchestrator.records import Ending, Entry, Erased, Keeper, Record, failed_for_now
from orchestrator.stores.accounts import COLUMN, check, missing_pages, state_of
from orchestrator.stores.base import DocumentStore, TakenOver
from orchestrator.stores.leases import Leases
from orchestrator.stores.mongo_rows import (
    NOTHING_COUNTED,
    Row,
    document_of,
    new_edition,
    page_of,
    page_row,
    pipeline_of,
    record_of,
    row_of,
    taken_again,
)
from orchestrator.stores.mongo_trouble import trouble_told
from orchestrator.stores.mongo_uploads import MongoUploads
from pagemesh.orchestrator.v1.document_pb2 import (
    DOCUMENT_STATE_PROCESSING,
    DOCUMENT_STATE_SUCCEEDED,
    Document,
    PageAccount,
    PageResult,
)

_ANSWER_MS = 10_000
_DUPLICATE = 11_000
_DATABASE = "pagemesh"
_Rows = AsyncCollection[Row]


class MongoStore(DocumentStore):
    """The store that several orchestrators share.

    Args:
        url: `mongodb://host:port/database`; the database is `pagemesh` when none is named.
        lease_seconds: an orchestrator that gives no sign of life for so long loses its documents.
    """

    def __init__(self, url: str, *, lease_seconds: float) -> None:
        self._me = uuid.uuid4().hex
        self._client: AsyncMongoClient[Row] = AsyncMongoClient(
            url,
            serverSelectionTimeoutMS=_ANSWER_MS,
            socketTimeoutMS=_ANSWER_MS,
            w="majority",
            journal=True,
        )
        database = self._client.get_default_database(_DATABASE)
        self._documents: _Rows = database["documents"]
        self._pages: _Rows = database["pages"]
        self._leases = Leases(database["orchestrators"], self._me, seconds=lease_seconds)
        self._writing: weakref.WeakValueDictionary[str, asyncio.Lock] = (
            weakref.WeakValueDictionary()
        )
        self.uploads = MongoUploads(database)

    async def open(self) -> None:
        with trouble_told():
            await self._documents.create_index([("ended_ns", 1), ("keeper", 1)])
            await self._documents.create_index("reuse_key")
            await self._pages.create_index([("edition", 1), ("number", 1)])
            await self._pages.create_index([("edition", 1), ("sequence", 1)])
            await self._leases.start()

    async def close(self) -> None:
        await self._leases.stop()
        await self._client.close()

    async def create(self, entry: Entry) -> None:
        with trouble_told():
            while not await self._taken(entry):
                pass

    async def take_over(self, request_id: str) -> None:
        with trouble_told():
            await self._documents.update_one(
                {"_id": request_id, "ended_ns": None}, {"$set": {"owner": self._me}}
            )

    async def set_keeper(self, request_id: str, keeper: Keeper) -> None:
        await self._change(request_id, {"keeper": str(keeper)})

    async def begin(self, request_id: str, sha256: str) -> None:
        with trouble_told():
            before = await self._mine(request_id)
            change: Row = {
                "state": DOCUMENT_STATE_PROCESSING,
                "sha256": sha256 or before["sha256"],
            }
            if sha256 and before["sha256"] and sha256 != before["sha256"]:
                change |= {"edition": new_edition(), "total": 0, **NOTHING_COUNTED}
                await self._change(request_id, change)
                await self._pages.delete_many({"edition": before["edition"]})
            else:
                await self._change(request_id, change)

    async def opened(self, request_id: str, media_type: str, total: int) -> None:
        await self._change(request_id, {"media_type": media_type, "total": total})

    async def add_pages(self, request_id: str, pages: Sequence[PageResult]) -> None:
        several = [(page, failed_for_now(page)) for page in pages]
        with trouble_told():
            async with self._alone(request_id):
                await self._add(request_id, several)

    async def end(self, request_id: str, ending: Ending) -> Document:
        with trouble_told():
            async with self._alone(request_id):
                row = await self._mine(request_id)
                finished = await self._numbers(row["edition"])
                missing = [(p, True) for p in missing_pages(row["total"], finished, ending)]
                if missing:
                    await self._add(request_id, missing)
                counted = await self._counted(row["edition"])
                account = PageAccount(total=row["total"], **counted)
                change = {
                    **counted,
                    "state": ending.state or state_of(account, ending.error),
                    "error": status_of(ending.error).SerializeToString() if ending.error else None,
                    "can_restart": ending.can_restart,
                    "ended_ns": time.time_ns(),
                }
                return check(document_of(await self._change(request_id, change)))

    async def find(self, request_id: str) -> Record | None:
        with trouble_told():
            row = await self._documents.find_one({"_id": request_id})
            if row is None:
                return None
            is_open = row["ended_ns"] is None and row["owner"] != self._me
            is_elsewhere = is_open and await self._leases.is_alive(row["owner"])
            return record_of(row, is_elsewhere=is_elsewhere)

    async def pages_after(
        self, request_id: str, sequence: int, limit: int
    ) -> list[tuple[int, PageResult]]:
        with trouble_told():
            wanted = {"edition": await self._edition(request_id), "sequence": {"$gt": sequence}}
            rows = self._pages.find(wanted).sort("sequence", 1).limit(limit)
            return [(row["sequence"], page_of(row)) async for row in rows]

    async def pages_from(
        self, request_id: str, page_number: int, limit: int, max_bytes: int
    ) -> tuple[list[PageResult], bool]:
        with trouble_told():
            wanted = {"edition": await self._edition(request_id), "number": {"$gte": page_number}}
            pages: list[PageResult] = []
            used = 0
            async for row in self._pages.find(wanted).sort("number", 1).limit(limit + 1):
                used += len(row["result"])
                if pages and (len(pages) == limit or used > max_bytes):
                    return pages, True
                pages.append(page_of(row))
            return pages, False

    async def finished_pages(self, request_id: str) -> frozenset[int]:
        with trouble_told():
            return await self._numbers(await self._edition(request_id))

    async def set_reuse_key(self, request_id: str, key: str) -> None:
        await self._change(request_id, {"reuse_key": key})

    async def find_reusable(self, key: str) -> Document | None:
        wanted = {"reuse_key": key, "state": DOCUMENT_STATE_SUCCEEDED}
        with trouble_told():
            row = await self._documents.find_one(wanted, sort=[("ended_ns", -1)])
            return document_of(row) if row else None

    async def end_unfinished(self, ending: Ending, *, at_work: Collection[str]) -> int:
        taken = await self.take_unfinished(Keeper.CALLER, at_work=at_work)
        for record in taken:
            await self.end(record.document.request_id, ending)
        return len(taken)

    async def take_unfinished(self, keeper: Keeper, *, at_work: Collection[str]) -> list[Record]:
        with trouble_told():
            wanted = {"ended_ns": None, "keeper": str(keeper)}
            rows = [row async for row in self._documents.find(wanted).sort("created_ns", 1)]
            return [
                record_of(row, is_elsewhere=False)
                for row in rows
                if row["_id"] not in at_work and await self._takes_over(row)
            ]

    async def delete_ended_before(self, moment: float) -> int:
        moment_ns = int(moment * 1e9)
        ended = {"ended_ns": {"$gt": 0, "$lt": moment_ns}}
        never_came_again = {
            "ended_ns": None,
            "keeper": str(Keeper.SOURCE),
            "created_ns": {"$lt": moment_ns},
        }
        with trouble_told():
            count = 0
            async for row in self._documents.find({"$or": [ended, never_came_again]}):
                await self._pages.delete_many({"edition": row["edition"]})
                await self.uploads.drop(row["_id"])
                same = {"_id": row["_id"], "edition": row["edition"], "owner": row["owner"]}
                count += (await self._documents.delete_one(same)).deleted_count
            return count

    async def erase(self, request_id: str) -> list[Erased]:
        with trouble_told():
            row = await self._documents.find_one_and_delete({"_id": request_id})
            pages = await self._pages.delete_many({"edition": row["edition"]}) if row else None
        return [
            Erased("documents in MongoDB", int(row is not None)),
            Erased("pages in MongoDB", pages.deleted_count if pages else 0),
        ]

    async def _taken(self, entry: Entry) -> bool:
        """Take a document; False when another orchestrator did so at the same moment."""
        before = await self._documents.find_one({"_id": entry.request_id})
        if before is None:
            with contextlib.suppress(DuplicateKeyError):
                await self._documents.insert_one(row_of(entry, self._me))
                return True
            return False
        same = {"_id": entry.request_id, "owner": before["owner"], "edition": before["edition"]}
        if before["pipeline"] != pipeline_of(entry):
            done = await self._documents.replace_one(same, row_of(entry, self._me))
            if done.matched_count:
                await self._pages.delete_many({"edition": before["edition"]})
            return bool(done.matched_count)
        done = await self._documents.update_one(same, {"$set": taken_again(entry, self._me)})
        if done.matched_count:
            edition = before["edition"]
            await self._pages.delete_many({"edition": edition, "can_retry": True})
            await self._change(entry.request_id, await self._counted(edition))
        return bool(done.matched_count)

    async def _takes_over(self, row: Row) -> bool:
        """Make ourselves the owner of what nobody is at work on."""
        owner = row["owner"]
        if owner == self._me:
            return True
        if await self._leases.is_alive(owner):
            return False
        done = await self._documents.update_one(
            {"_id": row["_id"], "owner": owner, "ended_ns": None}, {"$set": {"owner": self._me}}
        )
        return bool(done.matched_count)

    async def _add(self, request_id: str, pages: Sequence[tuple[PageResult, bool]]) -> None:
        """Write pages, each with whether it may be read again."""
        row = await self._changed(request_id, {"$inc": {"sequence": len(pages)}})
        first = row["sequence"] - len(pages) + 1
        rows = [
            page_row(row["edition"], page, first + n, can_retry=can_retry)
            for n, (page, can_retry) in enumerate(pages)
        ]
        there = await self._inserted(rows)
        counts = dict(NOTHING_COUNTED)
        for n, each in enumerate(rows):
            counts[each["counts"]] += n not in there
        if any(counts.values()):
            await self._count(request_id, row["edition"], counts)

    async def _count(self, request_id: str, edition: str, counts: dict[str, int]) -> None:
        """Count pages that were just inserted, unless their document was erased meanwhile."""
        try:
            await self._changed(request_id, {"$inc": counts})
        except TakenOver:
            if await self._documents.find_one({"_id": request_id}, {"_id": 1}) is None:
                await self._pages.delete_many({"edition": edition})
            raise

    async def _inserted(self, rows: Sequence[Row]) -> set[int]:
        """Insert pages; returns which of them were there already."""
        try:
            if rows:
                await self._pages.insert_many(rows, ordered=False)
        except BulkWriteError as error:
            faults = error.details["writeErrors"]
            if any(each["code"] != _DUPLICATE for each in faults):
                raise
            return {each["index"] for each in faults}
        return set()

    async def _counted(self, edition: str) -> dict[str, int]:
        """Pages by outcome."""
        rows = self._pages.find({"edition": edition}, {"counts": 1})
        found = Counter([row["counts"] async for row in rows])
        return {column: found[column] for column in COLUMN.values()}

    async def _numbers(self, edition: str) -> frozenset[int]:
        rows = self._pages.find({"edition": edition}, {"number": 1})
        return frozenset([row["number"] async for row in rows])

    async def _edition(self, request_id: str) -> str:
        row = await self._documents.find_one({"_id": request_id}, {"edition": 1})
        return str(row["edition"]) if row else ""

    async def _mine(self, request_id: str) -> Row:
        row = await self._documents.find_one({"_id": request_id, "owner": self._me})
        if row is None:
            raise _taken_over()
        return row

    async def _change(self, request_id: str, values: Row) -> Row:
        with trouble_told():
            return await self._changed(request_id, {"$set": values})

    async def _changed(self, request_id: str, change: dict[str, Any]) -> Row:
        """A document of ours after a change. Raises TakenOver."""
        row = await self._documents.find_one_and_update(
            {"_id": request_id, "owner": self._me}, change, return_document=ReturnDocument.AFTER
        )
        if row is None:
            raise _taken_over()
        return row

    def _alone(self, request_id: str) -> asyncio.Lock:
        """One writer of a document's pages at a time: a watcher sees their numbers rise."""
        lock = self._writing.get(request_id)
        if lock is None:
            lock = self._writing[request_id] = asyncio.Lock()
        return lock


def _taken_over() -> TakenOver:
    return TakenOver("another orchestrator has this document now")
