"""Bounded concurrency over streams."""

import asyncio
import contextlib
from collections.abc import AsyncIterator

import pytest

from meshkit.streams import map_as_completed


class Source:
    """Counts what is read of it."""

    def __init__(self, count: int) -> None:
        self.count, self.read = count, 0

    def __aiter__(self) -> AsyncIterator[int]:
        return self

    async def __anext__(self) -> int:
        await asyncio.sleep(0)
        if self.read == self.count:
            raise StopAsyncIteration
        self.read += 1
        return self.read


async def test_results_come_as_they_are_ready() -> None:
    gates = {n: asyncio.Event() for n in (1, 2, 3)}

    async def work(number: int) -> int:
        await gates[number].wait()
        return number

    results = map_as_completed(Source(3), work, 3)
    order = []
    for number in (2, 3, 1):
        gates[number].set()
        order.append(await asyncio.wait_for(anext(results), 10))
    assert order == [2, 3, 1]
    assert [r async for r in results] == []


async def test_a_slow_consumer_holds_the_source_back() -> None:
    async def work(number: int) -> int:
        return number

    source = Source(100)
    results = map_as_completed(source, work, 4)
    async with contextlib.aclosing(results):
        await anext(results)
        for _ in range(50):
            await asyncio.sleep(0)
        assert source.read <= 5


@pytest.mark.parametrize("limit", [1, 3, 10])
async def test_no_more_than_the_limit_is_in_work_and_nothing_is_lost(limit: int) -> None:
    gate = asyncio.Event()
    running = most = 0

    async def work(number: int) -> int:
        nonlocal running, most
        running += 1
        most = max(most, running)
        await gate.wait()
        await asyncio.sleep(0)
        running -= 1
        return number

    async def collect() -> list[int]:
        return [r async for r in map_as_completed(Source(20), work, limit)]

    collecting = asyncio.create_task(collect())
    for _ in range(200):
        await asyncio.sleep(0)
    assert running == limit
    gate.set()
    assert sorted(await collecting) == list(range(1, 21))
    assert most == limit


async def test_leaving_cancels_what_is_in_work() -> None:
    cancelled = 0

    async def work(number: int) -> int:
        nonlocal cancelled
        if number == 1:
            return number
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            cancelled += 1
            raise
        return number

    results = map_as_completed(Source(3), work, 3)
    async with contextlib.aclosing(results):
        assert await anext(results) == 1
        for _ in range(20):
            await asyncio.sleep(0)
    assert cancelled <= 2
    assert all(t is asyncio.current_task() for t in asyncio.all_tasks())


async def test_a_source_that_fails_ends_the_stream_with_its_error() -> None:
    async def source() -> AsyncIterator[int]:
        yield 1
        raise OSError("gone")

    async def work(number: int) -> int:
        return number

    with pytest.raises(OSError, match="gone"):
        [r async for r in map_as_completed(source(), work, 1)]
