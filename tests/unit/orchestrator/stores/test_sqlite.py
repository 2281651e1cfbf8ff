"""What is special of the store in a file."""

import sqlite3
from pathlib import Path

import pytest

from orchestrator.records import Entry
from orchestrator.stores.sqlite import SqliteStore
from pagemesh.orchestrator.v1.document_pb2 import (
    PAGE_OUTCOME_OK,
    PageResult,
    PipelineIdentity,
)


async def take(store: SqliteStore, name: str, total: int) -> None:
    await store.create(Entry(name, "print", PipelineIdentity(name="text", version="1"), "a.pdf"))
    await store.begin(name, "00")
    await store.opened(name, "application/pdf", total)


async def test_second_process_is_kept_out(tmp_path: Path) -> None:
    store = SqliteStore(tmp_path / "state" / "documents.sqlite3")
    await store.open()
    other = SqliteStore(tmp_path / "state" / "documents.sqlite3")
    with pytest.raises(OSError, match="in use by another orchestrator"):
        await other.open()
    await other.close()
    await store.close()


async def test_a_file_of_the_release_before_is_read_and_one_of_a_later_is_refused(
    tmp_path: Path,
) -> None:
    """Version 2 is the layout without client, trace and key of reuse."""
    path = tmp_path / "documents.sqlite3"
    store = SqliteStore(path)
    await store.open()
    await take(store, "old", 2)
    await store.add_pages("old", [PageResult(page_number=1, outcome=PAGE_OUTCOME_OK)])
    await store.close()
    with sqlite3.connect(path) as database:
        database.execute("DROP INDEX documents_by_reuse")
        database.execute("ALTER TABLE documents DROP COLUMN reuse_key")
        database.execute("ALTER TABLE documents DROP COLUMN client")
        database.execute("ALTER TABLE documents DROP COLUMN traceparent")
        database.execute("PRAGMA user_version = 2")
    database.close()

    store = SqliteStore(path)
    await store.open()
    found = await store.get("old")
    assert (found.client, found.traceparent, found.document.pages.ok) == ("", "", 1)
    await take(store, "new", 1)
    await store.close()

    with sqlite3.connect(path) as database:
        database.execute("PRAGMA user_version = 99")
    database.close()
    store = SqliteStore(path)
    with pytest.raises(OSError, match="layout 99"):
        await store.open()
    await store.close()
