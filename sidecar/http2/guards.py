"""What keeps a connection's cost bounded, however its peer behaves."""

import time
from collections import OrderedDict
from collections.abc import Callable

from sidecar.http2.frames import ErrorCode, ProtocolError


class Budget:
    """Frames that cost the peer nothing: so many at once, and then so many a second.

    Args:
        what: what is counted, for the peer's eyes.
        burst: how many may come at once.
        per_second: how fast the budget fills again.
    """

    __slots__ = ("_burst", "_clock", "_filled", "_left", "_per_second", "_what")

    def __init__(
        self,
        what: str,
        burst: float,
        per_second: float,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._what = what
        self._burst = self._left = burst
        self._per_second = per_second
        self._clock = clock
        self._filled = clock()

    def spend(self) -> None:
        """Take one.

        Raises:
            ProtocolError: there is none left.
        """
        if self._left < 1:
            now = self._clock()
            earned = (now - self._filled) * self._per_second
            self._left, self._filled = min(self._burst, self._left + earned), now
        if self._left < 1:
            raise ProtocolError(ErrorCode.ENHANCE_YOUR_CALM, f"too many {self._what}")
        self._left -= 1


class GivenUp:
    """Streams that were given up here: frames that their peer sent before it knew are no fault."""

    def __init__(self, most: int = 10_000) -> None:
        self._most = most
        self._ids: OrderedDict[int, None] = OrderedDict()

    def __contains__(self, stream_id: int) -> bool:
        return stream_id in self._ids

    def add(self, stream_id: int) -> None:
        """Remember a stream, and forget the oldest if there are too many."""
        self._ids[stream_id] = None
        if len(self._ids) > self._most:
            self._ids.popitem(last=False)
