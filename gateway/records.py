"""What the gateway knows of a document."""

from datetime import UTC, datetime
from enum import StrEnum
from typing import Literal, NamedTuple

from pydantic import BaseModel, ConfigDict, Field

from gateway.problems import Problem
from pagemesh.orchestrator.v1 import document_pb2 as documents
from pagemesh.priorities import Priority


class Status(StrEnum):
    """How far a document is."""

    QUEUED = "queued"
    PROCESSING = "processing"
    READY = "ready"
    PARTIAL = "partial"
    FAILED = "failed"
    CANCELLED = "cancelled"

    @property
    def is_final(self) -> bool:
        """Whether it stays so."""
        return self not in {Status.QUEUED, Status.PROCESSING}


STATUS_OF = {
    documents.DOCUMENT_STATE_QUEUED: Status.QUEUED,
    documents.DOCUMENT_STATE_PROCESSING: Status.PROCESSING,
    documents.DOCUMENT_STATE_SUCCEEDED: Status.READY,
    documents.DOCUMENT_STATE_PARTIAL: Status.PARTIAL,
    documents.DOCUMENT_STATE_FAILED: Status.FAILED,
    documents.DOCUMENT_STATE_CANCELLED: Status.CANCELLED,
}


class Account(BaseModel):
    """Every page in one place: once the document is final, total = ok + failed + skipped."""

    total: int = Field(default=0, ge=0, description="Pages of the document; 0 until it is opened.")
    done: int = Field(default=0, ge=0, description="Pages that are finished, whatever came of it.")
    ok: int = Field(default=0, ge=0, description="Read to the end.")
    failed: int = Field(default=0, ge=0, description="Given up; each says why.")
    skipped: int = Field(default=0, ge=0, description="Left out on purpose; each says why.")


_STORED = ConfigDict(extra="allow")
"""Of what is kept: fields of a newer gateway stay when an older one beside it changes others."""


class Asked(BaseModel):
    """What a client asks for, but for the bytes and the id."""

    model_config = _STORED | ConfigDict(frozen=True)

    location: str = ""
    sha256: str = ""
    pipeline: str = ""
    pages: str = ""
    dpi: int = 0
    password: str = ""
    priority: Priority | Literal[""] = ""
    timeout: float | None = None
    options: dict[str, str] = {}
    webhook: str = ""


class Correction(BaseModel):
    """What a person says that a field's value is.

    Attributes:
        page_number, field_index: of the field, the index in its page's `fields`.
        value: the right one.
        client: who said so; empty for the anonymous one.
        at: when.
    """

    model_config = _STORED | ConfigDict(frozen=True)

    page_number: int
    field_index: int
    value: str
    client: str
    at: datetime

    @property
    def place(self) -> tuple[int, int]:
        """Page and field."""
        return self.page_number, self.field_index


class Record(BaseModel):
    """A document, but for its pages.

    Attributes:
        work_id: names it beyond the gateway, and in every store.
        client: whose it is; empty for the anonymous one.
        id: names it for its client.
        fingerprint: digest of all that was asked for, and of an upload's bytes.
        asked: what was asked for.
        location: where the orchestrator finds the bytes.
        source: what people call it: the location without credentials, or the file's name.
        status: how far it is.
        pipeline: that reads it; the one asked for until the orchestrator says.
        pages: their account.
        error: why it failed as a whole.
        created_at, updated_at: when it was sent, when it last changed.
        version: counts its changes.
        is_dispatched: whether it was handed on.
        is_unwanted: whether its client cancelled it.
        traceparent: the span in which it was sent, as W3C writes it.
        account: the orchestrator's last `Document`, serialized.
        corrections: of a final document's fields, by page and field.
    """

    model_config = _STORED

    work_id: str
    client: str
    id: str
    fingerprint: str
    asked: Asked
    location: str
    source: str
    status: Status = Status.QUEUED
    pipeline: str = ""
    pages: Account = Account()
    error: Problem | None = None
    created_at: datetime
    updated_at: datetime
    version: int = 1
    is_dispatched: bool = False
    is_unwanted: bool = False
    traceparent: str = ""
    account: str = ""
    corrections: tuple[Correction, ...] = ()

    def document(self) -> documents.Document:
        """The orchestrator's word on it, as last heard, by the names that its client knows."""
        document = documents.Document.FromString(bytes.fromhex(self.account))
        document.request_id, document.source = self.id, self.source
        return document

    def corrected(self, page: "StoredPage") -> documents.PageResult:
        """A page's result, with what persons said of its fields."""
        result = page.result()
        for each in self.corrections:
            if each.page_number == page.number:
                told = result.fields[each.field_index].correction
                told.value, told.client = each.value, each.client
                told.update_time.FromDatetime(each.at)
        return result


class Row(NamedTuple):
    """A record as stores keep it, with what a client is shown.

    Attributes:
        record: the document.
        etag: of the body, without quotes.
        body: the resource as JSON.
    """

    record: Record
    etag: str
    body: bytes


class View(NamedTuple):
    """What a client is shown of a document.

    Attributes:
        etag: of the body, without quotes.
        body: the resource as JSON.
        is_final: whether it stays so.
    """

    etag: str
    body: bytes
    is_final: bool


class StoredPage(NamedTuple):
    """A finished page.

    Attributes:
        number: from 1, in the document.
        sequence: from 1, in the order in which pages were finished.
        outcome: `ok`, `failed`, `skipped`.
        reason: why it is not ok.
        data: a serialized `PageResult`.
    """

    number: int
    sequence: int
    outcome: str
    reason: str
    data: bytes

    def result(self) -> documents.PageResult:
        """What was read on it."""
        return documents.PageResult.FromString(self.data)


class PageNews(NamedTuple):
    """A finished page without what was read on it; as `StoredPage`."""

    number: int
    sequence: int
    outcome: str
    reason: str


class Cursor(NamedTuple):
    """A place in the list of a client's documents: after this one, newest first."""

    created_at: datetime
    work_id: str


def now() -> datetime:
    """The time, in UTC, to the microsecond as stores keep it at best to the millisecond."""
    moment = datetime.now(UTC)
    return moment.replace(microsecond=moment.microsecond // 1000 * 1000)
