"""Send, list, cancel."""

import base64
import binascii
import json
from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Header, Query, Request
from starlette.responses import Response

from gateway import patterns
from gateway.identity import Caller
from gateway.problems import HttpProblem
from gateway.records import Cursor, Record
from gateway.requests import DocumentForm, DocumentRequest, received
from gateway.resources import (
    DOCUMENTS,
    DocumentList,
    DocumentResource,
    json_of,
    path_of,
    resource_of,
)
from gateway.routes.parts import DocumentId, TheConfig, TheDocuments, ThePlace, problems

router = APIRouter(tags=["documents"])

RETRY_SECONDS = 2
_JSON = "application/json"
_RETRY_AFTER = {
    "description": "Seconds after which to look again.",
    "schema": {"type": "integer", "minimum": 1},
}
_LOCATION = {"description": "The document.", "schema": {"type": "string"}}


def _request_body() -> dict[str, Any]:
    forms = {
        _JSON: DocumentRequest,
        "multipart/form-data": DocumentForm,
    }
    content: dict[str, Any] = {
        media_type: {"schema": {"$ref": f"#/components/schemas/{model.__name__}"}}
        for media_type, model in forms.items()
    }
    return {"requestBody": {"required": True, "content": content}}


@router.post(
    DOCUMENTS,
    status_code=202,
    summary="Send a document",
    response_model=DocumentResource,
    responses={
        202: {
            "description": "It was taken, now or when it was sent before.",
            "headers": {"Location": _LOCATION, "Retry-After": _RETRY_AFTER},
        },
        **problems(400, 403, 409, 413, 415, 422),
    },
    openapi_extra=_request_body(),
)
async def send(
    request: Request,
    client: Caller,
    documents: TheDocuments,
    config: TheConfig,
    place: ThePlace,
    idempotency_key: Annotated[
        str | None,
        Header(
            pattern=patterns.IDEMPOTENCY_KEY,
            description="The request id, where the body has none.",
        ),
    ] = None,
) -> Response:
    """Have a document read in the background.

    One id is one piece of work: the same request sent again gives the same answer, and another
    request with its id is refused with 409. Ask at `Location` what became of it.
    """
    del idempotency_key  # read from the request, with the body
    async with received(request, config, place) as (document_id, asked, kept):
        record = await documents.send(client, document_id, asked, kept)
    headers = {"Location": path_of(record.id), "Retry-After": str(RETRY_SECONDS)}
    return _shown(record, 202, headers)


@router.delete(
    f"{DOCUMENTS}/{{id}}",
    summary="Cancel a document",
    response_model=DocumentResource,
    responses={
        200: {"description": "It is at its end: cancelled, unless it had come to another before."},
        202: {
            "description": "It will be cancelled.",
            "model": DocumentResource,
            "headers": {"Retry-After": _RETRY_AFTER},
        },
        **problems(404, 422),
    },
)
async def cancel(client: Caller, documents: TheDocuments, document_id: DocumentId) -> Response:
    """Stop work on a document. Pages that are finished are kept."""
    record = await documents.cancel(client, document_id)
    if record.status.is_final:
        return _shown(record, 200, {})
    return _shown(record, 202, {"Retry-After": str(RETRY_SECONDS)})


@router.get(
    DOCUMENTS,
    summary="List documents",
    response_model=DocumentList,
    responses=problems(404, 422),
)
async def listing(
    client: Caller,
    documents: TheDocuments,
    cursor: Annotated[
        str | None, Query(max_length=512, description="`next_cursor` of the answer before.")
    ] = None,
    limit: Annotated[int, Query(ge=1, le=100, description="Documents at most.")] = 20,
    query: Annotated[str, Query(max_length=128, description="What the id begins with.")] = "",
) -> Response:
    """Documents that were sent, newest first, without their results."""
    after = _cursor_of(cursor) if cursor else None
    records = list(await documents.listed(client, after, limit + 1, query))
    has_more = len(records) > limit
    del records[limit:]
    following = _text_of(records[-1]) if has_more else None
    shown = DocumentList(documents=[resource_of(record) for record in records], next_cursor=None)
    value = json.loads(json_of(shown)) | {"next_cursor": following}
    return Response(json.dumps(value, ensure_ascii=False), media_type=_JSON)


def _shown(record: Record, status: int, headers: dict[str, str]) -> Response:
    return Response(json_of(resource_of(record)), status, headers, _JSON)


def _text_of(record: Record) -> str:
    place = [record.created_at.isoformat(), record.work_id]
    return base64.urlsafe_b64encode(json.dumps(place).encode()).decode()


def _cursor_of(text: str) -> Cursor:
    try:
        created_at, work_id = json.loads(base64.urlsafe_b64decode(text.encode()))
        moment = datetime.fromisoformat(created_at)
        if moment.tzinfo is None or not isinstance(work_id, str):
            raise ValueError
        return Cursor(moment, work_id)
    except (binascii.Error, ValueError, TypeError, RecursionError) as error:
        raise HttpProblem(
            404,
            "CURSOR_NOT_FOUND",
            "cursor: there is no such place in the list; give back `next_cursor` as it was",
            metadata={"field": "cursor"},
        ) from error
