"""How many pixels a server holds at once."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any, Protocol

from meshkit.errors import Overloaded

SMALLEST_CHARGE = 65_536
"""A page is charged at least this many pixels: tiny pages cost bookkeeping too."""


class Applicant(Protocol):
    """Who wants pixels."""

    def rank(self) -> Any:
        """Of those who wait, whoever has the lowest now is next, and of equals who came first."""

    def admitted(self, size: int) -> None:
        """Told of what it was given, before anybody else's rank is asked for."""


class FirstCome:
    """Comes neither before nor after anybody else who came at the same time."""

    def rank(self) -> int:
        """The same for all."""
        return 0

    def admitted(self, size: int) -> None:
        """Nobody counts it."""


FIRST_COME = FirstCome()


@dataclass(eq=False)
class _Waiter:
    applicant: Applicant
    charge: int
    turn: asyncio.Future[None] = field(
        default_factory=lambda: asyncio.get_running_loop().create_future()
    )


class PixelBudget:
    """Bounds the pixels of all pages that are decoded, queued or in the model.

    Pages come in at very different sizes, so memory is bounded by pixels and not by count.
    A page larger than the whole budget is let in alone.
    """

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._held = 0
        self._waiting: list[_Waiter] = []

    @property
    def held(self) -> int:
        """Pixels held now."""
        return self._held

    @contextlib.asynccontextmanager
    async def hold(
        self, pixels: int, *, wait: bool, applicant: Applicant = FIRST_COME
    ) -> AsyncIterator[None]:
        """Hold the pixels while the block runs.

        Args:
            pixels: width times height of the page.
            wait: when the budget is used up, wait for one's turn; otherwise be refused.
            applicant: says whose turn it is among those who wait.

        Raises:
            Overloaded: the budget is used up and `wait` is false.
        """
        charge = min(max(pixels, SMALLEST_CHARGE), self._limit)
        await self._take(charge, wait, applicant)
        try:
            yield
        finally:
            self._held -= charge
            self._admit_waiting()

    async def _take(self, charge: int, wait: bool, applicant: Applicant) -> None:
        if not self._waiting and self._held + charge <= self._limit:
            self._held += charge
            applicant.admitted(charge)
            return
        if not wait:
            raise Overloaded(
                f"the server holds {self._held:,} pixels and takes {self._limit:,}; retry later",
                metadata={"held_pixels": str(self._held), "limit_pixels": str(self._limit)},
            )
        waiter = _Waiter(applicant, charge)
        self._waiting.append(waiter)
        try:
            await waiter.turn
        except asyncio.CancelledError:
            if waiter in self._waiting:
                self._waiting.remove(waiter)
            elif not waiter.turn.cancelled():  # admitted and cancelled in the same instant
                self._held -= charge
            self._admit_waiting()
            raise

    def _admit_waiting(self) -> None:
        while self._waiting:
            waiter = min(self._waiting, key=lambda each: each.applicant.rank())
            if not waiter.turn.done():
                if self._held + waiter.charge > self._limit:
                    return
                self._held += waiter.charge
                waiter.applicant.admitted(waiter.charge)
                waiter.turn.set_result(None)
            self._waiting.remove(waiter)
