"""What routes share: the parts of the application they need, and what they say of themselves."""

import re
from typing import Annotated, Any

from fastapi import Depends, Path, Request
from fastapi.exceptions import RequestValidationError

from gateway import patterns
from gateway.config import GatewayConfig
from gateway.documents import Documents
from gateway.images import Images
from gateway.problems import MEDIA_TYPE
from gateway.results import Results
from gateway.uploads import Place
from gateway.watches import Watches

_PROBLEM = {"$ref": "#/components/schemas/Problem"}
_RETRY_AFTER = {
    "description": "Seconds to wait.",
    "required": True,
    "schema": {"type": "integer", "minimum": 1},
}
_MEANING = {
    400: "The request cannot be read.",
    401: "Nobody says who asks.",
    403: "That is not allowed.",
    404: "There is no such thing, or it is another client's.",
    406: "None of the media types that are accepted.",
    409: "It stands in the way of what is there.",
    412: "It is in another state than If-Match says.",
    413: "Too large.",
    415: "The body is of a kind that is not taken.",
    422: "The request says what it must not say.",
    428: "If-Match is missing.",
    429: "Too many requests.",
    503: "Something that is needed is away.",
    504: "Something that is needed is too slow.",
}
_RETRIED = (429, 503)
_ALWAYS = (401, 429, 503)


def problems(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """For OpenAPI: the problems of a route, beside those that every route may have."""
    return {status: _problem(status) for status in sorted({*_ALWAYS, *statuses})}


def _problem(status: int) -> dict[str, Any]:
    told: dict[str, Any] = {
        "description": _MEANING[status],
        "content": {MEDIA_TYPE: {"schema": _PROBLEM}},
    }
    if status in _RETRIED:
        told["headers"] = {"Retry-After": _RETRY_AFTER}
    return told


_WHICH = "The request id that the document was sent with, or that it was given."

DocumentId = Annotated[
    str,
    Path(alias="id", pattern=patterns.DOCUMENT_ID, description=_WHICH),
]
DOCUMENT_ID_PARAMETER = {
    "name": "id",
    "in": "path",
    "required": True,
    "description": _WHICH,
    "schema": {
        "type": "string",
        "pattern": patterns.DOCUMENT_ID,
        "description": _WHICH,
        "title": "Id",
    },
}
"""For OpenAPI: `DocumentId`, of a route that calls `document_id_of`."""
_DOCUMENT_ID = re.compile(patterns.DOCUMENT_ID)
PageNumber = Annotated[int, Path(alias="n", ge=1, le=1_000_000, description="From 1.")]


def document_id_of(request: Request) -> str:
    """What `DocumentId` is, for a route that is asked so often that solving parameters would be
    most of its work.

    Raises:
        RequestValidationError: that is no id.
    """
    document_id: str = request.path_params["id"]
    if not _DOCUMENT_ID.fullmatch(document_id):
        mistake = {
            "type": "string_pattern_mismatch",
            "loc": ("path", "id"),
            "msg": "that is no id",
            "input": document_id,
            "ctx": {"pattern": patterns.DOCUMENT_ID},
        }
        raise RequestValidationError([mistake])
    return document_id


# Without `async`, FastAPI would send each of these to a thread, for every request.
async def _documents(request: Request) -> Documents:
    documents: Documents = request.app.state.documents
    return documents


async def _watches(request: Request) -> Watches:
    watches: Watches = request.app.state.watches
    return watches


async def _config(request: Request) -> GatewayConfig:
    config: GatewayConfig = request.app.state.config
    return config


async def _place(request: Request) -> Place:
    place: Place = request.app.state.place
    return place


async def _results(request: Request) -> Results:
    results: Results = request.app.state.results
    return results


async def _images(request: Request) -> Images:
    images: Images = request.app.state.images
    return images


TheImages = Annotated[Images, Depends(_images)]
TheResults = Annotated[Results, Depends(_results)]
TheDocuments = Annotated[Documents, Depends(_documents)]
TheWatches = Annotated[Watches, Depends(_watches)]
TheConfig = Annotated[GatewayConfig, Depends(_config)]
ThePlace = Annotated[Place, Depends(_place)]
