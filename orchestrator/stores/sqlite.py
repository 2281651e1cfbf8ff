"""Documents and their finished pages on disk, so that neither a restart nor a long document hurts.

SQLite with a write-ahead log, used from one thread of its own. A finished page is one row, written
at once; nothing else keeps it. Without power loss nothing written is lost (`synchronous=NORMAL`).
"""

import asyncio
import sqlite3
from collections.abc import Callable, Collection, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TypeVar

from orchestrator.records import Ending, Entry, Erased, Keeper, Record
from orchestrator.stores.base import DocumentStore, StoreFailed
from orchestrator.stores.sqlite_file import StoreFile
from orchestrator.stores.sqlite_tables import Tables
from pagemesh.orchestrator.v1.document_pb2 import Document, PageResult

ResultT = TypeVar("ResultT")


class SqliteStore(DocumentStore):
    """The store of one orchestrator, in a file."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="document-store")
        self._file: StoreFile | None = None
        self._is_closed = False

    async def open(self) -> None:
        self._file = await self._on_thread(StoreFile, self._path)

    async def close(self) -> None:
        if not self._is_closed:
            self._is_closed = True
            file, self._file = self._file, None
            if file is not None:
                await self._on_thread(file.close)
            self._thread.shutdown(wait=False)

    async def create(self, entry: Entry) -> None:
        await self._run(self._tables.create, entry)

    async def take_over(self, request_id: str) -> None:
        """Nobody else uses the file."""

    async def set_keeper(self, request_id: str, keeper: Keeper) -> None:
        await self._run(self._tables.update, request_id, "keeper = ?", (keeper,))

    async def begin(self, request_id: str, sha256: str) -> None:
        await self._run(self._tables.begin, request_id, sha256)

    async def opened(self, request_id: str, media_type: str, total: int) -> None:
        columns, values = "media_type = ?, total = ?", (media_type, total)
        await self._run(self._tables.update, request_id, columns, values)

    async def add_pages(self, request_id: str, pages: Sequence[PageResult]) -> None:
        await self._run(self._tables.add_pages, request_id, pages)

    async def end(self, request_id: str, ending: Ending) -> Document:
        return await self._run(self._tables.end, request_id, ending)

    async def find(self, request_id: str) -> Record | None:
        return await self._run(self._tables.find, request_id)

    async def pages_after(
        self, request_id: str, sequence: int, limit: int
    ) -> list[tuple[int, PageResult]]:
        return await self._run(self._tables.pages_after, request_id, sequence, limit)

    async def pages_from(
        self, request_id: str, page_number: int, limit: int, max_bytes: int
    ) -> tuple[list[PageResult], bool]:
        return await self._run(self._tables.pages_from, request_id, page_number, limit, max_bytes)

    async def finished_pages(self, request_id: str) -> frozenset[int]:
        return await self._run(self._tables.finished_pages, request_id)

    async def set_reuse_key(self, request_id: str, key: str) -> None:
        await self._run(self._tables.update, request_id, "reuse_key = ?", (key,))

    async def find_reusable(self, key: str) -> Document | None:
        return await self._run(self._tables.find_reusable, key)

    async def end_unfinished(self, ending: Ending, *, at_work: Collection[str]) -> int:
        return await self._run(self._tables.end_unfinished, ending, at_work)

    async def take_unfinished(self, keeper: Keeper, *, at_work: Collection[str]) -> list[Record]:
        return await self._run(self._tables.unfinished, keeper, at_work)

    async def delete_ended_before(self, moment: float) -> int:
        return await self._run(self._tables.delete_ended_before, moment)

    async def erase(self, request_id: str) -> list[Erased]:
        documents, pages = await self._run(self._tables.erase, request_id)
        return [
            Erased(f"documents in {self._path.name}", documents),
            Erased(f"pages in {self._path.name}", pages),
        ]

    async def _run(self, function: Callable[..., ResultT], *arguments: object) -> ResultT:
        """Raises StoreFailed: the disk is full, or fails."""
        try:
            return await self._on_thread(function, *arguments)
        except sqlite3.OperationalError as error:
            raise StoreFailed from error

    async def _on_thread(self, function: Callable[..., ResultT], *arguments: object) -> ResultT:
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._thread, function, *arguments)

    @property
    def _tables(self) -> Tables:
        if self._file is None:
            raise RuntimeError("the document store is not open")
        return self._file.tables
