"""What the SQLite store does with its tables, for the one thread that uses them."""

import sqlite3
import time
from collections.abc import Collection, Iterable

from google.protobuf.timestamp_pb2 import Timestamp
from google.rpc import status_pb2

from meshkit.status import status_of
from orchestrator.records import Ending, Entry, Keeper, Record, failed_for_now
from orchestrator.stores.accounts import COLUMN, check, missing_pages, state_of
from pagemesh.orchestrator.v1.document_pb2 import (
    DOCUMENT_STATE_PROCESSING,
    DOCUMENT_STATE_QUEUED,
    DOCUMENT_STATE_SUCCEEDED,
    Document,
    PageAccount,
    PageResult,
    PipelineIdentity,
)


class Tables:
    """Documents and pages; what the methods do is said in `DocumentStore`."""

    def __init__(self, database: sqlite3.Connection) -> None:
        self._db = database

    def create(self, entry: Entry) -> None:
        pipeline = entry.pipeline.SerializeToString(deterministic=True)
        with self._db:
            self._db.execute("BEGIN IMMEDIATE")
            row = self._db.execute(
                "SELECT pipeline FROM documents WHERE request_id = ?", (entry.request_id,)
            ).fetchone()
            if row is not None and row[0] == pipeline:
                self._reopen(entry)
                return
            self._db.execute("DELETE FROM documents WHERE request_id = ?", (entry.request_id,))
            self._db.execute(
                "INSERT INTO documents (request_id, fingerprint, state, keeper, spec, pipeline,"
                " source, created_ns, client, traceparent)"
                " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                (
                    entry.request_id,
                    entry.fingerprint,
                    DOCUMENT_STATE_QUEUED,
                    entry.keeper,
                    entry.spec,
                    pipeline,
                    entry.source,
                    time.time_ns(),
                    entry.client,
                    entry.traceparent,
                ),
            )

    def _reopen(self, entry: Entry) -> None:
        gone = self._db.execute(
            "DELETE FROM pages WHERE request_id = ? AND can_retry RETURNING result",
            (entry.request_id,),
        ).fetchall()
        for (result,) in gone:
            column = COLUMN[PageResult.FromString(result).outcome]
            self.update(entry.request_id, f"{column} = {column} - 1", ())
        self.update(
            entry.request_id,
            "state = ?, error = NULL, can_restart = 0, ended_ns = NULL, keeper = ?, spec = ?,"
            " client = ?, traceparent = ?",
            (
                *(DOCUMENT_STATE_QUEUED, entry.keeper, entry.spec),
                *(entry.client, entry.traceparent),
            ),
        )

    def begin(self, request_id: str, sha256: str) -> None:
        with self._db:
            self._db.execute("BEGIN IMMEDIATE")
            before = self._document(request_id).sha256
            if sha256 and before and sha256 != before:
                self._db.execute("DELETE FROM pages WHERE request_id = ?", (request_id,))
                self.update(request_id, "total = 0, ok = 0, failed = 0, skipped = 0", ())
            self.update(
                request_id, "state = ?, sha256 = ?", (DOCUMENT_STATE_PROCESSING, sha256 or before)
            )

    def update(self, request_id: str, columns: str, values: tuple[object, ...]) -> None:
        # `columns` is this module's own text, never a client's.
        statement = f"UPDATE documents SET {columns} WHERE request_id = ?"  # noqa: S608 - names of ours alone; values are parameters
        self._db.execute(statement, (*values, request_id))

    def add_pages(self, request_id: str, pages: Iterable[PageResult]) -> None:
        with self._db:
            self._db.execute("BEGIN IMMEDIATE")
            for page in pages:
                self._add_page(request_id, page, can_retry=failed_for_now(page))

    def _add_page(self, request_id: str, page: PageResult, *, can_retry: bool) -> None:
        added = self._db.execute(
            "INSERT OR IGNORE INTO pages (request_id, page_number, can_retry, result)"
            " VALUES (?, ?, ?, ?)",
            (request_id, page.page_number, can_retry, page.SerializeToString()),
        )
        if added.rowcount:
            column = COLUMN[page.outcome]
            self.update(request_id, f"{column} = {column} + 1", ())

    def end(self, request_id: str, ending: Ending) -> Document:
        with self._db:
            self._db.execute("BEGIN IMMEDIATE")
            total = self._document(request_id).pages.total
            for page in missing_pages(total, self.finished_pages(request_id), ending):
                self._add_page(request_id, page, can_retry=True)
            account = self._document(request_id).pages
            error = status_of(ending.error).SerializeToString() if ending.error else None
            self.update(
                request_id,
                "state = ?, error = ?, can_restart = ?, ended_ns = ?",
                (
                    ending.state or state_of(account, ending.error),
                    error,
                    ending.can_restart,
                    time.time_ns(),
                ),
            )
        return check(self._document(request_id))

    def finished_pages(self, request_id: str) -> frozenset[int]:
        rows = self._db.execute("SELECT page_number FROM pages WHERE request_id = ?", (request_id,))
        return frozenset(number for (number,) in rows)

    def find(self, request_id: str) -> Record | None:
        row = self._db.execute(
            "SELECT fingerprint, can_restart, keeper, spec, client, traceparent FROM documents"
            " WHERE request_id = ?",
            (request_id,),
        ).fetchone()
        if row is None:
            return None
        document = self._document(request_id)
        return Record(document, row[0], bool(row[1]), Keeper(row[2]), *row[3:])

    def _document(self, request_id: str) -> Document:
        row = self._db.execute(
            "SELECT state, pipeline, source, media_type, sha256, total, ok, failed, skipped, error,"
            " created_ns, ended_ns FROM documents WHERE request_id = ?",
            (request_id,),
        ).fetchone()
        state, pipeline, source, media_type, sha256, total, ok, failed, skipped = row[:9]
        error, created_ns, ended_ns = row[9:]
        return Document(
            request_id=request_id,
            state=state,
            pipeline=PipelineIdentity.FromString(pipeline),
            source=source,
            media_type=media_type,
            sha256=sha256,
            pages=PageAccount(total=total, ok=ok, failed=failed, skipped=skipped),
            error=status_pb2.Status.FromString(error) if error else None,
            create_time=_timestamp(created_ns),
            end_time=_timestamp(ended_ns) if ended_ns else None,
        )

    def pages_after(
        self, request_id: str, sequence: int, limit: int
    ) -> list[tuple[int, PageResult]]:
        rows = self._db.execute(
            "SELECT sequence, result FROM pages WHERE request_id = ? AND sequence > ?"
            " ORDER BY sequence LIMIT ?",
            (request_id, sequence, limit),
        )
        return [(number, PageResult.FromString(result)) for number, result in rows]

    def pages_from(
        self, request_id: str, page_number: int, limit: int, max_bytes: int
    ) -> tuple[list[PageResult], bool]:
        rows = self._db.execute(
            "SELECT result FROM pages WHERE request_id = ? AND page_number >= ?"
            " ORDER BY page_number LIMIT ?",
            (request_id, page_number, limit + 1),
        )
        pages: list[PageResult] = []
        used = 0
        for (result,) in rows:
            used += len(result)
            if pages and (len(pages) == limit or used > max_bytes):
                return pages, True
            pages.append(PageResult.FromString(result))
        return pages, False

    def find_reusable(self, key: str) -> Document | None:
        row = self._db.execute(
            "SELECT request_id FROM documents WHERE reuse_key = ? AND state = ?"
            " ORDER BY ended_ns DESC LIMIT 1",
            (key, DOCUMENT_STATE_SUCCEEDED),
        ).fetchone()
        return self._document(row[0]) if row else None

    def end_unfinished(self, ending: Ending, at_work: Collection[str]) -> int:
        records = self.unfinished(Keeper.CALLER, at_work)
        for record in records:
            self.end(record.document.request_id, ending)
        return len(records)

    def unfinished(self, keeper: Keeper, at_work: Collection[str]) -> list[Record]:
        rows = self._db.execute(
            "SELECT request_id FROM documents WHERE ended_ns IS NULL AND keeper = ?"
            " ORDER BY created_ns",
            (keeper,),
        ).fetchall()
        ids = [request_id for (request_id,) in rows if request_id not in at_work]
        records = [self.find(request_id) for request_id in ids]
        return [record for record in records if record is not None]

    def delete_ended_before(self, moment: float) -> int:
        moment_ns = int(moment * 1e9)
        deleted = self._db.execute(
            "DELETE FROM documents WHERE ended_ns < ?"
            " OR (ended_ns IS NULL AND keeper = ? AND created_ns < ?)",
            (moment_ns, Keeper.SOURCE, moment_ns),
        )
        return deleted.rowcount

    def erase(self, request_id: str) -> tuple[int, int]:
        """Delete a document; how many documents and pages there were. Their bytes are gone, too."""
        with self._db:
            self._db.execute("BEGIN IMMEDIATE")
            pages = self._db.execute("DELETE FROM pages WHERE request_id = ?", (request_id,))
            found = self._db.execute("DELETE FROM documents WHERE request_id = ?", (request_id,))
        # Until then the log beside the file has what was written before.
        self._db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        return found.rowcount, pages.rowcount


def _timestamp(nanoseconds: int) -> Timestamp:
    timestamp = Timestamp()
    timestamp.FromNanoseconds(nanoseconds)
    return timestamp
