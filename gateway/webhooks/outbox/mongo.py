"""Webhooks that are owed, in MongoDB: whichever gateway is there delivers them."""

import contextlib
import time
from collections.abc import Mapping
from contextlib import AbstractContextManager
from typing import Any

from pymongo import ASCENDING, ReturnDocument
from pymongo.errors import DuplicateKeyError

from gateway.mongo_database import asking, open_database
from gateway.webhooks.outbox.base import UNAVAILABLE, Entry, State
from meshkit.errors import DependencyUnavailable

_CONNECTIONS = 16


class MongoOutbox:
    """An `Outbox` in the database of the documents, shared by any number of gateways.

    A claim is a time until which others leave a webhook alone.

    Args:
        url: `mongodb://host/database`; the database is `pagemesh` where it names none.
    """

    def __init__(self, url: str) -> None:
        self._database = open_database(url, connections=_CONNECTIONS)
        self._webhooks = self._database.get_collection("webhooks")
        self._is_ready = False

    async def open(self) -> None:
        """Make the indexes, now or once the database is there."""
        with contextlib.suppress(DependencyUnavailable):
            await self._get_ready()

    async def close(self) -> None:
        """See `Outbox`."""
        await self._database.client.close()

    async def add(self, work_id: str, client: str, document: str) -> bool:
        """See `Outbox`."""
        await self._get_ready()
        entry = Entry(work_id, State.EXPECTED, 0, 0.0, time.time(), "", client, document)
        with _told():
            try:
                await self._webhooks.insert_one({"_id": work_id, **_kept(entry)})
            except DuplicateKeyError:
                return False
        return True

    async def remove(self, work_id: str) -> None:
        """See `Outbox`."""
        with _told():
            await self._webhooks.delete_one({"_id": work_id})

    async def erase(self, work_id: str) -> None:
        """See `Outbox`. What the database's log still has goes with its retention."""
        await self.remove(work_id)

    async def find(self, work_id: str) -> Entry | None:
        """See `Outbox`."""
        with _told():
            found = await self._webhooks.find_one({"_id": work_id})
        return _entry(found) if found else None

    async def listed(self, client: str, state: State, after: str, limit: int) -> list[Entry]:
        """See `Outbox`."""
        condition = {"client": client, "state": state, "document": {"$gt": after}}
        return await self._found(condition, "document", limit)

    async def expected(self, after: str, limit: int) -> list[Entry]:
        """See `Outbox`."""
        return await self._found({"state": State.EXPECTED, "_id": {"$gt": after}}, "_id", limit)

    async def ended(self, work_id: str) -> None:
        """See `Outbox`."""
        condition = {"_id": work_id, "state": State.EXPECTED}
        with _told():
            await self._webhooks.update_one(condition, {"$set": {"state": State.DUE}})

    async def claim(self, limit: int, seconds: float) -> list[Entry]:
        """See `Outbox`."""
        claimed: list[Entry] = []
        with _told():
            while len(claimed) < limit:
                now = time.time()
                found = await self._webhooks.find_one_and_update(
                    _free(now) | {"due": {"$lte": now}},
                    {"$set": {"claimed_until": now + seconds}},
                    sort=[("due", ASCENDING)],
                    return_document=ReturnDocument.AFTER,
                )
                if found is None:
                    break
                claimed.append(_entry(found))
        return claimed

    async def next_due(self) -> float | None:
        """See `Outbox`."""
        found = await self._found(_free(time.time()), "due", 1)
        return found[0].due if found else None

    async def settle(self, entry: Entry) -> None:
        """See `Outbox`."""
        with _told():
            await self._webhooks.update_one({"_id": entry.work_id}, {"$set": _kept(entry)})

    async def release(self, work_id: str) -> None:
        """See `Outbox`."""
        with _told():
            await self._webhooks.update_one({"_id": work_id}, {"$set": {"claimed_until": 0.0}})

    async def sweep(self, before: float) -> None:
        """See `Outbox`."""
        await self._get_ready()
        with _told():
            await self._webhooks.delete_many({"since": {"$lt": before}})

    async def _found(self, condition: Mapping[str, Any], order: str, limit: int) -> list[Entry]:
        with _told():
            found = self._webhooks.find(condition).sort(order, ASCENDING).limit(limit)
            return [_entry(each) async for each in found]

    async def _get_ready(self) -> None:
        if self._is_ready:
            return
        with _told():
            for keys in (("state", "due"), ("client", "state", "document"), ("since",)):
                await self._webhooks.create_index(
                    [(key, ASCENDING) for key in keys], name="_".join(keys)
                )
        self._is_ready = True


def _free(now: float) -> dict[str, Any]:
    return {"state": State.DUE, "claimed_until": {"$lte": now}}


def _kept(entry: Entry) -> dict[str, Any]:
    kept = entry._asdict() | {"claimed_until": 0.0}
    del kept["work_id"]
    return kept


def _entry(found: Mapping[str, Any]) -> Entry:
    return Entry(found["_id"], State(found["state"]), *(found[name] for name in Entry._fields[2:]))


def _told() -> AbstractContextManager[None]:
    return asking("the outbox of webhooks", UNAVAILABLE)
