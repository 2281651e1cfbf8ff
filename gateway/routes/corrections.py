"""A person's word on fields of a document."""

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Header, Request
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field
from starlette.responses import Response

from gateway.corrections import Corrected, Corrections
from gateway.identity import Caller
from gateway.problems import HttpProblem
from gateway.records import Record
from gateway.requests import WHOLE, received_json
from gateway.resources import DOCUMENTS, etag_of, json_of
from gateway.routes.parts import DocumentId, TheConfig, TheDocuments, problems
from gateway.security.audit import note_corrections

router = APIRouter(tags=["documents"])

_JSON = "application/json"
_PATH = f"{DOCUMENTS}/{{id}}/corrections"
_ETAG = {
    "ETag": {"description": "Of the document, for If-Match.", "schema": {"type": "string"}},
}
_MOST = 500


class FieldCorrection(BaseModel):
    """What a field's value is."""

    model_config = ConfigDict(extra="forbid")

    page_number: Annotated[int, Field(ge=1, le=1_000_000, description="From 1."), WHOLE]
    field_index: Annotated[
        int, Field(ge=0, le=1_000_000, description="Index in the page's `fields`."), WHOLE
    ]
    value: str | None = Field(
        max_length=4096,
        description="The right value, also when it was read right; `true` or `false` of boxes and "
        "signatures. Null takes a correction back.",
    )


class CorrectionRequest(BaseModel):
    """Corrections; fields that are not named stay as they are."""

    model_config = ConfigDict(extra="forbid")

    corrections: list[FieldCorrection] = Field(min_length=1, max_length=_MOST)


class CorrectionResource(BaseModel):
    """A field that was corrected."""

    page_number: int = Field(description="From 1.")
    field_index: int = Field(description="Index in the page's `fields`.")
    name: str = Field(description="Of the field.")
    read: str = Field(description="The value that was read.")
    value: str = Field(description="The value that a person gave.")
    client: str = Field(description="Who that was; empty where the gateway knows no clients.")
    at: AwareDatetime = Field(description="When.")


class CorrectionList(BaseModel):
    """A document's corrections, by page and field."""

    corrections: list[CorrectionResource]


def _corrections(request: Request) -> Corrections:
    corrections: Corrections = request.app.state.corrections
    return corrections


TheCorrections = Annotated[Corrections, Depends(_corrections)]


@router.get(
    _PATH,
    summary="What was corrected",
    response_model=CorrectionList,
    responses={200: {"description": "All corrections.", "headers": _ETAG}, **problems(404, 422)},
)
async def find(
    client: Caller, documents: TheDocuments, corrections: TheCorrections, document_id: DocumentId
) -> Response:
    """Fields that people corrected or confirmed, with what was read."""
    record = await documents.record(client, document_id)
    return _shown(record, await corrections.of(record))


@router.patch(
    _PATH,
    summary="Correct fields",
    response_model=CorrectionList,
    responses={
        200: {"description": "All corrections, those before included.", "headers": _ETAG},
        **problems(400, 404, 409, 412, 413, 415, 422, 428),
    },
    openapi_extra={
        "requestBody": {
            "required": True,
            "content": {_JSON: {"schema": {"$ref": "#/components/schemas/CorrectionRequest"}}},
        }
    },
)
async def correct(
    request: Request,
    client: Caller,
    documents: TheDocuments,
    corrections: TheCorrections,
    config: TheConfig,
    document_id: DocumentId,
    if_match: Annotated[
        str | None,
        Header(description="The document's ETag as it was looked at, or `*`; 428 without."),
    ] = None,
) -> Response:
    """Say what fields of a finished document are, so that nobody's word is lost on the way.

    Results show it as `correction` of the field, beside the value that was read.
    """
    record = await documents.record(client, document_id)
    asked = await received_json(request, CorrectionRequest, config.max_body_bytes)
    if if_match is None:
        raise HttpProblem(
            428, "IF_MATCH_MISSING", "say which state is corrected: If-Match with the ETag, or *"
        )
    tags = [tag.strip().strip('"') for tag in if_match.split(",")]
    values = {(each.page_number, each.field_index): each.value for each in asked.corrections}
    record = await corrections.change(client, record, tags, values)
    note_corrections(request, record.id, values)
    return _shown(record, await corrections.of(record))


def _shown(record: Record, corrected: list[Corrected]) -> Response:
    shown = CorrectionList(corrections=[CorrectionResource(**_told(each)) for each in corrected])
    headers = {"ETag": f'"{etag_of(record)}"', "Cache-Control": "private, no-cache"}
    return Response(json_of(shown), headers=headers, media_type=_JSON)


def _told(corrected: Corrected) -> dict[str, Any]:
    field, correction = corrected
    return correction.model_dump() | {"name": field.name, "read": field.value}
