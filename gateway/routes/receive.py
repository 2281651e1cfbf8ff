"""Receive: asked more often than all else, and so without FastAPI's search for parameters."""

from typing import Any

from fastapi import APIRouter, Request
from fastapi.routing import APIRoute
from starlette.responses import Response
from starlette.routing import request_response

from gateway.documents import Documents
from gateway.identity import identified
from gateway.resources import DOCUMENTS, DocumentResource
from gateway.routes.parts import DOCUMENT_ID_PARAMETER, document_id_of, problems


class DirectRoute(APIRoute):
    """A route that FastAPI describes, while its endpoint takes the request as it is.

    Its parameters stand in `openapi_extra`, and the endpoint looks for them itself.
    """

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.app = request_response(self.endpoint)


router = APIRouter(tags=["documents"], route_class=DirectRoute)

_KNOWN = "An ETag that is known."
_IF_NONE_MATCH: dict[str, Any] = {
    "name": "if-none-match",
    "in": "header",
    "required": False,
    "description": _KNOWN,
    "schema": {
        "anyOf": [{"type": "string"}, {"type": "null"}],
        "description": _KNOWN,
        "title": "If-None-Match",
    },
}
_ETAG = {"description": "Of this answer, for If-None-Match.", "schema": {"type": "string"}}


@router.get(
    f"{DOCUMENTS}/{{id}}",
    summary="Receive a document",
    response_model=DocumentResource,
    responses={
        200: {
            "description": "How far it is, and what was read.",
            "headers": {"ETag": _ETAG},
        },
        304: {"description": "It is as If-None-Match says."},
        **problems(404, 422),
    },
    openapi_extra={"parameters": [DOCUMENT_ID_PARAMETER, _IF_NONE_MATCH]},
)
async def receive(request: Request) -> Response:
    """How far a document is; once it is final, with what was read."""
    client = await identified(request)
    documents: Documents = request.app.state.documents
    view = await documents.view(client, document_id_of(request))
    headers = {"ETag": f'"{view.etag}"', "Cache-Control": "private, no-cache"}
    known = request.headers.get("if-none-match")
    if known is not None and _matches(known, view.etag):
        return Response(status_code=304, headers=headers)
    return Response(view.body, headers=headers, media_type="application/json")


def _matches(given: str, etag: str) -> bool:
    """Whether If-None-Match names the tag, by the weak comparison that the header asks for."""
    tags = [tag.strip().removeprefix("W/") for tag in given.split(",")]
    return "*" in tags or f'"{etag}"' in tags
