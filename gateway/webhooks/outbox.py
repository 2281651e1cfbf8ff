"""Webhooks that are owed, in one SQLite file: on the disk before a document is taken."""

import sqlite3
import time
from collections.abc import Collection
from enum import StrEnum
from pathlib import Path
from typing import NamedTuple

from gateway.sqlite_file import SqliteFile

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


class State(StrEnum):
    """How far a webhook is."""

    EXPECTED = "expected"
    """The document is not at its end."""
    DUE = "due"
    """It is to be sent, now or again later."""
    DELIVERED = "delivered"
    DEAD = "dead"
    """It was given up."""


class Entry(NamedTuple):
    """A webhook.

    Attributes:
        work_id: of its document.
        state: how far it is.
        attempts: that were made.
        due: not before then; as `since`, the time of its making, in seconds of the Unix epoch.
        error: why the last attempt failed.
        client, document: whose document it is, and what that client calls it.
    """

    work_id: str
    state: State
    attempts: int
    due: float
    since: float
    error: str
    client: str
    document: str


class Outbox:
    """The file. Every method raises DependencyUnavailable when it cannot be used."""

    def __init__(self, path: Path) -> None:
        self._file = SqliteFile(path, _SCHEMA, "the outbox of webhooks", "WEBHOOKS_UNAVAILABLE")

    async def open(self) -> None:
        """Open the file, make it where it is not."""
        await self._file.open()
        await self._file.transact(_name_owners)

    async def close(self) -> None:
        """Close the file. May be repeated."""
        await self._file.close()

    async def add(self, work_id: str, client: str, document: str) -> bool:
        """Owe a document's webhook. False: it is owed, or was sent, already."""
        return (
            await self._file.write(
                "INSERT INTO webhooks (work_id, state, since, client, document) "
                "VALUES (?, ?, ?, ?, ?) ON CONFLICT (work_id) DO NOTHING",
                *(work_id, State.EXPECTED, time.time(), client, document),
            )
            > 0
        )

    async def remove(self, work_id: str) -> None:
        """Owe nothing any more."""
        await self._file.write("DELETE FROM webhooks WHERE work_id = ?", work_id)

    async def erase(self, work_id: str) -> None:
        """Owe nothing, and leave nothing of it in what the file was written with."""
        await self.remove(work_id)
        await self._file.empty_log()

    async def find(self, work_id: str) -> Entry | None:
        """A document's webhook."""
        found = await self._read("SELECT * FROM webhooks WHERE work_id = ?", work_id)
        return found[0] if found else None

    async def listed(self, client: str, state: State, after: str, limit: int) -> list[Entry]:
        """A client's webhooks that are so far, by document, beyond `after`."""
        return await self._read(
            "SELECT * FROM webhooks WHERE client = ? AND state = ? AND document > ? "
            "ORDER BY document LIMIT ?",
            *(client, state, after, limit),
        )

    async def expected(self, after: str, limit: int) -> list[Entry]:
        """Webhooks of documents that were not at their end, by work id, beyond `after`."""
        return await self._read(
            "SELECT * FROM webhooks WHERE state = ? AND work_id > ? ORDER BY work_id LIMIT ?",
            *(State.EXPECTED, after, limit),
        )

    async def due(self, limit: int, apart_from: Collection[str]) -> list[Entry]:
        """Those to be sent first, due or not, without some."""
        found = await self._read(
            "SELECT * FROM webhooks WHERE state = ? ORDER BY due LIMIT ?",
            *(State.DUE, limit + len(apart_from)),
        )
        return [entry for entry in found if entry.work_id not in apart_from][:limit]

    async def ended(self, work_id: str) -> None:
        """The document is at its end: its webhook is due."""
        await self._file.write(
            "UPDATE webhooks SET state = ? WHERE work_id = ? AND state = ?",
            *(State.DUE, work_id, State.EXPECTED),
        )

    async def settle(self, entry: Entry) -> None:
        """Keep what came of an attempt."""
        await self._file.write(
            "UPDATE webhooks SET state = ?, attempts = ?, due = ?, error = ? WHERE work_id = ?",
            *(entry.state, entry.attempts, entry.due, entry.error, entry.work_id),
        )

    async def sweep(self, before: float) -> None:
        """Forget those that were made before then."""
        await self._file.write("DELETE FROM webhooks WHERE since < ?", before)

    async def _read(self, statement: str, *values: object) -> list[Entry]:
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
