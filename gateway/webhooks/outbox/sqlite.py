"""Webhooks that are owed, in a SQLite file of one gateway's own."""

import sqlite3
import time
from pathlib import Path

from gateway.sqlite_file import SqliteFile
from gateway.webhooks.outbox.base import UNAVAILABLE, Entry, State

_SCHEMA = """
CREATE TABLE IF NOT EXISTS webhooks (
    work_id  TEXT PRIMARY KEY,
    state    TEXT NOT NULL,
    attempts INTEGER NOT NULL DEFAULT 0,
    due      REAL NOT NULL DEFAULT 0,
    since    REAL NOT NULL,
    error    TEXT NOT NULL DEFAULT '',
    client   TEXT NOT NULL DEFAULT '',
    document TEXT NOT NULL DEFAULT ''
);
CREATE INDEX IF NOT EXISTS webhooks_by_state ON webhooks (state, due);
"""
_ENTRY = ", ".join(Entry._fields)


class SqliteOutbox:
    """An `Outbox` in a file. Who has claimed what is known to this process alone."""

    def __init__(self, path: Path) -> None:
        self._file = SqliteFile(path, _SCHEMA, "the outbox of webhooks", UNAVAILABLE)
        self._claimed: set[str] = set()

    async def open(self) -> None:
        """Open the file, make it where it is not."""
        await self._file.open()
        await self._file.transact(_name_owners)

    async def close(self) -> None:
        """See `Outbox`."""
        await self._file.close()

    async def add(self, work_id: str, client: str, document: str) -> bool:
        """See `Outbox`."""
        return (
            await self._file.write(
                "INSERT INTO webhooks (work_id, state, since, client, document) "
                "VALUES (?, ?, ?, ?, ?) ON CONFLICT (work_id) DO NOTHING",
                *(work_id, State.EXPECTED, time.time(), client, document),
            )
            > 0
        )

    async def remove(self, work_id: str) -> None:
        """See `Outbox`."""
        await self._file.write("DELETE FROM webhooks WHERE work_id = ?", work_id)

    async def erase(self, work_id: str) -> None:
        """See `Outbox`."""
        await self.remove(work_id)
        await self._file.empty_log()

    async def find(self, work_id: str) -> Entry | None:
        """See `Outbox`."""
        found = await self._read("work_id = ?", work_id)
        return found[0] if found else None

    async def listed(self, client: str, state: State, after: str, limit: int) -> list[Entry]:
        """See `Outbox`."""
        return await self._read(
            "client = ? AND state = ? AND document > ? ORDER BY document LIMIT ?",
            *(client, state, after, limit),
        )

    async def expected(self, after: str, limit: int) -> list[Entry]:
        """See `Outbox`."""
        return await self._read(
            "state = ? AND work_id > ? ORDER BY work_id LIMIT ?",
            *(State.EXPECTED, after, limit),
        )

    async def ended(self, work_id: str) -> None:
        """See `Outbox`."""
        await self._file.write(
            "UPDATE webhooks SET state = ? WHERE work_id = ? AND state = ?",
            *(State.DUE, work_id, State.EXPECTED),
        )

    async def claim(self, limit: int, seconds: float) -> list[Entry]:
        """See `Outbox`; `seconds` mean nothing, since nobody else opens the file."""
        del seconds
        now = time.time()
        free = [entry for entry in await self._first_due(limit) if entry.due <= now][:limit]
        self._claimed.update(entry.work_id for entry in free)
        return free

    async def next_due(self) -> float | None:
        """See `Outbox`."""
        first = await self._first_due(1)
        return first[0].due if first else None

    async def settle(self, entry: Entry) -> None:
        """See `Outbox`."""
        await self._file.write(
            "UPDATE webhooks SET state = ?, attempts = ?, due = ?, error = ? WHERE work_id = ?",
            *(entry.state, entry.attempts, entry.due, entry.error, entry.work_id),
        )
        self._claimed.discard(entry.work_id)

    async def release(self, work_id: str) -> None:
        """See `Outbox`."""
        self._claimed.discard(work_id)

    async def sweep(self, before: float) -> None:
        """See `Outbox`."""
        await self._file.write("DELETE FROM webhooks WHERE since < ?", before)

    async def _first_due(self, limit: int) -> list[Entry]:
        found = await self._read(
            "state = ? ORDER BY due LIMIT ?",
            *(State.DUE, limit + len(self._claimed)),
        )
        return [entry for entry in found if entry.work_id not in self._claimed]

    async def _read(self, which: str, *values: object) -> list[Entry]:
        statement = f"SELECT {_ENTRY} FROM webhooks WHERE {which}"  # noqa: S608 - all ours
        rows = await self._file.read(statement, *values)
        return [Entry(work_id, State(state), *rest) for work_id, state, *rest in rows]


def _name_owners(database: sqlite3.Connection) -> None:
    """Take over a file whose webhooks do not say whose they are; such ones are in no list."""
    held = {name for _, name, *_ in database.execute("PRAGMA table_info(webhooks)")}
    for name in ("client", "document"):
        if name not in held:
            database.execute(f"ALTER TABLE webhooks ADD COLUMN {name} TEXT NOT NULL DEFAULT ''")
    database.execute(
        "CREATE INDEX IF NOT EXISTS webhooks_by_client ON webhooks (client, state, document)"
    )
