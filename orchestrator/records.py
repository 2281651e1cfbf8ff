"""What the store holds of a document."""

from dataclasses import dataclass
from enum import StrEnum

import grpc

from meshkit.errors import PagemeshError
from meshkit.status import error_of
from pagemesh.orchestrator.v1.document_pb2 import (
    DOCUMENT_STATE_CANCELLED,
    DOCUMENT_STATE_FAILED,
    DOCUMENT_STATE_PARTIAL,
    DOCUMENT_STATE_SUCCEEDED,
    PAGE_OUTCOME_FAILED,
    Document,
    PageResult,
    PipelineIdentity,
)

FINAL_STATES = frozenset(
    {
        DOCUMENT_STATE_SUCCEEDED,
        DOCUMENT_STATE_PARTIAL,
        DOCUMENT_STATE_FAILED,
        DOCUMENT_STATE_CANCELLED,
    }
)


class Keeper(StrEnum):
    """Who sees to it that a document which a restart cuts off is finished."""

    CALLER = "caller"
    """The client that waits for it: it must send the document again."""
    STORE = "store"
    """The store: work goes on at the next start."""
    SOURCE = "source"
    """The queue that it came from: work goes on when its message is delivered again."""


@dataclass(frozen=True, slots=True)
class Entry:
    """A document as it is taken.

    Attributes:
        request_id: names it.
        fingerprint: digest of what the request asks for.
        pipeline: what reads it.
        source: its public name.
        keeper: see `Keeper`.
        spec: the request, a serialized `DocumentSpec`, to begin again from.
        client: who pays for it; empty when nobody said.
        traceparent: the span in which it was taken, as W3C writes it; empty: it is in no trace.
    """

    request_id: str
    fingerprint: str
    pipeline: PipelineIdentity
    source: str
    keeper: Keeper = Keeper.CALLER
    spec: bytes = b""
    client: str = ""
    traceparent: str = ""


@dataclass(frozen=True, slots=True)
class Record:
    """A document as stored.

    Attributes:
        document: its state and account.
        fingerprint: what the request asked for, as a digest.
        can_restart: whether the same request sent again goes on with it: the work was cut off by a
            restart or by its client's going away, not decided.
        keeper: see `Keeper`.
        spec: the request, serialized.
        client, traceparent: see `Entry`.
        is_elsewhere: whether another orchestrator, which lives, is at work on it.
    """

    document: Document
    fingerprint: str
    can_restart: bool
    keeper: Keeper
    spec: bytes
    client: str
    traceparent: str
    is_elsewhere: bool = False

    @property
    def is_final(self) -> bool:
        """Whether nothing more will happen to it."""
        return self.document.state in FINAL_STATES


@dataclass(frozen=True, slots=True)
class Ending:
    """How a document ends.

    Attributes:
        error: why it failed as a whole; None when it did not.
        state: the final state; None when its pages decide.
        rest_outcome, rest_reason, rest_error: for pages that were not finished.
        can_restart: see `Record`.
    """

    error: PagemeshError | None = None
    state: int | None = None
    rest_outcome: int = PAGE_OUTCOME_FAILED
    rest_reason: str = ""
    rest_error: PagemeshError | None = None
    can_restart: bool = False


@dataclass(frozen=True, slots=True)
class Erased:
    """Something that was deleted for good.

    Attributes:
        what: and of which store.
        count: how many there were.
    """

    what: str
    count: int


def failed_for_now(page: PageResult) -> bool:
    """Whether reading the page again may give more: the model was busy or away."""
    if page.outcome != PAGE_OUTCOME_FAILED:
        return False
    is_away = page.error.code == grpc.StatusCode.UNAVAILABLE.value[0]
    return is_away or error_of(page.error).retry_after is not None
