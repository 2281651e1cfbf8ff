"""Tells those who wait for a document that it has changed."""

import asyncio
import contextlib
from collections.abc import Iterator


class Bell:
    """Rings whenever a document changes. Who reads first and then waits misses nothing.

    Attributes:
        rung: how often it has.
        is_over: True when it will not ring any more: everybody shall go.
    """

    def __init__(self) -> None:
        self.rung = 0
        self.is_over = False
        self.listeners = 0
        self._waiting: asyncio.Future[None] | None = None

    def ring(self) -> None:
        """Wake all who wait."""
        self.rung += 1
        waiting, self._waiting = self._waiting, None
        if waiting is not None and not waiting.done():
            waiting.set_result(None)

    async def wait(self, rung: int, seconds: float) -> None:
        """Wait until it has rung more often than this, or for so long."""
        if self.rung != rung or self.is_over:
            return
        if self._waiting is None:
            self._waiting = asyncio.get_running_loop().create_future()
        await asyncio.wait([self._waiting], timeout=seconds)


class Bells:
    """A bell for each document that somebody listens for; no memory for the others."""

    def __init__(self) -> None:
        self._bells: dict[str, Bell] = {}
        self._is_over = False

    def ring(self, work_id: str) -> None:
        """The document has changed."""
        bell = self._bells.get(work_id)
        if bell is not None:
            bell.ring()

    def close(self) -> None:
        """Send away all who listen, and all who come."""
        self._is_over = True
        for bell in list(self._bells.values()):
            bell.is_over = True
            bell.ring()

    @contextlib.contextmanager
    def listening(self, work_id: str) -> Iterator[Bell]:
        """The bell of a document, for as long as somebody listens."""
        bell = self._bells.setdefault(work_id, Bell())
        bell.is_over = self._is_over
        bell.listeners += 1
        try:
            yield bell
        finally:
            bell.listeners -= 1
            if not bell.listeners:
                del self._bells[work_id]
