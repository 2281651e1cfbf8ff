"""What the orchestrator writes to Kafka, as the contracts have it."""

import hashlib
import json
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from google.protobuf.json_format import MessageToDict
from google.protobuf.message import Message

from meshkit.errors import PagemeshError
from meshkit.status import error_of
from pagemesh.orchestrator.v1.document_pb2 import (
    Document,
    DocumentState,
    PageOutcome,
    PageResult,
)

Record = dict[str, Any]
Headers = Sequence[tuple[str, bytes]]

_LONGEST_ORIGINAL = 800_000
"""Bytes of a dead record that go into its letter; brokers take records of 1 MiB by default."""


@dataclass(frozen=True)
class Incoming:
    """A record as it came.

    Attributes:
        topic, partition, offset: its place.
        key, value, headers: its content.
        timestamp_ms: when it was made, since the epoch; negative: nobody said.
    """

    topic: str
    partition: int
    offset: int
    key: bytes | None
    value: bytes | None
    headers: Headers = ()
    timestamp_ms: int = -1

    @property
    def place(self) -> str:
        return f"{self.topic}/{self.partition}/{self.offset}"


@dataclass(frozen=True)
class Outgoing:
    """A record to be written, encoded.

    Attributes:
        error: of a dead letter: the reason; empty in others.
    """

    topic: str
    key: bytes | None
    value: bytes
    headers: list[tuple[str, bytes]] = field(default_factory=list)
    error: str = ""


@dataclass(frozen=True)
class Trouble:
    """Why a record is given up.

    Attributes:
        stage: where: decode, check, fetch, read, store.
        page: that failed last; 0 when none did.
        attempts: how often it was tried.
    """

    error: PagemeshError
    stage: str
    attempts: int
    page: int = 0


def result_record(document: Document, client: str) -> Record:
    """A result without its content."""
    return {
        "request_id": document.request_id,
        "client": client,
        "state": _state(document),
        "pages": _account(document),
        "error": _error(error_of(document.error)) if document.HasField("error") else None,
        "source": document.source,
        "media_type": document.media_type,
        "sha256": document.sha256,
        "pipeline": {
            "name": document.pipeline.name,
            "version": document.pipeline.version,
            "digest": document.pipeline.digest,
        },
        "created": document.create_time.ToMilliseconds(),
        "ended": document.end_time.ToMilliseconds(),
    }


def event_record(document: Document, client: str, page: PageResult | None = None) -> Record:
    """What happened to a document."""
    told = page and {
        "page_number": page.page_number,
        "outcome": PageOutcome.Name(page.outcome).removeprefix("PAGE_OUTCOME_"),
        "reason": page.reason,
    }
    return {
        "request_id": document.request_id,
        "client": client,
        "time": _now(),
        "state": _state(document),
        "pages": _account(document),
        "page": told,
    }


def dead_letter(incoming: Incoming, trouble: Trouble, request: Mapping[str, Any] | None) -> Record:
    """A record that could not be worked on, and why."""
    value = incoming.value
    return {
        "request_id": request["request_id"] if request else None,
        "client": request["client"] if request else "",
        "topic": incoming.topic,
        "partition": incoming.partition,
        "offset": incoming.offset,
        "stage": trouble.stage,
        "page": trouble.page,
        "attempts": trouble.attempts,
        "error": _error(trouble.error),
        "time": _now(),
        "key": incoming.key[:10_000] if incoming.key is not None else None,
        "value": value if value is not None and len(value) <= _LONGEST_ORIGINAL else None,
        "headers": [{"key": key, "value": text} for key, text in incoming.headers],
        "value_sha256": hashlib.sha256(value or b"").hexdigest(),
        "value_size_bytes": len(value or b""),
    }


async def content_of(document: Document, pages: AsyncIterator[PageResult]) -> AsyncIterator[bytes]:
    """The whole result as canonical Protobuf JSON of a `GetDocumentResponse`, piece by piece."""
    yield b'{"document":' + _json(document) + b',"pages":['
    separator = b""
    async for page in pages:
        yield separator + _json(page)
        separator = b","
    yield b"]}"


def _json(message: Message) -> bytes:
    value = MessageToDict(message, always_print_fields_with_no_presence=True)
    text = json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    return text.encode()


def _state(document: Document) -> str:
    return DocumentState.Name(document.state).removeprefix("DOCUMENT_STATE_")


def _account(document: Document) -> Record:
    pages = document.pages
    return {"total": pages.total, "ok": pages.ok, "failed": pages.failed, "skipped": pages.skipped}


def _error(error: PagemeshError) -> Record:
    return {"code": error.code.name, "reason": error.reason, "message": error.message}


def _now() -> int:
    return time.time_ns() // 1_000_000
