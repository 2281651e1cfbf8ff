"""How many pixels a server holds at once."""

import asyncio
import contextlib
from collections import deque
from collections.abc import AsyncIterator

from meshkit.errors import Overloaded

SMALLEST_CHARGE = 65_536
"""A page is charged at least this many pixels: tiny pages cost bookkeeping too."""


class PixelBudget:
    """Bounds the pixels of all pages that are decoded, queued or in the model.

    Pages come in at very different sizes, so memory is bounded by pixels and not by count.
    A page larger than the whole budget is let in alone.
    """

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._held = 0
        self._waiting: deque[tuple[int, asyncio.Future[None]]] = deque()

    @property
    def held(self) -> int:
        """Pixels held now."""
        return self._held

    @contextlib.asynccontextmanager
    async def hold(self, pixels: int, *, wait: bool) -> AsyncIterator[None]:
        """Hold the pixels while the block runs.

        Args:
            pixels: width times height of the page.
            wait: when the budget is used up, wait for one's turn; otherwise be refused.

        Raises:
            Overloaded: the budget is used up and `wait` is false.
        """
        charge = min(max(pixels, SMALLEST_CHARGE), self._limit)
        await self._take(charge, wait)
        try:
            yield
        finally:
            self._held -= charge
            self._admit_waiting()

    async def _take(self, charge: int, wait: bool) -> None:
        if not self._waiting and self._held + charge <= self._limit:
            self._held += charge
            return
        if not wait:
            raise Overloaded(
                f"the server holds {self._held:,} pixels and takes {self._limit:,}; retry later",
                metadata={"held_pixels": str(self._held), "limit_pixels": str(self._limit)},
            )
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append((charge, turn))
        try:
            await turn
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled():  # admitted and cancelled in the same instant
                self._held -= charge
            self._admit_waiting()
            raise

    def _admit_waiting(self) -> None:
        while self._waiting:
            charge, turn = self._waiting[0]
            if not turn.done():
                if self._held + charge > self._limit:
                    return
                self._held += charge
                turn.set_result(None)
            self._waiting.popleft()
