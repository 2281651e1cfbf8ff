"""A turn of the event loop: what one read brings in is worked through, then what it led to is said.

A write is a system call that wakes the peer. A call's headers, data and trailers often come in
together, and those of several calls, so they go out together.
"""

import asyncio
import logging
from collections.abc import Callable

from sidecar.http2.buffers import ReadBuffers

_log = logging.getLogger(__name__)


class Turn:
    """What the connections of one event loop share.

    Attributes:
        buffers: what is read into.
    """

    __slots__ = ("_acts", "_is_reading", "buffers")

    def __init__(self) -> None:
        self.buffers = ReadBuffers()
        self._acts: list[Callable[[], object]] = []
        self._is_reading = False

    def begin(self) -> None:
        """Something was read: what is to be done at the end waits for `end`."""
        self._is_reading = True

    def at_end(self, act: Callable[[], object]) -> None:
        """Do this when what was read is worked through, in order; soon when nothing was."""
        if not self._acts and not self._is_reading:
            asyncio.get_running_loop().call_soon(self.end)
        self._acts.append(act)

    def end(self) -> None:
        """Do what waits."""
        self._is_reading = False
        acts, self._acts = self._acts, []
        for act in acts:
            try:
                act()
            except Exception:  # the others' words are no less to be said
                _log.exception("something was not done at the end of a turn")
