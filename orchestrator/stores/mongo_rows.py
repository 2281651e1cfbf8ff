"""Documents and pages as MongoDB keeps them."""

import time
import uuid
from typing import Any

from google.protobuf.timestamp_pb2 import Timestamp
from google.rpc import status_pb2

from orchestrator.records import Entry, Keeper, Record
from orchestrator.stores.accounts import COLUMN
from pagemesh.orchestrator.v1.document_pb2 import (
    DOCUMENT_STATE_QUEUED,
    Document,
    PageAccount,
    PageResult,
    PipelineIdentity,
)

Row = dict[str, Any]

NOTHING_COUNTED = {"ok": 0, "failed": 0, "skipped": 0}


def new_edition() -> str:
    """Names the pages of one pipeline's reading of the same bytes.

    What somebody who lost the document still writes belongs to an edition that nobody looks at.
    """
    return uuid.uuid4().hex


def row_of(entry: Entry, owner: str) -> Row:
    """A document as it is taken."""
    return {
        "_id": entry.request_id,
        "fingerprint": entry.fingerprint,
        "pipeline": pipeline_of(entry),
        "source": entry.source,
        "media_type": "",
        "sha256": "",
        "total": 0,
        **NOTHING_COUNTED,
        "created_ns": time.time_ns(),
        "edition": new_edition(),
        "sequence": 0,
        **taken_again(entry, owner),
    }


def taken_again(entry: Entry, owner: str) -> Row:
    """What changes of a document when it is gone on with."""
    return {
        "state": DOCUMENT_STATE_QUEUED,
        "can_restart": False,
        "error": None,
        "ended_ns": None,
        "keeper": str(entry.keeper),
        "spec": entry.spec,
        "client": entry.client,
        "traceparent": entry.traceparent,
        "owner": owner,
    }


def pipeline_of(entry: Entry) -> bytes:
    """The pipeline's identity, comparable."""
    return entry.pipeline.SerializeToString(deterministic=True)


def page_row(edition: str, page: PageResult, sequence: int, *, can_retry: bool) -> Row:
    """A finished page."""
    return {
        "_id": f"{edition}/{page.page_number}",
        "edition": edition,
        "number": page.page_number,
        "sequence": sequence,
        "counts": COLUMN[page.outcome],
        "can_retry": can_retry,
        "result": page.SerializeToString(),
    }


def page_of(row: Row) -> PageResult:
    """A finished page."""
    return PageResult.FromString(row["result"])


def document_of(row: Row) -> Document:
    """A document's state and account."""
    error, ended_ns = row["error"], row["ended_ns"]
    return Document(
        request_id=row["_id"],
        state=row["state"],
        pipeline=PipelineIdentity.FromString(row["pipeline"]),
        source=row["source"],
        media_type=row["media_type"],
        sha256=row["sha256"],
        pages=PageAccount(**{name: row[name] for name in ("total", "ok", "failed", "skipped")}),
        error=status_pb2.Status.FromString(error) if error else None,
        create_time=_timestamp(row["created_ns"]),
        end_time=_timestamp(ended_ns) if ended_ns else None,
    )


def record_of(row: Row, *, is_elsewhere: bool) -> Record:
    """A document as stored."""
    return Record(
        document=document_of(row),
        fingerprint=row["fingerprint"],
        can_restart=row["can_restart"],
        keeper=Keeper(row["keeper"]),
        spec=row["spec"],
        client=row["client"],
        traceparent=row["traceparent"],
        is_elsewhere=is_elsewhere,
    )


def _timestamp(nanoseconds: int) -> Timestamp:
    timestamp = Timestamp()
    timestamp.FromNanoseconds(nanoseconds)
    return timestamp
