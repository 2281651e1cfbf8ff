"""Whether a peer that owes something and says nothing is still there.

A process that was stopped and a host that went away close nothing; without asking, only the
callers' deadlines would tell.
"""

import asyncio
import time
from dataclasses import dataclass

from sidecar.http2.endpoint import Endpoint


@dataclass(frozen=True, slots=True)
class Patience:
    """How long silence is borne.

    Attributes:
        ask_after: seconds of silence, while streams are open, until the peer is asked; 0: never.
        answer_within: seconds that it has for a word after that.
    """

    ask_after: float
    answer_within: float


class Keepalive:
    """Watches a connection until it is closed, and drops it when its peer is not there any more."""

    def __init__(self, connection: Endpoint, patience: Patience) -> None:
        self._connection = connection
        self._patience = patience
        self._owing_since = time.perf_counter_ns()
        self._asked_at: int | None = None

    def start(self) -> None:
        """Begin to watch, unless silence is borne for ever."""
        if self._patience.ask_after:
            self._again_in(self._patience.ask_after)

    def _again_in(self, seconds: float) -> None:
        asyncio.get_running_loop().call_later(seconds, self._look)

    def _look(self) -> None:
        connection, patience = self._connection, self._patience
        if connection.closed:
            return
        now = time.perf_counter_ns()
        if not connection.streams:
            self._owing_since = now
        heard = max(connection.received_at, self._owing_since)
        if self._asked_at is not None and heard < self._asked_at:
            left = patience.answer_within - (now - self._asked_at) / 1e9
            if left > 0:
                self._again_in(min(left, patience.ask_after))
            else:
                connection.drop(f"it said nothing for {(now - heard) / 1e9:.1f} s")
            return
        left = patience.ask_after - (now - heard) / 1e9
        if left > 0:
            self._again_in(left)
            return
        self._asked_at = now
        connection.ask_for_a_word()
        self._again_in(min(patience.answer_within, patience.ask_after))
