"""Optional limits by method: calls at once, calls a second, bytes of a message."""

import fnmatch
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from sidecar.replies import Code, Refusal


@dataclass(frozen=True, slots=True)
class MethodLimit:
    """What one method, or all that a pattern names, may take.

    Attributes:
        pattern: `package.Service/Method`, `*` for any run of characters.
        max_concurrency: calls at once; 0: any number.
        max_rate: calls a second, with a burst of one second; 0: any number.
        max_message_bytes: of one request message; 0: the proxy's own limit.
    """

    pattern: str
    max_concurrency: int = 0
    max_rate: float = 0.0
    max_message_bytes: int = 0


@dataclass(slots=True)
class MethodGate:
    """The state of one limit: who is in, and how many more may come (a token bucket)."""

    limit: MethodLimit
    clock: Callable[[], float] = time.monotonic
    inside: int = 0
    _tokens: float = field(init=False)
    _filled: float = field(init=False)

    def __post_init__(self) -> None:
        self._tokens = max(1.0, self.limit.max_rate)
        self._filled = self.clock()

    def enter(self, method: str) -> Refusal | None:
        """Let a call in, or say why not; one that was let in must `leave`."""
        limit = self.limit
        if limit.max_concurrency and self.inside >= limit.max_concurrency:
            return Refusal(
                Code.RESOURCE_EXHAUSTED,
                "TOO_MANY_CALLS",
                f"{method} takes {limit.max_concurrency} calls at once; retry later",
                retry_after=0.1,
                metadata={"limit": str(limit.max_concurrency)},
            )
        if limit.max_rate:
            wait = self._take_token()
            if wait > 0:
                return Refusal(
                    Code.RESOURCE_EXHAUSTED,
                    "RATE_EXCEEDED",
                    f"{method} takes {limit.max_rate:g} calls a second; retry later",
                    retry_after=wait,
                    metadata={"limit_per_second": f"{limit.max_rate:g}"},
                )
        self.inside += 1
        return None

    def leave(self) -> None:
        """A call has ended."""
        self.inside -= 1

    def _take_token(self) -> float:
        """Take a token; returns the seconds until there is one, 0 if it was had."""
        now, rate = self.clock(), self.limit.max_rate
        self._tokens = min(max(1.0, rate), self._tokens + (now - self._filled) * rate)
        self._filled = now
        if self._tokens < 1:
            return (1 - self._tokens) / rate
        self._tokens -= 1
        return 0.0


class Policy:
    """Finds the gate of a method: the first whose pattern fits."""

    def __init__(self, limits: tuple[MethodLimit, ...]) -> None:
        self._gates = [MethodGate(limit) for limit in limits]
        self._known: dict[str, MethodGate | None] = {}

    def gate(self, method: str) -> MethodGate | None:
        """The method's gate, None when nothing limits it."""
        if not self._gates:
            return None
        if method not in self._known:
            if len(self._known) > 1000:  # names that callers make up
                self._known.clear()
            self._known[method] = next(
                (g for g in self._gates if fnmatch.fnmatchcase(method, g.limit.pattern)), None
            )
        return self._known[method]
