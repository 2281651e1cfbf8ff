"""Watches a document: what the store has of it, then every piece of news."""

import asyncio
from collections.abc import AsyncGenerator

from meshkit.errors import DependencyUnavailable, Internal
from orchestrator.live import Live
from orchestrator.records import Keeper, Record
from orchestrator.stores.base import DocumentStore
from pagemesh.orchestrator.v1.document_pb2 import Document, PageResult

_PAGES_AT_ONCE = 8
_LOOK_SECONDS = 0.25
"""How often a document is looked at that another orchestrator has, or that will be taken up."""


_LOOKS = 8
"""So often it is looked at further once nobody has it: who takes it over has to write its end."""


async def watched(
    store: DocumentStore, request_id: str, live: Live | None
) -> AsyncGenerator[Document | PageResult, None]:
    """The document, its finished pages, every further one, and the document at its end.

    All is read from the store whenever there is news: a slow reader costs no memory.

    Args:
        store: has it.
        request_id: of the document.
        live: the work on it here; None when it has ended, or is elsewhere.
    Raises:
        NotFound: it is not there.
        DependencyUnavailable: INTERRUPTED, it is not at work now.
    """
    sequence, told, looks = 0, (-1, -1), 0
    while True:
        # Noted before reading: what happens meanwhile is found in the next round.
        is_over = live is None or live.is_over
        rung = live.bell.rung if live is not None else 0
        record = await store.get(request_id)
        document = record.document
        state = (document.state, document.pages.total)
        if state != told and (not record.is_final or told == (-1, -1)):
            yield document
        told = state
        while pages := await store.pages_after(request_id, sequence, _PAGES_AT_ONCE):
            for sequence, page in pages:  # noqa: B007
                yield page
        if record.is_final:
            yield document
            return
        if live is None:
            looks = _LOOKS if _is_in_good_hands(record) else looks - 1
            if looks > 0:
                await asyncio.sleep(_LOOK_SECONDS)
                continue
        if live is None or live.is_paused:
            raise DependencyUnavailable(
                "the document is not at work now; it goes on when the orchestrator is up again "
                "or its message is delivered again",
                reason="INTERRUPTED",
            )
        if is_over:
            raise Internal("the document's end could not be stored; the log says why")
        await live.bell.rung_since(rung)


def _is_in_good_hands(record: Record) -> bool:
    """Whether somebody is at work on it, or will take it up."""
    return record.is_elsewhere or record.keeper is Keeper.STORE
