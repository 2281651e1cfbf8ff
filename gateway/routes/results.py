"""What was read, in the formats that programs and people take."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import PurePosixPath
from typing import IO, Annotated, Literal
from urllib.parse import quote

from fastapi import APIRouter, Header, Query
from starlette.responses import Response, StreamingResponse

from gateway.identity import Caller
from gateway.media import MEDIA_TYPES, accepted, media_type_of
from gateway.problems import HttpProblem
from gateway.resources import DOCUMENTS
from gateway.routes.documents import RETRY_SECONDS
from gateway.routes.parts import DocumentId, TheDocuments, TheResults, problems
from pagemesh.exports import FORMATS

router = APIRouter(tags=["documents"])

_CHUNK_BYTES = 256 * 1024


def _content() -> dict[str, dict[str, dict[str, object]]]:
    return {
        media_type: {"schema": {"type": "object"} if name == "json" else {"type": "string"}}
        for media_type, name in MEDIA_TYPES
    }


@router.get(
    f"{DOCUMENTS}/{{id}}/result",
    summary="A document's result",
    response_class=StreamingResponse,
    responses={
        200: {"description": "What was read on all pages.", "content": _content()},
        **problems(404, 406, 409, 422, 504),
    },
)
async def result(  # what it needs, by dependency
    client: Caller,
    documents: TheDocuments,
    results: TheResults,
    document_id: DocumentId,
    format_name: Annotated[
        Literal["json", "text", "markdown", "hocr", "alto", "pdf"] | None,
        Query(alias="format", description="In place of Accept."),
    ] = None,
    accept: Annotated[str, Header(include_in_schema=False)] = "*/*",
) -> Response:
    """What was read, once the document is final; before that 409 with a time to come again.

    `json` is a `pagemesh.orchestrator.v1.GetDocumentResponse`; `pdf` is searchable.
    """
    name = format_name or accepted(accept)
    record = await documents.record(client, document_id)
    if not record.status.is_final:
        raise HttpProblem(
            409,
            "RESULT_NOT_READY",
            f"the document is {record.status}; its result is there at its end",
            retry_after=RETRY_SECONDS,
        )
    form = FORMATS[name]
    file = await results.written(record, form)
    filename = f"{_stem_of(record.source)}{form.suffix}"
    headers = {
        "Content-Disposition": f"attachment; filename*=UTF-8''{quote(filename, safe='')}",
        "Content-Length": str(_length_of(file)),
        "Cache-Control": "private, no-cache",
        "Vary": "Accept",
    }
    return StreamingResponse(_parts_of(file), headers=headers, media_type=media_type_of(name))


async def _parts_of(file: IO[bytes]) -> AsyncIterator[bytes]:
    try:
        while part := await asyncio.to_thread(file.read, _CHUNK_BYTES):
            yield part
    finally:
        file.close()


def _length_of(file: IO[bytes]) -> int:
    file.seek(0, 2)
    length = file.tell()
    file.seek(0)
    return length


def _stem_of(source: str) -> str:
    """The name of a document without folders and its ending."""
    return PurePosixPath(source).stem or "document"
