"""Reads that go out together."""

import asyncio
from collections.abc import Sequence

import pytest

from gateway.stores.gathered import GatheredReads
from meshkit.errors import DependencyUnavailable


class Shelf:
    """Something to read from, that answers when its gate is open."""

    def __init__(self, **values: str) -> None:
        self.values = values
        self.asked: list[list[str]] = []
        self.gate = asyncio.Event()

    async def read(self, keys: Sequence[str]) -> dict[str, str]:
        self.asked.append(list(keys))
        found = {key: self.values[key] for key in keys if key in self.values}
        await self.gate.wait()
        if "bad" in keys:
            raise DependencyUnavailable("it broke", reason="BROKEN")
        return found


def asking(reads: GatheredReads[str], *keys: str) -> list[asyncio.Task[str | None]]:
    return [asyncio.create_task(reads.get(key)) for key in keys]


async def settle() -> None:
    for _ in range(5):
        await asyncio.sleep(0)


async def test_those_who_come_meanwhile_go_out_together_each_key_once() -> None:
    shelf = Shelf(a="A", b="B")
    reads = GatheredReads(shelf.read, most=10, flights=1)
    asked = asking(reads, "a", "b", "c", "b", "a")
    await settle()
    assert shelf.asked == [["a"]], "the first one waits for nobody"
    shelf.gate.set()
    assert await asyncio.gather(*asked) == ["A", "B", None, "B", "A"]
    assert shelf.asked == [["a"], ["b", "c", "a"]]


async def test_what_was_written_before_is_seen() -> None:
    shelf = Shelf(a="old")
    reads = GatheredReads(shelf.read, most=10, flights=1)
    (early,) = asking(reads, "a")
    await settle()
    shelf.values["a"] = "new"
    (late,) = asking(reads, "a")
    shelf.gate.set()
    assert (await early, await late) == ("old", "new")


async def test_a_read_is_no_larger_than_allowed_and_several_are_under_way() -> None:
    shelf = Shelf()
    reads = GatheredReads(shelf.read, most=2, flights=3)
    asked = asking(reads, *"abcdefgh")
    await settle()
    assert shelf.asked == [["a"], ["b"], ["c"]]
    shelf.gate.set()
    await asyncio.gather(*asked)
    assert shelf.asked[3:] == [["d", "e"], ["f", "g"], ["h"]]


async def test_an_error_reaches_all_who_asked_and_nobody_after_them() -> None:
    shelf = Shelf(a="A")
    reads = GatheredReads(shelf.read, most=10, flights=1)
    first = asking(reads, "a")
    await settle()
    together = asking(reads, "bad", "a", "bad")
    shelf.gate.set()
    told = await asyncio.gather(*together, return_exceptions=True)
    assert [type(each) for each in told] == [DependencyUnavailable] * 3
    assert await first[0] == "A"
    assert await reads.get("a") == "A"


async def test_who_leaves_takes_nobody_along() -> None:
    shelf = Shelf(a="A", b="B", c="C")
    reads = GatheredReads(shelf.read, most=10, flights=1)
    under_way, gathered, gone = asking(reads, "a", "b", "c")
    await settle()
    (beside,) = asking(reads, "b")
    await settle()
    under_way.cancel()
    gathered.cancel()
    gone.cancel()
    await asyncio.gather(under_way, gathered, gone, return_exceptions=True)
    shelf.gate.set()
    assert await beside == "B"
    assert shelf.asked == [["a"], ["b"]], "what nobody waits for any more is not read"


async def test_nobody_waits_for_a_read_that_was_cancelled() -> None:
    async def read(keys: Sequence[str]) -> dict[str, str]:
        raise asyncio.CancelledError

    with pytest.raises(asyncio.CancelledError):
        await asyncio.wait_for(GatheredReads(read, most=1).get("a"), 5)
