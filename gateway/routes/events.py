"""What happens to a document, as server-sent events."""

import asyncio
from collections.abc import AsyncIterator
from typing import Annotated

from fastapi import APIRouter, Header
from fastapi.sse import format_sse_event
from starlette.responses import Response, StreamingResponse

from gateway.identity import Caller
from gateway.records import Record
from gateway.resources import DOCUMENTS
from gateway.routes.parts import DocumentId, TheConfig, TheDocuments, TheWatches, problems
from gateway.stores import Store
from gateway.watches import LAST, NEWS_AT_ONCE, Moment, Watch, events_of
from meshkit.errors import PagemeshError

router = APIRouter(tags=["documents"])

_EVENT = {
    "type": "object",
    "properties": {
        "event": {"type": "string", "enum": ["page", "status", "done"]},
        "id": {"type": "string"},
        "data": {"type": "string", "contentMediaType": "application/json"},
    },
}
_PING = format_sse_event(comment="")
_HEADERS = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}


@router.get(
    f"{DOCUMENTS}/{{id}}/events",
    summary="Watch a document",
    response_class=StreamingResponse,
    responses={
        200: {
            "description": "Events `page` (a `PageEvent`), `status` and `done` (the document).",
            "content": {"text/event-stream": {"schema": _EVENT}},
        },
        204: {"description": "Last-Event-ID was the last one: there is nothing to wait for."},
        **problems(404, 422),
    },
)
async def events(
    client: Caller,
    documents: TheDocuments,
    watches: TheWatches,
    config: TheConfig,
    document_id: DocumentId,
    last_event_id: Annotated[
        str | None, Header(description="Id of the last event that was seen.")
    ] = None,
) -> Response:
    """Each page as it is finished, each change of the document, and its end.

    `page` tells of finished pages, also of those finished before; `status` of the document, first
    and whenever it changes; `done` is the last event. A client that was cut off goes on where it
    was by `Last-Event-ID`, as browsers do by themselves.
    """
    record = await documents.record(client, document_id)
    if last_event_id == LAST:
        return Response(status_code=204)
    is_number = (last_event_id or "").isascii() and (last_event_id or "").isdigit()
    sequence = int(last_event_id or "0") if is_number and len(last_event_id or "") < 10 else 0

    async def stream() -> AsyncIterator[bytes]:
        with watches.watching(record.work_id, record.id, sequence) as watch:
            following = Following(watch, documents.store, record, sequence)
            async for part in following.parts(config.keep_alive_seconds):
                yield part

    return StreamingResponse(stream(), media_type="text/event-stream", headers=_HEADERS)


class Following:
    """What one client was told of one document."""

    def __init__(self, watch: Watch, store: Store, record: Record, sequence: int) -> None:
        self._watch = watch
        self._store = store
        self._work_id = record.work_id
        self._id = record.id
        self._sequence = sequence
        self._told = b""

    async def parts(self, keep_alive: float) -> AsyncIterator[bytes]:
        """Events and signs of life, until the document's end or until it is gone."""
        loop, bell = asyncio.get_running_loop(), self._watch.bell
        spoke = loop.time()
        while True:
            rung = bell.rung  # before telling: what is seen meanwhile is told in the next round
            try:
                told = await self._tell(self._watch.moment)
            except PagemeshError:
                return  # the client comes again, and is told what is wrong
            if told or loop.time() - spoke >= keep_alive:
                spoke = loop.time()
                yield told or _PING
            if bell.is_over and bell.rung == rung:
                return
            await bell.wait(rung, max(0.0, spoke + keep_alive - loop.time()))

    async def _tell(self, moment: Moment | None) -> bytes:
        """What this client does not know of yet."""
        told = b""
        while moment is not None and self._sequence < moment.sequence:
            if self._sequence == moment.after:
                told += moment.pages
                self._sequence = moment.sequence
                break
            news = await self._store.news(self._work_id, self._sequence, NEWS_AT_ONCE)
            if not news:
                break
            told += events_of(self._id, news)
            self._sequence = news[-1].sequence
        if moment is not None and moment.document and moment.shown != self._told:
            self._told = moment.shown
            told += moment.document
        return told
