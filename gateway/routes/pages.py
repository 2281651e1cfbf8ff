"""The pages of a document."""

import asyncio
from typing import Annotated

from fastapi import APIRouter, Query
from starlette.responses import Response

from gateway.documents import Documents
from gateway.identity import Caller, Client
from gateway.images import pixels
from gateway.records import Record, StoredPage
from gateway.resources import DOCUMENTS, compact
from gateway.routes.parts import DocumentId, PageNumber, TheDocuments, TheImages, problems
from meshkit.errors import NotFound
from pagemesh.exports import json_value, overlay_png

router = APIRouter(tags=["pages"])

_PNG = {
    "description": "A picture.",
    "content": {"image/png": {"schema": {"type": "string", "contentMediaType": "image/png"}}},
}
PAGES = f"{DOCUMENTS}/{{id}}/pages/{{n}}"


@router.get(
    PAGES,
    summary="One page",
    responses={
        200: {
            "description": "A `pagemesh.orchestrator.v1.PageResult` as Protobuf JSON.",
            "content": {"application/json": {"schema": {"type": "object"}}},
        },
        **problems(404, 422),
    },
)
async def page(
    client: Caller, documents: TheDocuments, document_id: DocumentId, number: PageNumber
) -> Response:
    """Everything found on a page: words, checkboxes, signatures, fields, with confidences.

    Geometry is in the pixels of the page as sent, `width` by `height`: those of its image.
    """
    record, stored = await finished_page(client, documents, document_id, number)
    content = await asyncio.to_thread(lambda: compact(json_value(record.corrected(stored))))
    return Response(content, media_type="application/json")


@router.get(
    f"{PAGES}/image",
    summary="A page's picture",
    responses={200: _PNG, **problems(404, 422, 504)},
)
async def image(
    client: Caller,
    documents: TheDocuments,
    images: TheImages,
    document_id: DocumentId,
    number: PageNumber,
    width: Annotated[
        int | None,
        Query(ge=16, le=2000, description="Pixels across at most; without it, all there are."),
    ] = None,
) -> Response:
    """The page as sent, in the pixels that its geometry is told in, or smaller."""
    record, stored = await finished_page(client, documents, document_id, number)
    if width is not None:
        return _png(await images.thumbnail(record, stored, width))
    return _png(await images.png(record, stored))


@router.get(
    f"{PAGES}/overlay.png",
    summary="A page with what was found on it",
    responses={200: _PNG, **problems(404, 422, 504)},
)
async def overlay(
    client: Caller,
    documents: TheDocuments,
    images: TheImages,
    document_id: DocumentId,
    number: PageNumber,
) -> Response:
    """The page's picture with words, checkboxes, signatures and fields drawn over it."""
    record, stored = await finished_page(client, documents, document_id, number)
    png = await images.png(record, stored)
    drawn = await asyncio.to_thread(
        lambda: overlay_png(stored.result(), pixels(png), record.source)
    )
    return _png(drawn)


def _png(data: bytes) -> Response:
    headers = {"Cache-Control": "private, max-age=3600"}
    return Response(data, media_type="image/png", headers=headers)


async def finished_page(
    client: Client, documents: Documents, document_id: str, number: int
) -> tuple[Record, StoredPage]:
    """A client's document and a page of it. Raises NotFound, DependencyUnavailable."""
    record = await documents.record(client, document_id)
    stored = await documents.store.page(record.work_id, number)
    if stored is None or not stored.data:
        raise NotFound(f"page {number} is not finished, or there is none", reason="PAGE_NOT_FOUND")
    return record, stored
