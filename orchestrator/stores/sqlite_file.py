"""The file of the SQLite store: its layout, made or taken over, and the lock on it."""

import contextlib
import fcntl
import sqlite3
from pathlib import Path
from typing import TextIO

from orchestrator.stores.sqlite_tables import Tables

_SCHEMA_VERSION = 4
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
    traceparent TEXT NOT NULL DEFAULT '',
    reuse_key   TEXT NOT NULL DEFAULT ''
) WITHOUT ROWID;
CREATE INDEX documents_by_end ON documents (ended_ns);
CREATE INDEX documents_by_reuse ON documents (reuse_key) WHERE reuse_key <> '';
CREATE TABLE pages (
    sequence    INTEGER PRIMARY KEY AUTOINCREMENT,
    request_id  TEXT NOT NULL REFERENCES documents (request_id) ON DELETE CASCADE,
    page_number INTEGER NOT NULL,
    can_retry   INTEGER NOT NULL,
    result      BLOB NOT NULL,
    UNIQUE (request_id, page_number)
);
"""

_FROM_3 = """
ALTER TABLE documents ADD COLUMN reuse_key TEXT NOT NULL DEFAULT '';
CREATE INDEX documents_by_reuse ON documents (reuse_key) WHERE reuse_key <> '';
"""
_FROM_2 = (
    """
ALTER TABLE documents ADD COLUMN client TEXT NOT NULL DEFAULT '';
ALTER TABLE documents ADD COLUMN traceparent TEXT NOT NULL DEFAULT '';
"""
    + _FROM_3
)
"""Make the layout of now of that of an earlier version."""


class StoreFile:
    """An open file that no other process uses.

    Attributes:
        tables: what is in it.
    """

    def __init__(self, path: Path) -> None:
        """Open the file, and make it when it is not there. Raises OSError or sqlite3.Error."""
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        with contextlib.ExitStack() as opened:
            self._lock_file = opened.enter_context(_locked(path))
            self._database = _opened(path)
            opened.pop_all()
        self.tables = Tables(self._database)

    def close(self) -> None:
        self._database.close()
        self._lock_file.close()


def _opened(path: Path) -> sqlite3.Connection:
    database = sqlite3.connect(path, check_same_thread=False, isolation_level=None)
    database.execute("PRAGMA journal_mode = WAL")
    database.execute("PRAGMA synchronous = NORMAL")
    database.execute("PRAGMA foreign_keys = ON")
    # What is deleted is written over: documents that were erased, or whose time is over.
    database.execute("PRAGMA secure_delete = ON")
    database.execute("PRAGMA busy_timeout = 5000")
    version = database.execute("PRAGMA user_version").fetchone()[0]
    changes = {0: _SCHEMA, 2: _FROM_2, 3: _FROM_3}
    if version in changes:
        database.executescript(
            f"BEGIN; {changes[version]} PRAGMA user_version = {_SCHEMA_VERSION}; COMMIT;"
        )
    elif version != _SCHEMA_VERSION:
        database.close()
        raise OSError(
            f"{path} has the layout {version} of another release; this one knows "
            f"{_SCHEMA_VERSION}: move the file away or start the other release"
        )
    return database


def _locked(path: Path) -> TextIO:
    """Refuse to share the store: another process would take our work for cut off."""
    lock = path.with_suffix(".lock").open("w")
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        lock.close()
        raise OSError(f"{path.parent} is in use by another orchestrator") from error
    return lock
