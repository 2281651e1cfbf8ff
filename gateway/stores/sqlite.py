"""Documents in one SQLite file: the store of a single gateway."""

import sqlite3
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

from gateway.records import Cursor, PageNews, Record, Row, StoredPage, View
from gateway.sqlite_file import SqliteFile

_SCHEMA = """
CREATE TABLE IF NOT EXISTS documents (
    work_id       TEXT PRIMARY KEY,
    client        TEXT NOT NULL,
    id            TEXT NOT NULL,
    created_at    REAL NOT NULL,
    is_dispatched INTEGER NOT NULL,
    is_final      INTEGER NOT NULL,
    version       INTEGER NOT NULL,
    record        TEXT NOT NULL,
    etag          TEXT NOT NULL,
    body          BLOB NOT NULL
);
CREATE INDEX IF NOT EXISTS documents_by_client ON documents (client, created_at, work_id);
CREATE INDEX IF NOT EXISTS documents_by_age ON documents (created_at);
CREATE INDEX IF NOT EXISTS documents_waiting ON documents (created_at) WHERE is_dispatched = 0;
CREATE TABLE IF NOT EXISTS pages (
    work_id  TEXT NOT NULL REFERENCES documents ON DELETE CASCADE,
    number   INTEGER NOT NULL,
    sequence INTEGER NOT NULL,
    outcome  TEXT NOT NULL,
    reason   TEXT NOT NULL,
    data     BLOB NOT NULL,
    PRIMARY KEY (work_id, number)
);
CREATE INDEX IF NOT EXISTS pages_by_sequence ON pages (work_id, sequence);
"""
_DOCUMENT = "work_id, client, id, created_at, is_dispatched, is_final, version, record, etag, body"
_PAGE = "number, sequence, outcome, reason, data"
_NEWS = "number, sequence, outcome, reason"
_SWEPT_AT_ONCE = 100


class SqliteStore:
    """A `Store` in a file. One thread works on it; what is written is on the disk.

    Args:
        path: of the file; its folder is made.
    """

    def __init__(self, path: Path) -> None:
        self._file = SqliteFile(path, _SCHEMA, "the store of documents", "STORE_UNAVAILABLE")

    async def start(self) -> None:
        """Open the file, make it where it is not."""
        await self._file.open()

    async def close(self) -> None:
        """Close the file."""
        await self._file.close()

    async def check(self) -> None:
        """Whether it can be read."""
        await self._file.read("SELECT 1")

    async def add(self, row: Row) -> Record | None:
        """See `Store`."""

        def act(database: sqlite3.Connection) -> Record | None:
            added = database.execute(
                f"INSERT INTO documents ({_DOCUMENT}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?) "  # noqa: S608 - names of ours alone; values are parameters
                "ON CONFLICT (work_id) DO NOTHING",
                (
                    *(row.record.work_id, row.record.client, row.record.id),
                    *(row.record.created_at.timestamp(), row.record.is_dispatched),
                    row.record.status.is_final,
                    *(row.record.version, row.record.model_dump_json(), row.etag, row.body),
                ),
            )
            if added.rowcount:
                return None
            (text,) = database.execute(
                "SELECT record FROM documents WHERE work_id = ?", (row.record.work_id,)
            ).fetchone()
            return Record.model_validate_json(text)

        return await self._file.transact(act)

    async def replace(self, row: Row) -> bool:
        """See `Store`."""
        record = row.record

        def act(database: sqlite3.Connection) -> bool:
            changed = database.execute(
                "UPDATE documents SET is_dispatched = ?, is_final = ?, version = ?, "
                "record = ?, etag = ?, body = ? WHERE work_id = ? AND version = ?",
                (
                    *(record.is_dispatched, record.status.is_final),
                    *(record.version, record.model_dump_json()),
                    *(row.etag, row.body, record.work_id, record.version - 1),
                ),
            )
            return changed.rowcount == 1

        return await self._file.transact(act)

    async def record(self, work_id: str) -> Record | None:
        """See `Store`."""
        rows = await self._file.read("SELECT record FROM documents WHERE work_id = ?", work_id)
        return Record.model_validate_json(rows[0][0]) if rows else None

    async def view(self, work_id: str) -> View | None:
        """See `Store`."""
        rows = await self._file.read(
            "SELECT etag, body, is_final FROM documents WHERE work_id = ?", work_id
        )
        return View(rows[0][0], rows[0][1], bool(rows[0][2])) if rows else None

    async def add_page(self, record: Record, page: StoredPage) -> bool:
        """See `Store`."""

        def act(database: sqlite3.Connection) -> bool:
            added = database.execute(
                f"INSERT INTO pages (work_id, {_PAGE}) VALUES (?, ?, ?, ?, ?, ?) "  # noqa: S608 - names of ours alone; values are parameters
                "ON CONFLICT (work_id, number) DO UPDATE SET data = excluded.data, "
                "outcome = excluded.outcome, reason = excluded.reason "
                "WHERE length(pages.data) = 0 AND length(excluded.data) > 0",
                (record.work_id, *page),
            )
            return added.rowcount == 1

        return await self._file.transact(act)

    async def page(self, work_id: str, number: int) -> StoredPage | None:
        """See `Store`."""
        rows = await self._file.read(
            f"SELECT {_PAGE} FROM pages WHERE work_id = ? AND number = ?",  # noqa: S608 - names of ours alone; values are parameters
            work_id,
            number,
        )
        return StoredPage(*rows[0]) if rows else None

    async def pages(self, work_id: str, after: int, limit: int) -> Sequence[StoredPage]:
        """See `Store`."""
        statement = (
            f"SELECT {_PAGE} FROM pages WHERE work_id = ? AND number > ? "  # noqa: S608 - names of ours alone; values are parameters
            "ORDER BY number LIMIT ?"
        )
        return [StoredPage(*row) for row in await self._file.read(statement, work_id, after, limit)]

    async def news(self, work_id: str, after: int, limit: int) -> Sequence[PageNews]:
        """See `Store`."""
        statement = (
            f"SELECT {_NEWS} FROM pages WHERE work_id = ? AND sequence > ? "  # noqa: S608 - names of ours alone; values are parameters
            "ORDER BY sequence LIMIT ?"
        )
        return [PageNews(*row) for row in await self._file.read(statement, work_id, after, limit)]

    async def listed(
        self, client: str, after: Cursor | None, limit: int, query: str
    ) -> Sequence[Record]:
        """See `Store`."""
        values: list[object] = [client]
        condition = "client = ?"
        if after is not None:
            condition += " AND (created_at, work_id) < (?, ?)"
            values += [after.created_at.timestamp(), after.work_id]
        if query:
            condition += " AND substr(id, 1, ?) = ?"
            values += [len(query), query]
        rows = await self._file.read(
            f"SELECT record FROM documents WHERE {condition} "  # noqa: S608 - all ours
            "ORDER BY created_at DESC, work_id DESC LIMIT ?",
            *values,
            limit,
        )
        return [Record.model_validate_json(text) for (text,) in rows]

    async def waiting(self, before: datetime, limit: int) -> Sequence[Record]:
        """See `Store`."""
        rows = await self._file.read(
            "SELECT record FROM documents WHERE is_dispatched = 0 AND created_at < ? "
            "ORDER BY created_at LIMIT ?",
            before.timestamp(),
            limit,
        )
        return [Record.model_validate_json(text) for (text,) in rows]

    async def erase(self, work_id: str) -> tuple[int, int]:
        """See `Store`."""

        def act(database: sqlite3.Connection) -> tuple[int, int]:
            pages = database.execute("DELETE FROM pages WHERE work_id = ?", (work_id,))
            found = database.execute("DELETE FROM documents WHERE work_id = ?", (work_id,))
            return found.rowcount, pages.rowcount

        done = await self._file.transact(act)
        await self._file.empty_log()
        return done

    async def sweep(self, before: datetime) -> Sequence[str]:
        """See `Store`."""

        def act(database: sqlite3.Connection) -> list[str]:
            deleted = database.execute(
                "DELETE FROM documents WHERE work_id IN "
                "(SELECT work_id FROM documents WHERE created_at < ? LIMIT ?) RETURNING work_id",
                (before.timestamp(), _SWEPT_AT_ONCE),
            )
            return [work_id for (work_id,) in deleted]

        return await self._file.transact(act)
