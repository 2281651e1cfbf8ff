"""Which record of a queue owns a request id: it alone is answered."""

import asyncio
import sqlite3
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, TypeVar

from orchestrator.sources.gathering import Gathering

ResultT = TypeVar("ResultT")

_SCHEMA = """
CREATE TABLE IF NOT EXISTS claims (
    request_id  TEXT PRIMARY KEY,
    owner       TEXT NOT NULL,
    fingerprint TEXT NOT NULL,
    claimed_ns  INTEGER NOT NULL
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS claims_by_time ON claims (claimed_ns);
"""


@dataclass(frozen=True, slots=True)
class Claim:
    """Who owns a request id.

    Attributes:
        owner: a record's place, `topic/partition/offset`.
        fingerprint: digest of what it asks for.
    """

    owner: str
    fingerprint: str


@dataclass(frozen=True, slots=True)
class Wish:
    """A claim that is to be made.

    Attributes:
        takes_over: whether it is made even when the request id is another's.
    """

    request_id: str
    claim: Claim
    takes_over: bool


class Claims(Protocol):
    """Claims of every orchestrator that reads the same topic."""

    async def open(self) -> None:
        """Make them ready; forget what is older than the retention.

        Raises OSError, sqlite3.Error.
        """

    async def close(self) -> None:
        """Close them. Safe to call twice and without `open`."""

    async def claim(self, request_id: str, claim: Claim, *, takes_over: bool) -> Claim:
        """Claim a request id; returns whose it is now: the first claim's, unless it is taken over.

        Raises OSError, sqlite3.Error: the claims cannot be had now.
        """


class LocalClaims:
    """Claims of one orchestrator, in a file of its own."""

    def __init__(self, path: Path, *, retention_seconds: float) -> None:
        self._path = path
        self._retention_ns = int(retention_seconds * 1e9)
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="claims")
        self._database: sqlite3.Connection | None = None
        self._gathering = Gathering(self._claim_all)

    async def open(self) -> None:
        """Open the file; forget what is older than the retention. Raises sqlite3.Error."""
        await self._run(self._open)

    async def close(self) -> None:
        """Close the file. Safe to call twice and without `open`."""
        database, self._database = self._database, None
        if database is not None:
            await self._run(database.close)
            self._thread.shutdown(wait=False)

    async def claim(self, request_id: str, claim: Claim, *, takes_over: bool) -> Claim:
        """See `Claims`."""
        return await self._gathering.want(Wish(request_id, claim, takes_over))

    async def _claim_all(self, wishes: Sequence[Wish]) -> list[Claim]:
        return await self._run(self._claim_at_once, wishes)

    async def _run(self, function: Callable[..., ResultT], *arguments: object) -> ResultT:
        return await asyncio.get_running_loop().run_in_executor(self._thread, function, *arguments)

    def _open(self) -> None:
        self._path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        database = sqlite3.connect(self._path, check_same_thread=False, isolation_level=None)
        database.execute("PRAGMA journal_mode = WAL")
        database.execute("PRAGMA synchronous = NORMAL")
        database.executescript(_SCHEMA)
        too_old = time.time_ns() - self._retention_ns
        database.execute("DELETE FROM claims WHERE claimed_ns < ?", (too_old,))
        self._database = database

    def _claim_at_once(self, wishes: Sequence[Wish]) -> list[Claim]:
        """In one transaction."""
        if self._database is None:
            raise sqlite3.ProgrammingError("the claims are not open")
        self._database.execute("BEGIN IMMEDIATE")
        with self._database:
            return [_claimed(self._database, wish) for wish in wishes]


def _claimed(database: sqlite3.Connection, wish: Wish) -> Claim:
    insert = "INSERT OR REPLACE" if wish.takes_over else "INSERT OR IGNORE"
    claim = wish.claim
    inserted = database.execute(
        f"{insert} INTO claims VALUES (?, ?, ?, ?)",
        (wish.request_id, claim.owner, claim.fingerprint, time.time_ns()),
    )
    if inserted.rowcount:
        return claim
    row = database.execute(
        "SELECT owner, fingerprint FROM claims WHERE request_id = ?", (wish.request_id,)
    ).fetchone()
    return Claim(*row)
