"""Documents as clients are shown them: the JSON of the REST interface."""

import json
from typing import Any
from urllib.parse import quote

from pydantic import AwareDatetime, BaseModel, Field

from gateway.problems import Problem
from gateway.records import Account, PageNews, Record, Row, Status

DOCUMENTS = "/v1/documents"


class Links(BaseModel):
    """Where the rest is."""

    self: str = Field(description="The document.")
    result: str = Field(description="What was read, in several formats.")
    events: str = Field(description="Server-sent events, page by page.")
    trace: str = Field(description="What took how long.")


class DocumentResource(BaseModel):
    """A document that was sent."""

    id: str = Field(description="The request id that it was sent with, or one made up for it.")
    status: Status = Field(description="How far it is; `ready` and the three after it are final.")
    pipeline: str = Field(description="What reads it; empty until the default is known.")
    source: str = Field(description="Its location without credentials, or the file's name.")
    created_at: AwareDatetime = Field(description="When it was sent.")
    updated_at: AwareDatetime = Field(description="When it last changed.")
    pages: Account = Field(description="The account of its pages.")
    error: Problem | None = Field(default=None, description="Why it failed as a whole.")
    links: Links = Field(description="Where the rest is.")
    result: dict[str, Any] | None = Field(
        default=None,
        description="What was read: a `pagemesh.orchestrator.v1.GetDocumentResponse` as Protobuf "
        "JSON, once the document is final. A long one is only at `links.result`.",
    )


class DocumentList(BaseModel):
    """A part of a client's documents, newest first."""

    documents: list[DocumentResource] = Field(description="Without their results.")
    next_cursor: str | None = Field(description="Asks for the following ones; null at the end.")


class PageEvent(BaseModel):
    """A page is finished."""

    page_number: int = Field(description="From 1.")
    outcome: str = Field(description="`ok`, `failed` or `skipped`.")
    reason: str = Field(description="Why it is not ok.")
    links: dict[str, str] = Field(description="`self`, `image` and `overlay` of the page.")


def path_of(document_id: str) -> str:
    """Where a document is."""
    return f"{DOCUMENTS}/{quote(document_id, safe='')}"


def resource_of(record: Record) -> DocumentResource:
    """A document without its result."""
    path = path_of(record.id)
    return DocumentResource(
        id=record.id,
        status=record.status,
        pipeline=record.pipeline,
        source=record.source,
        created_at=record.created_at,
        updated_at=record.updated_at,
        pages=record.pages,
        error=record.error,
        links=Links(
            self=path, result=f"{path}/result", events=f"{path}/events", trace=f"{path}/trace"
        ),
    )


def page_event_of(document_id: str, news: PageNews) -> PageEvent:
    """A finished page."""
    path = f"{path_of(document_id)}/pages/{news.number}"
    return PageEvent(
        page_number=news.number,
        outcome=news.outcome,
        reason=news.reason,
        links={"self": path, "image": f"{path}/image", "overlay": f"{path}/overlay.png"},
    )


def json_of(resource: BaseModel) -> bytes:
    """JSON, without what is not there."""
    return resource.model_dump_json(exclude_none=True).encode()


def etag_of(record: Record) -> str:
    """Names a document's state, without quotes."""
    return f"{int(record.created_at.timestamp() * 1000):x}-{record.version}"


def row_of(record: Record, result: bytes | None) -> Row:
    """A record with what its client is shown.

    Args:
        record: the document.
        result: what was read as JSON; None leaves it out.
    """
    body = json_of(resource_of(record))
    if result is not None:
        body = body[:-1] + b',"result":' + result + b"}"
    return Row(record, etag_of(record), body)


def compact(value: Any) -> bytes:
    """JSON without blanks."""
    return json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode()
