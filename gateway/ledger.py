"""Writes down what happens to documents, and rings for those who wait.

Whoever has the work done (`gateway.dispatch`) tells it here. Everything may be told twice.
"""

import asyncio
import logging
from collections.abc import Callable, Sequence

from gateway.bells import Bells
from gateway.problems import problem_of
from gateway.records import STATUS_OF, Account, Record, Row, Status, StoredPage, now
from gateway.resources import compact, row_of
from gateway.stores import Store
from meshkit.errors import PagemeshError
from meshkit.status import error_of
from pagemesh.exports import json_value
from pagemesh.exports.result import outcome_of
from pagemesh.orchestrator.v1 import document_pb2 as documents

PAGES_AT_ONCE = 50

_log = logging.getLogger(__name__)

Change = Callable[[Record], Record | None]
"""From a record to the changed one; None leaves it as it is."""


class Ledger:
    """The one writer of documents.

    Args:
        store: keeps them.
        bells: of those who wait.
        inline_result_bytes: a longer result is left out of the document's resource.

    Attributes:
        ended: is called with each document that has reached a final status, after it is stored.
    """

    def __init__(self, store: Store, bells: Bells, inline_result_bytes: int) -> None:
        self._store = store
        self._bells = bells
        self._inline_result_bytes = inline_result_bytes
        self.ended: list[Callable[[Record], None]] = []

    async def add(self, record: Record) -> Record | None:
        """A new document; the one that is there already, or None. Raises DependencyUnavailable."""
        return await self._store.add(row_of(record, None))

    async def change(self, work_id: str, change: Change) -> Record | None:
        """Change a document; as it is after that, None when there is none.

        Raises DependencyUnavailable.
        """
        while True:
            record = await self._store.record(work_id)
            if record is None:
                return None
            changed = change(record)
            if changed is None:
                return record
            changed = changed.model_copy(
                update={"version": record.version + 1, "updated_at": now()}
            )
            if await self._store.replace(await self._row(changed)):
                self._bells.ring(work_id)
                if changed.status.is_final and not record.status.is_final:
                    self._tell_ended(changed)
                return changed

    async def open(self, work_id: str) -> "DocumentLog | None":
        """The log of a document; None when there is none. Raises DependencyUnavailable."""
        record = await self._store.record(work_id)
        if record is None:
            return None
        outcomes: dict[int, str] = {}
        sequence = 0
        while news := await self._store.news(work_id, sequence, PAGES_AT_ONCE):
            outcomes |= {each.number: each.outcome for each in news}
            sequence = news[-1].sequence
        return DocumentLog(self, self._store, record, outcomes, sequence)

    async def _row(self, record: Record) -> Row:
        result = None
        if record.status.is_final and record.account:
            result = await self._result(record)
        return row_of(record, result)

    async def _result(self, record: Record) -> bytes | None:
        """What was read, as JSON; None when it is too long to be shown with the document."""
        document = json_value(record.document())
        parts: list[bytes] = []
        length = number = 0
        while pages := await self._store.pages(record.work_id, number, PAGES_AT_ONCE):
            for page in pages:
                length += len(page.data)  # as JSON it is longer, never shorter
                if length > self._inline_result_bytes:
                    return None
            parts += await asyncio.to_thread(_page_texts, record, pages)
            number = pages[-1].number
        text = b'{"document":' + compact(document) + b',"pages":[' + b",".join(parts) + b"]}"
        return text if len(text) <= self._inline_result_bytes else None

    def _tell_ended(self, record: Record) -> None:
        for listener in self.ended:
            try:
                listener(record)
            except Exception:
                _log.exception("a listener failed", extra={"document": record.work_id})


class DocumentLog:
    """What happens to one document; made by `Ledger.open`. One writer has it at a time.

    Attributes:
        record: the document as it is now.
    """

    def __init__(
        self,
        ledger: Ledger,
        store: Store,
        record: Record,
        outcomes: dict[int, str],
        sequence: int,
    ) -> None:
        self._ledger = ledger
        self._store = store
        self.record = record
        self._outcomes = outcomes
        self._sequence = sequence
        self._whole: set[int] = set()

    @property
    def is_over(self) -> bool:
        """Whether nothing can happen to it any more."""
        return self.record.status.is_final

    async def page(self, result: documents.PageResult, *, is_whole: bool = True) -> None:
        """A page is finished. Raises DependencyUnavailable.

        Args:
            result: of the page.
            is_whole: False when what was read on it comes later.
        """
        number = result.page_number
        is_new = number not in self._outcomes
        if number in self._whole or not (is_new or is_whole):
            return
        page = StoredPage(
            number=number,
            sequence=self._sequence + 1,
            outcome=outcome_of(result),
            reason=result.reason,
            data=result.SerializeToString() if is_whole else b"",
        )
        await self._store.add_page(self.record, page)
        if is_whole:
            self._whole.add(number)
        if is_new:
            self._sequence += 1
            self._outcomes[number] = page.outcome
            await self._change(self._counted)

    async def progress(self, account: Account) -> None:
        """Pages are being read. Raises DependencyUnavailable."""

        def change(record: Record) -> Record | None:
            if record.status.is_final or account.done < record.pages.done:
                return None
            update = {"status": Status.PROCESSING, "pages": account}
            changed = record.model_copy(update=update)
            return None if changed == record else changed

        await self._change(change)

    async def document(self, document: documents.Document) -> None:
        """The orchestrator tells how far the document is. Raises DependencyUnavailable."""
        status = STATUS_OF.get(document.state)
        if status is None:
            return

        def change(record: Record) -> Record | None:
            if record.status.is_final:
                return None
            update: dict[str, object] = {
                "status": status,
                "pipeline": document.pipeline.name or record.pipeline,
                "pages": self._account(document.pages.total),
                "account": document.SerializeToString().hex(),
            }
            if status.is_final:
                update["pages"] = _final_account(document.pages)
            if document.HasField("error"):
                update["error"] = problem_of(error_of(document.error)).problem
            changed = record.model_copy(update=update)
            return None if changed == record else changed

        await self._change(change)

    async def failed(self, error: PagemeshError) -> None:
        """The document cannot be read at all. Raises DependencyUnavailable."""
        await self._end(Status.FAILED, error)

    async def cancelled(self) -> None:
        """The document was cancelled before any of it was read. Raises DependencyUnavailable."""
        await self._end(Status.CANCELLED, None)

    async def _end(self, status: Status, error: PagemeshError | None) -> None:
        def change(record: Record) -> Record | None:
            if record.status.is_final:
                return None
            problem = problem_of(error).problem if error is not None else None
            return record.model_copy(update={"status": status, "error": problem})

        await self._change(change)

    async def _change(self, change: Change) -> None:
        self.record = await self._ledger.change(self.record.work_id, change) or self.record

    def _counted(self, record: Record) -> Record | None:
        if record.status.is_final:
            return None
        pages = self._account(record.pages.total)
        return record.model_copy(update={"status": Status.PROCESSING, "pages": pages})

    def _account(self, total: int) -> Account:
        counts = list(self._outcomes.values())
        return Account(
            total=max(total, len(counts)) if total else 0,
            done=len(counts),
            ok=counts.count("ok"),
            failed=counts.count("failed"),
            skipped=counts.count("skipped"),
        )


def _final_account(pages: documents.PageAccount) -> Account:
    done = pages.ok + pages.failed + pages.skipped
    return Account(
        total=pages.total, done=done, ok=pages.ok, failed=pages.failed, skipped=pages.skipped
    )


def _page_texts(record: Record, pages: Sequence[StoredPage]) -> list[bytes]:
    return [compact(json_value(record.corrected(page))) for page in pages]
