"""A SQLite file of the gateway: one thread works on it, and what is written is on the disk."""

import asyncio
import sqlite3
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, TypeVar

from meshkit.errors import DependencyUnavailable

T = TypeVar("T")


class SqliteFile:
    """A file and its thread. Every method raises DependencyUnavailable when it cannot be used.

    Args:
        path: of the file; its folder is made.
        schema: statements that make tables where they are not.
        what: is said not to be had when the file cannot be used, as `the queue of documents`.
        reason: of that error, for machines.
    """

    def __init__(self, path: Path, schema: str, what: str, reason: str) -> None:
        self._path, self._schema = path, schema
        self._what, self._reason = what, reason
        self._thread = ThreadPoolExecutor(1, thread_name_prefix=f"gateway-{path.stem}")
        self._database: sqlite3.Connection | None = None

    async def open(self) -> None:
        """Open the file, make it where it is not."""
        await self._on_thread(self._open)

    async def close(self) -> None:
        """Close the file. May be repeated."""
        database, self._database = self._database, None
        if database is not None:
            await asyncio.get_running_loop().run_in_executor(self._thread, database.close)
        self._thread.shutdown()

    async def read(self, statement: str, *values: object) -> list[Any]:
        """The rows that a statement finds."""
        return await self._on_thread(lambda: self._opened.execute(statement, values).fetchall())

    async def write(self, statement: str, *values: object) -> int:
        """How many rows a statement changed; they are on the disk."""
        return await self.transact(lambda database: database.execute(statement, values).rowcount)

    async def transact(self, act: Callable[[sqlite3.Connection], T]) -> T:
        """What `act` returns of a transaction, which is taken back if it raises."""

        def whole() -> T:
            with self._opened as database:
                return act(database)

        return await self._on_thread(whole)

    async def empty_log(self) -> None:
        """Move the log beside the file into it: nothing that was deleted is left in either."""
        await self.read("PRAGMA wal_checkpoint(TRUNCATE)")

    @property
    def _opened(self) -> sqlite3.Connection:
        if self._database is None:
            raise sqlite3.ProgrammingError(f"{self._path} is closed")
        return self._database

    def _open(self) -> None:
        self._path.parent.mkdir(parents=True, exist_ok=True)
        database = sqlite3.connect(self._path, check_same_thread=False, timeout=10)
        database.execute("PRAGMA journal_mode = WAL")
        database.execute("PRAGMA synchronous = FULL")
        database.execute("PRAGMA foreign_keys = ON")
        # What is deleted is written over: documents that were erased, or whose time is over.
        database.execute("PRAGMA secure_delete = ON")
        database.executescript(self._schema)
        self._database = database

    async def _on_thread(self, act: Callable[[], T]) -> T:
        try:
            return await asyncio.get_running_loop().run_in_executor(self._thread, act)
        except (sqlite3.Error, OSError, RuntimeError) as error:
            raise DependencyUnavailable(
                f"{self._what} cannot be used now; try again", reason=self._reason
            ) from error
