"""What happens to a document, as server-sent events."""

import asyncio
from collections.abc import AsyncIterator
from typing import Annotated

from fastapi import APIRouter, Header
from fastapi.sse import format_sse_event
from pydantic import BaseModel
from starlette.responses import Response, StreamingResponse

from gateway.bells import Bell
from gateway.documents import Documents
from gateway.identity import Caller
from gateway.records import Record
from gateway.resources import DOCUMENTS, json_of, page_event_of, resource_of
from gateway.routes.parts import DocumentId, TheBells, TheConfig, TheDocuments, problems
from meshkit.errors import PagemeshError

router = APIRouter(tags=["documents"])

LAST = "end"
"""Id of the last event: who has seen it needs no other."""
_EVENT = {
    "type": "object",
    "properties": {
        "event": {"type": "string", "enum": ["page", "status", "done"]},
        "id": {"type": "string"},
        "data": {"type": "string", "contentMediaType": "application/json"},
    },
}
_NEWS_AT_ONCE = 100
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
    bells: TheBells,
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
    following = _Following(documents, record, sequence, config.keep_alive_seconds)

    async def stream() -> AsyncIterator[bytes]:
        with bells.listening(record.work_id) as bell:
            async for part in following.parts(bell, config.poll_seconds):
                yield part

    return StreamingResponse(stream(), media_type="text/event-stream", headers=_HEADERS)


class _Following:
    """What one client was told of one document."""

    def __init__(
        self, documents: Documents, record: Record, sequence: int, keep_alive: float
    ) -> None:
        self._store = documents.store
        self._work_id = record.work_id
        self._id = record.id
        self._sequence = sequence
        self._keep_alive = keep_alive
        self._told = b""

    async def parts(self, bell: Bell, poll_seconds: float) -> AsyncIterator[bytes]:
        """Events and signs of life, until the document's end or until it is gone."""
        loop = asyncio.get_running_loop()
        spoke = loop.time()
        while not bell.is_over:
            rung = bell.rung  # before reading: what happens meanwhile is found in the next round
            try:
                news, is_last = await self._news()
            except PagemeshError:
                return  # the client comes again, and is told what is wrong
            if news:
                spoke = loop.time()
                yield b"".join(news)
            if is_last:
                return
            if loop.time() - spoke >= self._keep_alive:
                spoke = loop.time()
                yield _PING
            await bell.wait(rung, poll_seconds)

    async def _news(self) -> tuple[list[bytes], bool]:
        record = await self._store.record(self._work_id)
        if record is None:
            return [], True
        found: list[bytes] = []
        while news := await self._store.news(self._work_id, self._sequence, _NEWS_AT_ONCE):
            found += [
                _event("page", page_event_of(self._id, each), str(each.sequence)) for each in news
            ]
            self._sequence = news[-1].sequence
        document = resource_of(record)
        if record.status.is_final:
            return [*found, _event("done", document, LAST)], True
        shown = json_of(document)
        if shown != self._told:
            self._told = shown
            found.append(_event("status", document, str(self._sequence)))
        return found, False


def _event(name: str, content: BaseModel, event_id: str) -> bytes:
    return format_sse_event(event=name, data_str=json_of(content).decode(), id=event_id)
