"""The account of a document's pages: total = ok + failed + skipped, whatever the store."""

from collections.abc import Collection, Iterator

from meshkit.errors import PagemeshError
from meshkit.status import status_of
from orchestrator.records import Ending
from pagemesh.orchestrator.v1.document_pb2 import (
    DOCUMENT_STATE_FAILED,
    DOCUMENT_STATE_PARTIAL,
    DOCUMENT_STATE_SUCCEEDED,
    PAGE_OUTCOME_FAILED,
    PAGE_OUTCOME_OK,
    PAGE_OUTCOME_SKIPPED,
    Document,
    PageAccount,
    PageResult,
)

COLUMN = {PAGE_OUTCOME_OK: "ok", PAGE_OUTCOME_FAILED: "failed", PAGE_OUTCOME_SKIPPED: "skipped"}
"""What counts a page of an outcome."""


def state_of(account: PageAccount, error: PagemeshError | None) -> int:
    """The final state of a document with these pages, which failed as a whole by this error."""
    if error is not None or (account.total and account.failed == account.total):
        return DOCUMENT_STATE_FAILED
    return DOCUMENT_STATE_PARTIAL if account.failed else DOCUMENT_STATE_SUCCEEDED


def missing_pages(total: int, finished: Collection[int], ending: Ending) -> Iterator[PageResult]:
    """What stands for the pages that were not finished."""
    error = status_of(ending.rest_error) if ending.rest_error else None
    for number in range(1, total + 1):
        if number not in finished:
            yield PageResult(
                page_number=number,
                outcome=ending.rest_outcome,  # type: ignore[arg-type]
                reason=ending.rest_reason,
                error=error,
            )


def check(document: Document) -> Document:
    """The document. Raises AssertionError: its pages do not add up."""
    pages = document.pages
    if pages.total != pages.ok + pages.failed + pages.skipped:
        raise AssertionError(f"the pages of {document.request_id} do not add up: {pages}")
    return document
