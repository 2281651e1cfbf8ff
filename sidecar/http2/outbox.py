"""What goes out of a connection: all that one turn of the event loop has to say is one write."""

import asyncio
import time
from collections.abc import Callable
from typing import Protocol

from sidecar.http2.turn import Turn

MAX_UNREAD = 4 << 20
"""Bytes of answers that may wait for a peer that does not read, over the transport's own limit."""
LINGER_SECONDS = 0.5
JOINED = 32 << 10
"""Up to so many bytes are cheaper to copy together than to hand over one by one."""
AT_ONCE = 256 << 10
"""So many bytes wait for no more: it is as much as one read brings."""


class Timed(Protocol):
    """Whoever wants to know how long something took until it was written."""

    added: int


class Outbox:
    """Bytes on their way to the transport.

    Args:
        turn: the loop's, at whose end all is written.
        on_overflow: told when a peer that does not read made too many answers necessary.

    Attributes:
        closed: nothing goes out any more.
        paused: the transport is full.
    """

    __slots__ = (
        "_marks",
        "_most_unread",
        "_on_overflow",
        "_parts",
        "_size",
        "_transport",
        "_turn",
        "closed",
        "paused",
    )

    def __init__(self, turn: Turn, on_overflow: Callable[[], None]) -> None:
        self.closed = False
        self.paused = False
        self._turn = turn
        self._on_overflow = on_overflow
        self._transport: asyncio.Transport | None = None
        self._most_unread = MAX_UNREAD
        self._parts: list[bytes | memoryview] = []
        self._size = 0
        self._marks: list[tuple[Timed, int]] = []

    def attach(self, transport: asyncio.Transport, write_buffer: int) -> None:
        """Use this transport, with at most `write_buffer` bytes ahead of the kernel."""
        self._transport = transport
        self._most_unread = write_buffer + MAX_UNREAD
        transport.set_write_buffer_limits(high=write_buffer)

    def put(self, *parts: bytes | memoryview) -> None:
        """Write these at the end of the turn, or at once when they are many bytes."""
        if self.closed:
            return
        if not self._parts:
            self._turn.at_end(self.flush)
        self._parts += parts
        self._size += sum(map(len, parts))
        if self._size >= AT_ONCE:
            self.flush()

    def flush(self) -> None:
        """Write what there is, now."""
        parts, transport = self._parts, self._transport
        if not parts or transport is None or self.closed:
            return
        size, self._parts, self._size = self._size, [], 0
        if size <= JOINED:
            transport.write(b"".join(parts))
        else:
            transport.writelines(parts)
        if self._marks:
            self._tell_times()
        if self.paused and transport.get_write_buffer_size() > self._most_unread:
            self._most_unread = 1 << 62  # said once
            self._on_overflow()

    def mark(self, timed: Timed, since: int) -> None:
        """Add the nanoseconds from `since` until what was put is written to what `timed` added."""
        if self._parts:
            self._marks.append((timed, since))
        else:
            timed.added += time.perf_counter_ns() - since

    def close(self) -> None:
        """Close the transport, once it has sent what it was given."""
        self.flush()
        self.closed = True
        if self._transport is not None:
            self._transport.close()

    def close_after_words(self) -> None:
        """Close once the peer has had time to read why: at once, the kernel would drop the word."""
        transport = self._transport
        if transport is None or not transport.can_write_eof():
            self.close()
            return
        self.flush()
        self.closed = True
        transport.write_eof()
        asyncio.get_running_loop().call_later(LINGER_SECONDS, transport.close)

    def abort(self) -> None:
        """Close the transport and drop what it has not sent."""
        self.closed = True
        if self._transport is not None:
            self._transport.abort()

    def _tell_times(self) -> None:
        now, marks = time.perf_counter_ns(), self._marks
        self._marks = []
        for timed, since in marks:
            timed.added += now - since
