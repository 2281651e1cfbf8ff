"""The bytes of uploaded documents that must outlive the process."""

import asyncio
import contextlib
import hashlib
import os
import shutil
from abc import ABC, abstractmethod
from collections.abc import Collection
from pathlib import Path

from orchestrator.documents.spool import Spool, disk_unavailable
from orchestrator.order import Order

_CHUNK_BYTES = 1024 * 1024


class Uploads(ABC):
    """The bytes of documents that the store keeps and that have no location."""

    @abstractmethod
    async def keep(self, order: Order) -> None:
        """Keep the bytes of an order. Raises DependencyUnavailable."""

    @abstractmethod
    async def drop(self, request_id: str) -> bool:
        """Forget the bytes of a document; whether they were kept."""

    @abstractmethod
    async def restore(self, request_id: str, spool: Spool) -> None:
        """Write kept bytes to a spool. Raises OSError when they are gone."""

    @abstractmethod
    async def drop_all_but(self, request_ids: Collection[str]) -> None:
        """Forget what belongs to none of these documents."""


class FolderUploads(Uploads):
    """A folder with one file for each document that the store keeps and that has no location."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    async def keep(self, order: Order) -> None:
        if not order.location:
            source, target = order.spool.path, self._path(order.request_id)
            try:
                await asyncio.to_thread(self._keep, source, target)
            except OSError as error:
                raise disk_unavailable() from error

    async def drop(self, request_id: str) -> bool:
        try:
            await asyncio.to_thread(self._path(request_id).unlink)
        except FileNotFoundError:
            return False
        return True

    async def restore(self, request_id: str, spool: Spool) -> None:
        with await asyncio.to_thread(self._path(request_id).open, "rb") as file:
            while chunk := await asyncio.to_thread(file.read, _CHUNK_BYTES):
                await spool.write(chunk)

    async def drop_all_but(self, request_ids: Collection[str]) -> None:
        await asyncio.to_thread(self._sweep, {self._path(each) for each in request_ids})

    def _path(self, request_id: str) -> Path:
        return self._folder / hashlib.sha256(request_id.encode()).hexdigest()

    def _keep(self, source: Path, target: Path) -> None:
        self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        target.unlink(missing_ok=True)
        try:
            os.link(source, target)
        except OSError:  # another file system, or one without links
            partial = target.with_suffix(".partial")
            try:
                shutil.copyfile(source, partial)
                partial.rename(target)
            finally:
                partial.unlink(missing_ok=True)

    def _sweep(self, kept: Collection[Path]) -> None:
        if self._folder.is_dir():
            for path in self._folder.iterdir():
                if path not in kept:
                    with contextlib.suppress(OSError):
                        path.unlink()
