"""Bounded concurrency over asynchronous streams."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable
from typing import Any, TypeVar

T = TypeVar("T")
R = TypeVar("R")

_END: Any = object()


async def map_as_completed(
    source: AsyncIterator[T], work: Callable[[T], Awaitable[R]], limit: int
) -> AsyncGenerator[R, None]:
    """Results of `work` on every item of `source`, in the order in which they are ready.

    At most `limit` items are in work or wait to be taken by the consumer; the source is read no
    further, so a slow consumer holds it back. The first exception ends the stream. Leaving the
    generator cancels what is in work: close it (`contextlib.aclosing`).
    """
    running: set[asyncio.Future[Any]] = set()
    reading: asyncio.Future[Any] | None = None
    ended = False
    try:
        while running or not ended:
            if reading is None and not ended and len(running) < limit:
                reading = asyncio.ensure_future(_next(source))
            waiting = running | {reading} if reading else running
            done, _ = await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
            if reading in done and reading is not None:
                item, reading = reading.result(), None
                if item is _END:
                    ended = True
                else:
                    running.add(asyncio.ensure_future(work(item)))
            for future in done & running:
                running.discard(future)
                yield future.result()
    finally:
        left = running | {reading} if reading else running
        for future in left:
            future.cancel()
        await asyncio.gather(*left, return_exceptions=True)


async def _next(source: AsyncIterator[Any]) -> Any:
    return await anext(source, _END)
