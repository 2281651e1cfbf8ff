"""Which orchestrators live, told without clocks that agree.

Every orchestrator counts up a number of its own. Who sees another's number stand still at several
looks in a row takes it for dead. A look that fails starts the counting of looks anew: when the
store was away for all of us, nobody is taken for dead.
"""

import asyncio
import contextlib
import logging
from dataclasses import dataclass
from typing import Any

from pymongo.asynchronous.collection import AsyncCollection
from pymongo.errors import PyMongoError

LOOKS = 5
"""At so many looks in a row the number of a dead orchestrator has stood still."""
_FORGOTTEN_LOOKS = 200

_log = logging.getLogger(__name__)


@dataclass
class _Seen:
    number: int
    looks: int = 0


class Leases:
    """Our own sign of life, and what is seen of the others'.

    Args:
        collection: with a document for each orchestrator.
        me: our own name, another one in every process.
        seconds: after so long without a sign of life an orchestrator counts as dead.
    """

    def __init__(
        self, collection: AsyncCollection[dict[str, Any]], me: str, *, seconds: float
    ) -> None:
        self._collection = collection
        self._me = me
        self._pause = seconds / LOOKS
        self._seen: dict[str, _Seen] = {}
        self._beating: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Begin to live. Raises PyMongoError."""
        await self._beat()
        await self._look()
        self._beating = asyncio.create_task(self._live())

    async def stop(self) -> None:
        """Be dead at once, so that nobody waits for us. Safe to call twice and without `start`."""
        beating, self._beating = self._beating, None
        if beating is not None:
            beating.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await beating
            with contextlib.suppress(PyMongoError):
                await self._collection.delete_one({"_id": self._me})

    async def is_alive(self, name: str) -> bool:
        """Whether this orchestrator lives, we ourselves among them. Raises PyMongoError."""
        if name == self._me:
            return True
        if name not in self._seen:
            await self._meet(name)
        return name in self._seen and self._seen[name].looks < LOOKS

    async def _meet(self, name: str) -> None:
        """One that began after our last look."""
        found = await self._collection.find_one({"_id": name})
        if found is not None:
            self._seen[name] = _Seen(found["number"])

    async def _live(self) -> None:
        while True:
            await asyncio.sleep(self._pause)
            try:
                await self._beat()
                await self._look()
            except PyMongoError as error:
                _log.warning("no sign of life can be given", exc_info=error)
                for seen in self._seen.values():
                    seen.looks = 0

    async def _beat(self) -> None:
        await self._collection.update_one({"_id": self._me}, {"$inc": {"number": 1}}, upsert=True)

    async def _look(self) -> None:
        found = {each["_id"]: each["number"] async for each in self._collection.find({})}
        found.pop(self._me, None)
        for name, number in found.items():
            seen = self._seen.get(name)
            if seen is None or seen.number != number:
                self._seen[name] = _Seen(number)
            else:
                seen.looks += 1
                if seen.looks > _FORGOTTEN_LOOKS:
                    await self._collection.delete_one({"_id": name, "number": number})
        self._seen = {name: seen for name, seen in self._seen.items() if name in found}
