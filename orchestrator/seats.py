"""Documents that are open at once: few, and none for longer than is fair."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass, field

from orchestrator.shares import Share

QUANTUM = 32 * 1024 * 1024
"""Bytes of pixels that a client's documents may take beyond another's before they make room: some
three pages of A4 in colour at 200 dpi, so that reopening costs little beside."""


@dataclass(eq=False)
class _Waiter:
    share: Share
    turn: asyncio.Future[None] = field(
        default_factory=lambda: asyncio.get_running_loop().create_future()
    )


class Seats:
    """Places for documents that are open.

    Args:
        count: of places.
    """

    def __init__(self, count: int) -> None:
        self._free = count
        self._waiting: list[_Waiter] = []
        self._leaving: set[Seat] = set()

    @contextlib.asynccontextmanager
    async def seat(self, share: Share) -> AsyncIterator["Seat"]:
        """Wait for a place; whose client took least is next, then who is urgent, then who came."""
        await self._take(share)
        seat = Seat(self, share)
        try:
            yield seat
        finally:
            self._leaving.discard(seat)
            self._free += 1
            self._give()

    def wants(self, seat: "Seat") -> bool:
        """Whether somebody waits who comes before this one, and nobody else makes room for them."""
        if seat in self._leaving:
            return True
        ahead = sum(_comes_before(waiter.share, seat.share) for waiter in self._waiting)
        if ahead <= len(self._leaving):
            return False
        self._leaving.add(seat)
        return True

    async def _take(self, share: Share) -> None:
        waiter = _Waiter(share)
        self._waiting.append(waiter)
        self._give()
        try:
            await waiter.turn
        except asyncio.CancelledError:
            if waiter in self._waiting:
                self._waiting.remove(waiter)
            elif not waiter.turn.cancelled():  # given and cancelled in the same instant
                self._free += 1
            self._give()
            raise

    def _give(self) -> None:
        while self._free and self._waiting:
            waiter = min(self._waiting, key=lambda each: each.share.rank())
            self._waiting.remove(waiter)
            if not waiter.turn.done():
                self._free -= 1
                waiter.turn.set_result(None)


@dataclass(frozen=True, eq=False)
class Seat:
    """A document's place while it is open."""

    seats: Seats
    share: Share

    def is_wanted(self) -> bool:
        """Whether the document should make room, and wait for another turn."""
        return self.seats.wants(self)


def _comes_before(waiting: Share, seated: Share) -> bool:
    is_urgent = waiting.priority < seated.priority
    if waiting.client == seated.client:
        return is_urgent
    return waiting.level + (0 if is_urgent else QUANTUM) <= seated.level
