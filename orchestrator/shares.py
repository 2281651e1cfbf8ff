"""Whose turn it is: clients share the orchestrator evenly, each one's urgent documents first."""

import contextlib
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

MOST_BEHIND = 64 * 1024 * 1024
"""Bytes of pixels by which a client can be behind another: who asked for nothing saves up nothing
beyond. Some five pages of A4 in colour at 200 dpi."""


class Shares:
    """What each client's documents took, in bytes of pixels.

    Whoever took least is next: start-time fair queueing over clients (Goyal, Vin, Cheng, SIGCOMM
    1996), with the memory of a client's past bounded by `MOST_BEHIND`.
    """

    def __init__(self) -> None:
        self._taken: dict[str, float] = {}
        self._documents: Counter[str] = Counter()

    @contextlib.contextmanager
    def taking_part(self, client: str, priority: int) -> Iterator["Share"]:
        """A document's part, from its acceptance to its end.

        Args:
            client: who pays for it.
            priority: among the documents of the client; lower ones come first.
        """
        if client not in self._taken:
            self._taken[client] = min(self._taken.values(), default=0.0)
        self._documents[client] += 1
        try:
            yield Share(self, client, priority)
        finally:
            self._documents[client] -= 1
            if not self._documents[client]:
                del self._documents[client], self._taken[client]

    def level(self, client: str) -> float:
        """How much counts as taken by a client that takes part."""
        return max(self._taken[client], max(self._taken.values()) - MOST_BEHIND)

    def charge(self, client: str, size: int) -> None:
        """A client that takes part was given so many bytes."""
        self._taken[client] = self.level(client) + size


@dataclass(frozen=True)
class Share:
    """A document's part in the shares; an `Applicant` for pixels.

    Attributes:
        client, priority: see `Shares.taking_part`.
    """

    shares: Shares
    client: str
    priority: int

    @property
    def level(self) -> float:
        """How much its client took."""
        return self.shares.level(self.client)

    def rank(self) -> tuple[float, int]:
        """Whoever has the lowest is next."""
        return self.level, self.priority

    def admitted(self, size: int) -> None:
        """The document was given so many bytes of pixels."""
        self.shares.charge(self.client, size)
