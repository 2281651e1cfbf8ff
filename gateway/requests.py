"""A request to read a document, taken from a body and checked."""

import contextlib
import json
from collections.abc import AsyncIterator, Mapping
from typing import Annotated, Any, TypeVar

from fastapi import Request
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, field_validator
from python_multipart.multipart import parse_options_header
from starlette.requests import ClientDisconnect

from gateway import patterns
from gateway.config import GatewayConfig
from gateway.documents import Kept
from gateway.problems import HttpProblem, invalid
from gateway.records import Asked
from gateway.uploads import Incoming, Place
from gateway.uploads.forms import FILE, read_form
from meshkit.errors import Conflict, InvalidInput, TooLarge
from pagemesh.priorities import Priority

_LONGEST_NAME = 255
_JSON = "application/json"
_FORM = "multipart/form-data"

ModelT = TypeVar("ModelT", bound=BaseModel)


def _whole(value: Any) -> Any:
    return int(value) if isinstance(value, float) and value.is_integer() else value


WHOLE = BeforeValidator(_whole)
"""JSON has one kind of number: 300.0 is 300, and `true` is none."""
Text = Annotated[str, Field(max_length=4096)]


class How(BaseModel):
    """How a document is to be read. Everything may be left out."""

    model_config = ConfigDict(extra="forbid", str_strip_whitespace=True)

    request_id: str | None = Field(
        default=None,
        pattern=patterns.DOCUMENT_ID,
        description="Names this piece of work: the same request sent again gives the same answer. "
        "The header Idempotency-Key says the same. Made up when it is left out.",
    )
    sha256: str | None = Field(
        default=None,
        pattern=patterns.SHA256,
        description="SHA-256 that the document's bytes must have.",
    )
    pipeline: str | None = Field(
        default=None,
        max_length=128,
        description="What reads it, one of `GET /v1/pipelines`; the orchestrator's default.",
    )
    pages: str | None = Field(
        default=None,
        max_length=1024,
        pattern=patterns.PAGES,
        description="Pages to read, `1-3,7`; all.",
    )
    dpi: Annotated[int, Field(ge=0, le=2400), WHOLE] | None = Field(
        default=None,
        description="Dots per inch at which PDF pages are rasterised; the orchestrator's default.",
    )
    password: str | None = Field(
        default=None, max_length=1024, description="Opens a protected PDF."
    )
    priority: Priority | None = Field(
        default=None,
        description="Which of the client's documents is read first; normal. Clients share the "
        "machine evenly, whatever their priorities.",
    )
    timeout: float | None = Field(
        default=None, gt=0, le=604800, description="Seconds for the whole document."
    )
    options: dict[str, Text] | None = Field(
        default=None, max_length=64, description='For steps: `{"ocr.tier": "fast"}`.'
    )
    webhook: str | None = Field(
        default=None,
        max_length=2048,
        pattern=patterns.WEBHOOK,
        description="Is called when the document is at its end.",
    )

    def asked(self, location: str) -> Asked:
        """What is asked for."""
        return Asked(
            location=location,
            sha256=(self.sha256 or "").lower(),
            pipeline=self.pipeline or "",
            pages=self.pages or "",
            dpi=self.dpi or 0,
            password=self.password or "",
            priority=self.priority or "",
            timeout=self.timeout,
            options=self.options or {},
            webhook=self.webhook or "",
        )


class DocumentRequest(How):
    """A document by its location."""

    location: str = Field(
        pattern=patterns.LOCATION,
        max_length=4096,
        description="Where the document is: `https://`, `s3://` or `file://`, as far as the "
        "orchestrator allows.",
    )


class DocumentForm(How):
    """A document by its bytes, or by its location."""

    location: str | None = Field(
        default=None, pattern=patterns.LOCATION, max_length=4096, description="In place of `file`."
    )
    file: Annotated[
        bytes | None,
        Field(
            default=None,
            description="The document: PDF, TIFF, PNG, JPEG or WebP.",
            json_schema_extra={"contentMediaType": "application/octet-stream"},
        ),
    ]

    @field_validator("options", mode="before")
    @classmethod
    def _read_options(cls, value: Any) -> Any:
        """In a form the options are JSON."""
        if not isinstance(value, str):
            return value
        try:
            return json.loads(value)
        except (ValueError, RecursionError) as error:
            raise ValueError("a JSON object is expected") from error


@contextlib.asynccontextmanager
async def received(
    request: Request, config: GatewayConfig, place: Place
) -> AsyncIterator[tuple[str, Asked, Kept | None]]:
    """The id, what is asked for, and the upload, which is the caller's to keep or to discard.

    Raises:
        HttpProblem: 400 the body cannot be read, 415 it is of another kind, 422 it says what it
            must not say.
        Conflict, InvalidInput, TooLarge, DependencyUnavailable.
    """
    media_type, options = _kind_of(request)
    if _is_json(media_type):
        asked = await received_json(request, DocumentRequest, config.max_body_bytes)
        yield _id_of(request, asked), asked.asked(asked.location), None
        return
    boundary = options.get(b"boundary")
    if media_type != _FORM or not boundary:
        raise HttpProblem(
            415,
            "UNSUPPORTED_MEDIA_TYPE",
            f"send {_JSON} with a location, or {_FORM} with a file",
            headers={"Accept-Post": f"{_JSON}, {_FORM}"},
        )
    _check_announced(request, config.max_upload_bytes + 2 * config.max_body_bytes)
    async with Incoming.create(config.uploads_dir, config.max_upload_bytes) as incoming:
        with _told_of_disconnect():
            fields, has_file = await read_form(
                request.stream(), boundary, incoming, config.max_body_bytes
            )
        form = _checked(DocumentForm, fields)
        document_id = _id_of(request, form)
        if has_file == bool(form.location):
            raise InvalidInput(
                f"{FILE}: send either a file or a location", metadata={"field": FILE}
            )
        if has_file and not incoming.size:
            raise InvalidInput(
                f"{FILE}: it is empty", reason="EMPTY_DOCUMENT", metadata={"field": FILE}
            )
        kept = None
        if has_file:
            location = await place.keep(incoming)
            kept = Kept(location, incoming.sha256, _file_name(incoming.filename))
        yield document_id, form.asked(form.location or ""), kept


async def received_json(request: Request, model: type[ModelT], limit: int) -> ModelT:
    """A JSON body that says what a model does.

    Args:
        limit: its bytes at most.

    Raises:
        HttpProblem: as `received`.
        TooLarge.
    """
    if not _is_json(_kind_of(request)[0]):
        raise HttpProblem(415, "UNSUPPORTED_MEDIA_TYPE", f"send {_JSON}")
    checked: ModelT = _checked(model, await _json_body(request, limit), is_strict=True)
    return checked


def _kind_of(request: Request) -> tuple[str, dict[bytes, bytes]]:
    kind, options = parse_options_header(request.headers.get("content-type", ""))
    return kind.decode("latin-1").lower(), options


def _is_json(media_type: str) -> bool:
    return media_type == _JSON or (media_type.startswith("application/") and "+json" in media_type)


def _checked(model: type[Any], values: Mapping[str, Any], *, is_strict: bool = False) -> Any:
    """What values mean; in a form all of them are texts, in JSON no text is a number."""
    try:
        return model.model_validate(values, strict=is_strict)
    except ValidationError as error:
        raise invalid(error.errors(include_url=False)) from error


def _id_of(request: Request, how: How) -> str:
    key = request.headers.get("idempotency-key")
    if key is None:
        return how.request_id or ""
    # The draft of the header's standard has a string of structured fields, in quotes.
    key = key.strip()
    if len(key) > 1 and key.startswith('"') and key.endswith('"'):
        key = key[1:-1]
    checked = _checked(How, {"request_id": key}).request_id
    if how.request_id not in {None, checked}:
        raise Conflict(
            "request_id: the header Idempotency-Key names another one",
            reason="REQUEST_IDS_DIFFER",
            metadata={"field": "request_id"},
        )
    return str(checked)


async def _json_body(request: Request, limit: int) -> Mapping[str, Any]:
    _check_announced(request, limit)
    body = bytearray()
    with _told_of_disconnect():
        async for chunk in request.stream():
            body += chunk
            if len(body) > limit:
                raise _body_too_large(limit)
    try:
        value = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise HttpProblem(400, "MALFORMED_JSON", "the body is no JSON") from error
    if not isinstance(value, dict):
        raise HttpProblem(422, "INVALID_INPUT", "the body must be a JSON object")
    return value


@contextlib.contextmanager
def _told_of_disconnect() -> Any:
    try:
        yield
    except ClientDisconnect as error:
        raise HttpProblem(400, "CLIENT_DISCONNECTED", "the body did not come whole") from error


def _check_announced(request: Request, limit: int) -> None:
    """Refuse by the header what would be refused by its bytes."""
    announced = request.headers.get("content-length", "")
    if announced.isdigit() and int(announced) > limit:
        raise _body_too_large(limit)


def _body_too_large(limit: int) -> TooLarge:
    return TooLarge(
        f"the body is longer than {limit} bytes",
        reason="BODY_TOO_LARGE",
        metadata={"limit_bytes": str(limit)},
    )


def _file_name(name: str) -> str:
    """A client's file name, harmless to show."""
    last = name.replace("\\", "/").rpartition("/")[2]
    return "".join(c for c in last if c.isprintable())[:_LONGEST_NAME] or "document"
