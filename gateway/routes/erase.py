"""Erase a document."""

from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request
from pydantic import BaseModel, Field

from gateway.erasing import Eraser
from gateway.identity import Caller
from gateway.resources import DOCUMENTS
from gateway.routes.parts import DocumentId, problems

router = APIRouter(tags=["documents"])


class ErasedResource(BaseModel):
    """Something that was deleted."""

    what: str = Field(description="What it was, and of which store.")
    count: int = Field(ge=1, description="How many there were.")


class ErasureResource(BaseModel):
    """What became of a document."""

    erased: list[ErasedResource] = Field(description="What was deleted.")
    remains: list[str] = Field(description="What is out of reach, and when it goes.")


async def _eraser(request: Request) -> Eraser:
    eraser: Eraser = request.app.state.eraser
    return eraser


TheEraser = Annotated[Eraser, Depends(_eraser)]


@router.post(
    f"{DOCUMENTS}/{{id}}/erase",
    summary="Erase a document",
    responses=problems(403, 404, 422, 504),
)
async def erase(
    client: Caller,
    eraser: TheEraser,
    document_id: DocumentId,
    owner: Annotated[
        str,
        Query(
            alias="client",
            max_length=300,
            description="Whose document it is, for a key that may erase everybody's.",
        ),
    ] = "",
) -> ErasureResource:
    """Delete everything that is kept of a document; work on it is stopped. It cannot be undone."""
    done = await eraser.erase(client, document_id, owner)
    erased = [ErasedResource(what=each.what, count=each.count) for each in done.erased]
    return ErasureResource(erased=erased, remains=done.remains)
