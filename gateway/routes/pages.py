"""The pages of a document."""

import asyncio

from fastapi import APIRouter
from starlette.responses import Response

from gateway.documents import Documents
from gateway.identity import Caller, Client
from gateway.records import StoredPage
from gateway.resources import DOCUMENTS, compact
from gateway.routes.parts import DocumentId, PageNumber, TheDocuments, problems
from meshkit.errors import NotFound
from pagemesh.exports import json_value

router = APIRouter(tags=["pages"])

PAGES = f"{DOCUMENTS}/{{id}}/pages/{{n}}"


@router.get(
    PAGES,
    summary="One page",
    responses={
        200: {
            "description": "A `pagemesh.orchestrator.v1.PageResult` as Protobuf JSON.",
            "content": {"application/json": {"schema": {"type": "object"}}},
        },
        **problems(404),
    },
)
async def page(
    client: Caller, documents: TheDocuments, document_id: DocumentId, number: PageNumber
) -> Response:
    """Everything found on a page: words, checkboxes, signatures, fields, with confidences.

    Geometry is in the pixels of the page as sent, `width` by `height`: those of its image.
    """
    stored = await finished_page(client, documents, document_id, number)
    content = await asyncio.to_thread(lambda: compact(json_value(stored.result())))
    return Response(content, media_type="application/json")


async def finished_page(
    client: Client, documents: Documents, document_id: str, number: int
) -> StoredPage:
    """A page of a client's document. Raises NotFound, DependencyUnavailable."""
    record = await documents.record(client, document_id)
    stored = await documents.store.page(record.work_id, number)
    if stored is None:
        raise NotFound(f"page {number} is not finished, or there is none", reason="PAGE_NOT_FOUND")
    return stored
