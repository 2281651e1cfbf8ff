"""Reads by key that go out together: one question to the database instead of dozens."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from itertools import islice
from typing import Generic, TypeVar

V = TypeVar("V")

_FLIGHTS = 2
"""Reads that are under way at once: a slow one does not hold up all who come after it."""


class GatheredReads(Generic[V]):
    """Reads values by their keys, those that are asked for at the same time in one read.

    Who comes while nothing is under way is served at once; the others wait until a read is back,
    and go out together. So there is no timer, and nothing waits while there is little to do.
    Every read begins after its value was asked for: what was written before is seen.

    Args:
        read: finds values by key; those that are not there are left out.
        most: keys in one read.
        flights: reads under way at once.
    """

    def __init__(
        self,
        read: Callable[[Sequence[str]], Awaitable[Mapping[str, V]]],
        most: int,
        flights: int = _FLIGHTS,
    ) -> None:
        self._read = read
        self.most = most
        self.flights = flights
        self._waiting: dict[str, list[asyncio.Future[V | None]]] = {}
        self._under_way: set[asyncio.Task[None]] = set()

    async def get(self, key: str) -> V | None:
        """The value of a key, None when there is none. Raises what `read` raises."""
        future: asyncio.Future[V | None] = asyncio.get_running_loop().create_future()
        self._waiting.setdefault(key, []).append(future)
        self._start()
        try:
            return await future
        finally:
            if future.done() and not future.cancelled():
                future.exception()  # a caller that was cancelled just now never looks at it

    def _start(self) -> None:
        while self._waiting and len(self._under_way) < self.flights:
            keys = list(islice(self._waiting, self.most))
            asked = {key: self._waiting.pop(key) for key in keys}
            asked = {key: futures for key, futures in asked.items() if not _all_gone(futures)}
            if asked:
                task = asyncio.create_task(self._fly(asked))
                self._under_way.add(task)
                task.add_done_callback(self._landed)

    def _landed(self, task: asyncio.Task[None]) -> None:
        self._under_way.discard(task)
        self._start()

    async def _fly(self, asked: dict[str, list[asyncio.Future[V | None]]]) -> None:
        futures = [(key, future) for key, all_of in asked.items() for future in all_of]
        try:
            found = await self._read(list(asked))
            for key, future in futures:
                if not future.done():
                    future.set_result(found.get(key))
        except Exception as error:
            for _, future in futures:
                if not future.done():
                    future.set_exception(error)
        finally:
            for _, future in futures:
                future.cancel()  # nobody waits for a read that was cancelled; else it does nothing


def _all_gone(futures: Sequence[asyncio.Future[V | None]]) -> bool:
    return all(future.done() for future in futures)
