"""A durable queue in one SQLite file: the ids of documents that are to be delivered."""

import time
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

from gateway.sqlite_file import SqliteFile

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
    """First in, first out, but for those that wait for another attempt. On the disk when told.

    Every method raises DependencyUnavailable when the file cannot be used.
    """

    def __init__(self, path: Path) -> None:
        self._file = SqliteFile(path, _SCHEMA, "the queue of documents", "QUEUE_UNAVAILABLE")

    async def open(self) -> None:
        """Open the file, make it where it is not."""
        await self._file.open()

    async def close(self) -> None:
        """Close the file. May be repeated."""
        await self._file.close()

    async def put(self, work_id: str) -> None:
        """Add a document; nothing happens when it is there."""
        await self._file.write(
            "INSERT INTO deliveries (work_id, place) "
            "VALUES (?, (SELECT COALESCE(MAX(place), 0) + 1 FROM deliveries)) "
            "ON CONFLICT (work_id) DO NOTHING",
            work_id,
        )

    async def next(self, limit: int, apart_from: Collection[str]) -> list[Delivery]:
        """The first documents, due or not, without those."""
        rows = await self._file.read(
            "SELECT work_id, attempts, due FROM deliveries ORDER BY due > ?, place LIMIT ?",
            *(time.time(), limit + len(apart_from)),
        )
        return [Delivery(*row) for row in rows if row[0] not in apart_from][:limit]

    async def postpone(self, work_id: str, attempts: int, due: float) -> None:
        """Try again later."""
        await self._file.write(
            "UPDATE deliveries SET attempts = ?, due = ? WHERE work_id = ?", attempts, due, work_id
        )

    async def remove(self, work_id: str) -> None:
        """The document needs no delivery any more."""
        await self._file.write("DELETE FROM deliveries WHERE work_id = ?", work_id)

    async def erase(self, work_id: str) -> None:
        """Remove a document, and its name from what the file was written with."""
        await self.remove(work_id)
        await self._file.empty_log()
