"""Work under way: who waits for it, who keeps it, and how it is stopped."""

import asyncio
from dataclasses import dataclass, field

from meshkit.errors import Cancelled, DependencyUnavailable
from orchestrator.order import Order
from orchestrator.records import Ending, Keeper
from orchestrator.telemetry.recording import DocumentTelemetry
from pagemesh.orchestrator.v1.document_pb2 import (
    DOCUMENT_STATE_CANCELLED,
    PAGE_OUTCOME_FAILED,
    PAGE_OUTCOME_SKIPPED,
)


class Bell:
    """Wakes everybody who waits for news, without remembering anything for them."""

    def __init__(self) -> None:
        self.rung = 0
        self._event = asyncio.Event()

    def ring(self) -> None:
        self.rung += 1
        event, self._event = self._event, asyncio.Event()
        event.set()

    async def rung_since(self, count: int) -> None:
        while self.rung == count:
            await self._event.wait()


@dataclass
class Live:
    """Work that is queued or being done.

    Attributes:
        order: what is asked for.
        watchers: clients that are connected for it.
        keeper: when it is the store, the work goes on without any.
        stopped: why it is being cancelled; None while it is not.
        is_begun: whether its task runs: one that is cancelled before would never write its end.
        is_over: whether its end is written, or could not be.
        telemetry: its span.
        is_paused: whether it stops without an end, to go on after the next start.
    """

    order: Order
    watchers: int = 0
    keeper: Keeper = Keeper.CALLER
    stopped: Ending | None = None
    is_begun: bool = False
    is_over: bool = False
    is_paused: bool = False
    bell: Bell = field(default_factory=Bell)
    telemetry: DocumentTelemetry = field(default_factory=DocumentTelemetry)
    task: asyncio.Task[None] | None = None

    def stop(self, ending: Ending) -> None:
        """Cancel the work, once."""
        if self.stopped is None and self.task is not None and not self.task.done():
            self.stopped = ending
            if self.is_begun:
                self.task.cancel()

    def pause(self) -> None:
        """Stop because the process ends; its keeper sees to the rest."""
        if self.stopped is None:
            self.is_paused = self.keeper is not Keeper.CALLER
        self.stop(STOPPED)

    def leave(self) -> None:
        """A client has gone; the last one takes work with it that nobody asked to keep."""
        self.watchers -= 1
        if self.watchers > 0:
            return
        if self.keeper is Keeper.CALLER:
            self.stop(ABANDONED)
        elif self.keeper is Keeper.SOURCE:
            self.pause()


def _cancelling(reason: str, *, can_restart: bool) -> Ending:
    return Ending(
        state=DOCUMENT_STATE_CANCELLED,
        error=Cancelled(reason),
        rest_outcome=PAGE_OUTCOME_SKIPPED,
        rest_reason=reason,
        can_restart=can_restart,
    )


def _interrupted(reason: str) -> Ending:
    error = DependencyUnavailable(reason, reason="INTERRUPTED", retry_after=1.0)
    return Ending(
        error=error,
        rest_outcome=PAGE_OUTCOME_FAILED,
        rest_reason=reason,
        rest_error=error,
        can_restart=True,
    )


CANCELLED = _cancelling("cancelled by a client", can_restart=False)
ABANDONED = _cancelling("cancelled: its client went away", can_restart=True)
STOPPED = _interrupted("the orchestrator was stopped before the document was done; send it again")
CRASHED = _interrupted("the orchestrator ended before the document was done; send it again")
