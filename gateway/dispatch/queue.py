"""A durable queue in one SQLite file: the ids of documents that are to be delivered."""

import asyncio
import sqlite3
import time
from collections.abc import Callable, Collection
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from meshkit.errors import DependencyUnavailable

T = TypeVar("T")

_SCHEMA = """
CREATE TABLE IF NOT EXISTS deliveries (
    work_id  TEXT PRIMARY KEY,
    place    INTEGER NOT NULL,
    attempts INTEGER NOT NULL DEFAULT 0,
    due      REAL NOT NULL DEFAULT 0
);
CREATE INDEX IF NOT EXISTS deliveries_by_place ON deliveries (place);
"""


@dataclass(frozen=True, slots=True)
class Delivery:
    """A document that is to be delivered.

    Attributes:
        work_id: which.
        attempts: that were made in vain.
        due: not before then, in seconds of the Unix epoch.
    """

    work_id: str
    attempts: int
    due: float


class Queue:
    """First in, first out, but for those that wait for another attempt. On the disk when told."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="gateway-queue")
        self._database: sqlite3.Connection | None = None

    async def open(self) -> None:
        """Open the file, make it where it is not. Raises DependencyUnavailable."""
        await self._run(self._open)

    async def close(self) -> None:
        """Close the file. May be repeated."""
        database, self._database = self._database, None
        if database is not None:
            await asyncio.get_running_loop().run_in_executor(self._thread, database.close)
        self._thread.shutdown()

    async def put(self, work_id: str) -> None:
        """Add a document; nothing happens when it is there. Raises DependencyUnavailable."""
        await self._write(
            "INSERT INTO deliveries (work_id, place) "
            "VALUES (?, (SELECT COALESCE(MAX(place), 0) + 1 FROM deliveries)) "
            "ON CONFLICT (work_id) DO NOTHING",
            work_id,
        )

    async def next(self, limit: int, apart_from: Collection[str]) -> list[Delivery]:
        """The first documents, due or not, without those. Raises DependencyUnavailable."""
        rows = await self._run(
            lambda: self._opened.execute(
                "SELECT work_id, attempts, due FROM deliveries ORDER BY due > ?, place LIMIT ?",
                (time.time(), limit + len(apart_from)),
            ).fetchall()
        )
        return [Delivery(*row) for row in rows if row[0] not in apart_from][:limit]

    async def postpone(self, work_id: str, attempts: int, due: float) -> None:
        """Try again later. Raises DependencyUnavailable."""
        await self._write(
            "UPDATE deliveries SET attempts = ?, due = ? WHERE work_id = ?", attempts, due, work_id
        )

    async def remove(self, work_id: str) -> None:
        """The document needs no delivery any more. Raises DependencyUnavailable."""
        await self._write("DELETE FROM deliveries WHERE work_id = ?", work_id)

    @property
    def _opened(self) -> sqlite3.Connection:
        if self._database is None:
            raise sqlite3.ProgrammingError("the queue is closed")
        return self._database

    def _open(self) -> None:
        self._path.parent.mkdir(parents=True, exist_ok=True)
        database = sqlite3.connect(self._path, check_same_thread=False, timeout=10)
        database.execute("PRAGMA journal_mode = WAL")
        database.execute("PRAGMA synchronous = FULL")
        database.executescript(_SCHEMA)
        self._database = database

    async def _write(self, statement: str, *values: object) -> None:
        def act() -> None:
            with self._opened as database:
                database.execute(statement, values)

        await self._run(act)

    async def _run(self, act: Callable[[], T]) -> T:
        try:
            return await asyncio.get_running_loop().run_in_executor(self._thread, act)
        except (sqlite3.Error, OSError, RuntimeError) as error:
            raise DependencyUnavailable(
                "the queue of documents cannot be used now; try again", reason="QUEUE_UNAVAILABLE"
            ) from error
