"""What took how long: a document's spans as a tree."""

import asyncio
from pathlib import Path
from typing import Any

from fastapi import APIRouter
from pydantic import BaseModel, Field
from starlette.responses import Response

from gateway.identity import Caller
from gateway.resources import DOCUMENTS, json_of
from gateway.routes.parts import DocumentId, TheConfig, TheDocuments, problems
from meshkit.errors import NotFound
from pagemesh.traces.store import reading
from pagemesh.traces.tree import Node, roots_of

router = APIRouter(tags=["documents"])


class TraceSpan(BaseModel):
    """A span, and what is below it."""

    name: str
    service: str = Field(description="The process that made it.")
    start_ms: float = Field(description="Milliseconds after the trace's first span began.")
    duration_ms: float = Field(ge=0, description="How long it took.")
    is_error: bool
    is_shared: bool = Field(description="A batch that was begun for another document's page.")
    attributes: dict[str, Any]
    children: list["TraceSpan"]


class Trace(BaseModel):
    """A document's way through the mesh."""

    id: str = Field(description="The document.")
    trace_id: str = Field(description="Hexadecimal.")
    duration_ms: float = Field(ge=0, description="Of the document's own span.")
    spans: list[TraceSpan] = Field(description="The trees, in the order of time.")


@router.get(
    f"{DOCUMENTS}/{{id}}/trace",
    summary="A document's trace",
    response_model=Trace,
    responses=problems(404, 422),
)
async def trace(
    client: Caller, documents: TheDocuments, config: TheConfig, document_id: DocumentId
) -> Response:
    """Spans of every process that worked on the document, as far as they were kept here."""
    record = await documents.record(client, document_id)
    if config.spans_file is None:
        raise NotFound(
            "no spans are kept here: this gateway is not part of a local mesh; look in your "
            "tracing system",
            reason="NO_TRACES",
        )
    shown = await asyncio.to_thread(_read, config.spans_file, record.work_id)
    return Response(
        json_of(shown.model_copy(update={"id": record.id})), media_type="application/json"
    )


def _read(path: Path, work_id: str) -> Trace:
    with reading(path) as store:
        way = store.way(work_id)
    if way.request_id != work_id:
        raise NotFound("there are no spans of this document here yet", reason="TRACE_NOT_FOUND")
    roots = roots_of(way)
    begin = min(span.start for span in way.spans if span.trace_id == way.document.trace_id)
    return Trace(
        id=work_id,
        trace_id=way.document.trace_id,
        duration_ms=way.document.seconds * 1000,
        spans=[_span_of(node, begin) for node in roots],
    )


def _span_of(node: Node, begin: int) -> TraceSpan:
    span = node.span
    return TraceSpan(
        name=span.name,
        service=span.service,
        start_ms=(span.start - begin) / 1e6,
        duration_ms=max(0.0, span.seconds * 1000),
        is_error=span.is_error,
        is_shared=node.is_shared,
        attributes=dict(span.attributes),
        children=[_span_of(child, begin) for child in node.children],
    )
