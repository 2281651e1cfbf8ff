"""Webhooks that are owed: on a disk before a document is taken."""

from collections.abc import Sequence
from enum import StrEnum
from typing import NamedTuple, Protocol

UNAVAILABLE = "WEBHOOKS_UNAVAILABLE"
"""The reason, for machines, when an outbox cannot be used."""


class State(StrEnum):
    """How far a webhook is."""

    EXPECTED = "expected"
    """The document is not at its end."""
    DUE = "due"
    """It is to be sent, now or again later."""
    DELIVERED = "delivered"
    DEAD = "dead"
    """It was given up."""


class Entry(NamedTuple):
    """A webhook.

    Attributes:
        work_id: of its document.
        state: how far it is.
        attempts: that were made.
        due: not before then; as `since`, the time of its making, in seconds of the Unix epoch.
        error: why the last attempt failed.
        client, document: whose document it is, and what that client calls it.
    """

    work_id: str
    state: State
    attempts: int
    due: float
    since: float
    error: str
    client: str
    document: str


class Outbox(Protocol):
    """Where they are kept. Every method raises DependencyUnavailable when it cannot be used."""

    async def open(self) -> None:
        """Get ready; what lies elsewhere may be away still."""

    async def close(self) -> None:
        """End. May be repeated."""

    async def add(self, work_id: str, client: str, document: str) -> bool:
        """Owe a document's webhook. False: it is owed, or was sent, already."""

    async def remove(self, work_id: str) -> None:
        """Owe nothing any more."""

    async def erase(self, work_id: str) -> None:
        """Owe nothing, and leave nothing of it in what the webhook was written with."""

    async def find(self, work_id: str) -> Entry | None:
        """A document's webhook."""

    async def listed(self, client: str, state: State, after: str, limit: int) -> Sequence[Entry]:
        """A client's webhooks that are so far, by document, beyond `after`."""

    async def expected(self, after: str, limit: int) -> Sequence[Entry]:
        """Webhooks of documents that were not at their end, by work id, beyond `after`."""

    async def ended(self, work_id: str) -> None:
        """The document is at its end: its webhook is due."""

    async def claim(self, limit: int, seconds: float) -> Sequence[Entry]:
        """Those that are due now, the longest first, to be sent by whoever claims them.

        Nobody else gets them until they are settled or released; should the one who claimed them
        be gone, others do after so many seconds.
        """

    async def next_due(self) -> float | None:
        """When the next one that nobody has claimed is due, in seconds of the Unix epoch."""

    async def settle(self, entry: Entry) -> None:
        """Keep what came of an attempt."""

    async def release(self, work_id: str) -> None:
        """Give a claimed one back as it was."""

    async def sweep(self, before: float) -> None:
        """Forget those that were made before then."""
