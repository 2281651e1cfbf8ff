"""Documents and their finished pages on disk, so that neither a restart nor a long document hurts.

SQLite with a write-ahead log, used from one thread of its own. A finished page is one row, written
at once; nothing else keeps it. Without power loss nothing written is lost (`synchronous=NORMAL`).
"""

import asyncio
import fcntl
import sqlite3
import time
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TextIO, TypeVar

from google.protobuf.timestamp_pb2 import Timestamp
from google.rpc import status_pb2

from meshkit.errors import NotFound, PagemeshError
from meshkit.status import status_of
from orchestrator.records import Ending, Entry, Keeper, Record, failed_for_now
from pagemesh.orchestrator.v1.document_pb2 import (
    DOCUMENT_STATE_FAILED,
    DOCUMENT_STATE_PARTIAL,
    DOCUMENT_STATE_PROCESSING,
    DOCUMENT_STATE_QUEUED,
    DOCUMENT_STATE_SUCCEEDED,
    PAGE_OUTCOME_FAILED,
    PAGE_OUTCOME_OK,
    PAGE_OUTCOME_SKIPPED,
    Document,
    PageAccount,
    PageResult,
    PipelineIdentity,
)

ResultT = TypeVar("ResultT")

_COLUMN = {PAGE_OUTCOME_OK: "ok", PAGE_OUTCOME_FAILED: "failed", PAGE_OUTCOME_SKIPPED: "skipped"}
_SCHEMA_VERSION = 3
_SCHEMA = """
CREATE TABLE documents (
    request_id  TEXT PRIMARY KEY,
    fingerprint TEXT NOT NULL,
    state       INTEGER NOT NULL,
    can_restart INTEGER NOT NULL DEFAULT 0,
    keeper      TEXT NOT NULL,
    spec        BLOB NOT NULL,
    pipeline    BLOB NOT NULL,
    source      TEXT NOT NULL,
    media_type  TEXT NOT NULL DEFAULT '',
    sha256      TEXT NOT NULL DEFAULT '',
    total       INTEGER NOT NULL DEFAULT 0,
    ok          INTEGER NOT NULL DEFAULT 0,
    failed      INTEGER NOT NULL DEFAULT 0,
    skipped     INTEGER NOT NULL DEFAULT 0,
    error       BLOB,
    created_ns  INTEGER NOT NULL,
    ended_ns    INTEGER,
    client      TEXT NOT NULL DEFAULT '',
    traceparent TEXT NOT NULL DEFAULT ''
) WITHOUT ROWID;
CREATE INDEX documents_by_end ON documents (ended_ns);
CREATE TABLE pages (
    sequence    INTEGER PRIMARY KEY AUTOINCREMENT,
    request_id  TEXT NOT NULL REFERENCES documents (request_id) ON DELETE CASCADE,
    page_number INTEGER NOT NULL,
    can_retry   INTEGER NOT NULL,
    result      BLOB NOT NULL,
    UNIQUE (request_id, page_number)
);
"""

_FROM_2 = """
ALTER TABLE documents ADD COLUMN client TEXT NOT NULL DEFAULT '';
ALTER TABLE documents ADD COLUMN traceparent TEXT NOT NULL DEFAULT '';
"""
"""Makes the layout of version 3 of that of version 2."""


class DocumentStore:
    """The store. Every method but `open` and `close` may be called from any task."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="document-store")
        self._database: sqlite3.Connection | None = None
        self._lock_file: TextIO | None = None
        self._is_closed = False

    async def open(self) -> None:
        """Open the file, and make it when it is not there. Raises OSError or sqlite3.Error."""
        await self._run(self._open)

    async def close(self) -> None:
        """Close the file. Safe to call twice and without `open`."""
        if not self._is_closed:
            self._is_closed = True
            await self._run(self._close)
            self._thread.shutdown(wait=False)

    async def create(self, entry: Entry) -> None:
        """Take a document in state QUEUED.

        A record of the same id is gone on with when the same pipeline reads it: its finished pages
        are kept, but not those that failed for a passing reason or stand for unfinished ones.
        Otherwise it is replaced.
        """
        await self._run(self._create, entry)

    async def set_keeper(self, request_id: str, keeper: Keeper) -> None:
        """Change who sees to it that it is finished."""
        await self._run(self._update, request_id, "keeper = ?", (keeper,))

    async def begin(self, request_id: str, sha256: str) -> None:
        """Set the state to PROCESSING, and the digest of the document's bytes where it is known.

        Pages of other bytes, read before, are forgotten.
        """
        await self._run(self._begin, request_id, sha256)

    async def opened(self, request_id: str, media_type: str, total: int) -> None:
        """Note what the document is and how many pages it has."""
        await self._run(self._update, request_id, "media_type = ?, total = ?", (media_type, total))

    async def add_pages(self, request_id: str, pages: Sequence[PageResult]) -> None:
        """Write finished pages. A page that is there already stays as it is."""
        await self._run(self._add_pages, request_id, pages)

    async def end(self, request_id: str, ending: Ending) -> Document:
        """Write the final state, and account for every page that was not finished."""
        return await self._run(self._end, request_id, ending)

    async def find(self, request_id: str) -> Record | None:
        """A document, or None."""
        return await self._run(self._find, request_id)

    async def get(self, request_id: str) -> Record:
        """A document. Raises NotFound."""
        record = await self.find(request_id)
        if record is None:
            raise NotFound(
                f"no document has the request id `{request_id}`; it may have been deleted after "
                "its retention time",
                metadata={"field": "request_id"},
            )
        return record

    async def pages_after(
        self, request_id: str, sequence: int, limit: int
    ) -> list[tuple[int, PageResult]]:
        """Pages with their sequence numbers, in the order in which they were finished."""
        return await self._run(self._pages_after, request_id, sequence, limit)

    async def pages_from(
        self, request_id: str, page_number: int, limit: int, max_bytes: int
    ) -> tuple[list[PageResult], bool]:
        """Finished pages from this number on, and whether there are more.

        At most `limit`, and no more than `max_bytes` together; but at least one.
        """
        return await self._run(self._pages_from, request_id, page_number, limit, max_bytes)

    async def finished_pages(self, request_id: str) -> frozenset[int]:
        """Numbers of the pages that need not be read again."""
        return await self._run(self._finished_pages, request_id)

    async def end_unfinished(self, ending: Ending) -> int:
        """End every unfinished document that its caller keeps; returns how many there were."""
        return await self._run(self._end_unfinished, ending)

    async def unfinished(self, keeper: Keeper) -> list[Record]:
        """Documents of this keeper that are in no final state, oldest first."""
        return await self._run(self._unfinished, keeper)

    async def delete_ended_before(self, moment: float) -> int:
        """Delete documents that ended before this Unix time; returns how many.

        One whose message never came again counts as ended when it was taken.
        """
        return await self._run(self._delete_ended_before, int(moment * 1e9))

    async def _run(self, function: Callable[..., ResultT], *arguments: object) -> ResultT:
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._thread, function, *arguments)

    @property
    def _db(self) -> sqlite3.Connection:
        if self._database is None:
            raise RuntimeError("the document store is not open")
        return self._database

    def _open(self) -> None:
        self._path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._lock()
        database = sqlite3.connect(self._path, check_same_thread=False, isolation_level=None)
        database.execute("PRAGMA journal_mode = WAL")
        database.execute("PRAGMA synchronous = NORMAL")
        database.execute("PRAGMA foreign_keys = ON")
        database.execute("PRAGMA busy_timeout = 5000")
        version = database.execute("PRAGMA user_version").fetchone()[0]
        changes = {0: _SCHEMA, 2: _FROM_2}
        if version in changes:
            database.executescript(
                f"BEGIN; {changes[version]} PRAGMA user_version = {_SCHEMA_VERSION}; COMMIT;"
            )
        elif version != _SCHEMA_VERSION:
            database.close()
            raise OSError(
                f"{self._path} has the layout {version} of another release; this one knows "
                f"{_SCHEMA_VERSION}: move the file away or start the other release"
            )
        self._database = database

    def _lock(self) -> None:
        """Refuse to share the store: another process would take our work for cut off."""
        lock = self._path.with_suffix(".lock").open("w")
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            lock.close()
            raise OSError(f"{self._path.parent} is in use by another orchestrator") from error
        self._lock_file = lock

    def _close(self) -> None:
        if self._database is not None:
            self._database.close()
            self._database = None
        if self._lock_file is not None:
            self._lock_file.close()
            self._lock_file = None

    def _create(self, entry: Entry) -> None:
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
            column = _COLUMN[PageResult.FromString(result).outcome]
            self._update(entry.request_id, f"{column} = {column} - 1", ())
        self._update(
            entry.request_id,
            "state = ?, error = NULL, can_restart = 0, ended_ns = NULL, keeper = ?, spec = ?,"
            " client = ?, traceparent = ?",
            (
                *(DOCUMENT_STATE_QUEUED, entry.keeper, entry.spec),
                *(entry.client, entry.traceparent),
            ),
        )

    def _begin(self, request_id: str, sha256: str) -> None:
        with self._db:
            self._db.execute("BEGIN IMMEDIATE")
            before = self._document(request_id).sha256
            if sha256 and before and sha256 != before:
                self._db.execute("DELETE FROM pages WHERE request_id = ?", (request_id,))
                self._update(request_id, "total = 0, ok = 0, failed = 0, skipped = 0", ())
            self._update(
                request_id, "state = ?, sha256 = ?", (DOCUMENT_STATE_PROCESSING, sha256 or before)
            )

    def _update(self, request_id: str, columns: str, values: tuple[object, ...]) -> None:
        # `columns` is this module's own text, never a client's.
        statement = f"UPDATE documents SET {columns} WHERE request_id = ?"  # noqa: S608
        self._db.execute(statement, (*values, request_id))

    def _add_pages(self, request_id: str, pages: Iterable[PageResult]) -> None:
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
            column = _COLUMN[page.outcome]
            self._update(request_id, f"{column} = {column} + 1", ())

    def _end(self, request_id: str, ending: Ending) -> Document:
        with self._db:
            self._db.execute("BEGIN IMMEDIATE")
            for page in self._missing_pages(request_id, ending):
                self._add_page(request_id, page, can_retry=True)
            account = self._document(request_id).pages
            state = ending.state or _state_of(account, ending.error)
            error = status_of(ending.error).SerializeToString() if ending.error else None
            self._update(
                request_id,
                "state = ?, error = ?, can_restart = ?, ended_ns = ?",
                (state, error, ending.can_restart, time.time_ns()),
            )
        document = self._document(request_id)
        pages = document.pages
        if pages.total != pages.ok + pages.failed + pages.skipped:
            raise AssertionError(f"the pages of {request_id} do not add up: {pages}")
        return document

    def _finished_pages(self, request_id: str) -> frozenset[int]:
        rows = self._db.execute("SELECT page_number FROM pages WHERE request_id = ?", (request_id,))
        return frozenset(number for (number,) in rows)

    def _missing_pages(self, request_id: str, ending: Ending) -> Iterable[PageResult]:
        total = self._document(request_id).pages.total
        done = self._finished_pages(request_id)
        error = status_of(ending.rest_error) if ending.rest_error else None
        for number in range(1, total + 1):
            if number not in done:
                yield PageResult(
                    page_number=number,
                    outcome=ending.rest_outcome,  # type: ignore[arg-type]
                    reason=ending.rest_reason,
                    error=error,
                )

    def _find(self, request_id: str) -> Record | None:
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

    def _pages_after(
        self, request_id: str, sequence: int, limit: int
    ) -> list[tuple[int, PageResult]]:
        rows = self._db.execute(
            "SELECT sequence, result FROM pages WHERE request_id = ? AND sequence > ?"
            " ORDER BY sequence LIMIT ?",
            (request_id, sequence, limit),
        )
        return [(number, PageResult.FromString(result)) for number, result in rows]

    def _pages_from(
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

    def _end_unfinished(self, ending: Ending) -> int:
        records = self._unfinished(Keeper.CALLER)
        for record in records:
            self._end(record.document.request_id, ending)
        return len(records)

    def _unfinished(self, keeper: Keeper) -> list[Record]:
        rows = self._db.execute(
            "SELECT request_id FROM documents WHERE ended_ns IS NULL AND keeper = ?"
            " ORDER BY created_ns",
            (keeper,),
        ).fetchall()
        records = [self._find(request_id) for (request_id,) in rows]
        return [record for record in records if record is not None]

    def _delete_ended_before(self, moment_ns: int) -> int:
        deleted = self._db.execute(
            "DELETE FROM documents WHERE ended_ns < ?"
            " OR (ended_ns IS NULL AND keeper = ? AND created_ns < ?)",
            (moment_ns, Keeper.SOURCE, moment_ns),
        )
        return deleted.rowcount


def _state_of(account: PageAccount, error: PagemeshError | None) -> int:
    if error is not None or (account.total and account.failed == account.total):
        return DOCUMENT_STATE_FAILED
    return DOCUMENT_STATE_PARTIAL if account.failed else DOCUMENT_STATE_SUCCEEDED


def _timestamp(nanoseconds: int) -> Timestamp:
    timestamp = Timestamp()
    timestamp.FromNanoseconds(nanoseconds)
    return timestamp
