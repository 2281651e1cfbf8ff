"""An upload while it comes in."""

import asyncio
import contextlib
import hashlib
import os
import tempfile
from collections.abc import AsyncIterator
from pathlib import Path

from meshkit.errors import DependencyUnavailable, TooLarge

PREFIX = "incoming-"
_BUFFER_BYTES = 1024 * 1024


class Incoming:
    """A file that is written as its bytes come in; memory does not grow with it.

    Attributes:
        path: where it is.
        size: bytes so far.
        filename: as its client calls it; empty when it does not say.
    """

    def __init__(self, descriptor: int, path: Path, limit: int) -> None:
        self._descriptor = descriptor
        self._limit = limit
        self._digest = hashlib.sha256()
        self._buffer = bytearray()
        self.path = path
        self.size = 0
        self.filename = ""

    @classmethod
    @contextlib.asynccontextmanager
    async def create(cls, folder: Path, limit: int) -> AsyncIterator["Incoming"]:
        """A file in the folder; removed at the end, unless it was moved.

        Args:
            folder: is made where it is not.
            limit: bytes at most.

        Raises:
            DependencyUnavailable: STORAGE_UNAVAILABLE.
        """
        try:
            descriptor, path = await asyncio.to_thread(_make, folder)
        except OSError as error:
            raise storage_unavailable() from error
        try:
            yield cls(descriptor, path, limit)
        finally:
            await asyncio.to_thread(_remove, descriptor, path)

    @property
    def sha256(self) -> str:
        """Of the bytes so far, lower-case hexadecimal."""
        return self._digest.hexdigest()

    async def write(self, data: bytes) -> None:
        """Add bytes.

        Raises:
            TooLarge: they are too many by now.
            DependencyUnavailable: the disk is full, or fails.
        """
        self.size += len(data)
        if self.size > self._limit:
            raise too_large(self._limit)
        self._buffer += data
        if len(self._buffer) >= _BUFFER_BYTES:
            await self._flush()

    async def finish(self) -> None:
        """Put all bytes on the disk. Raises DependencyUnavailable."""
        await self._flush()
        try:
            await asyncio.to_thread(os.fsync, self._descriptor)
        except OSError as error:
            raise storage_unavailable() from error

    async def _flush(self) -> None:
        data, self._buffer = self._buffer, bytearray()
        try:
            await asyncio.to_thread(self._append, data)
        except OSError as error:
            raise storage_unavailable() from error

    def _append(self, data: bytearray) -> None:
        self._digest.update(data)
        view = memoryview(data)
        while view:
            view = view[os.write(self._descriptor, view) :]


def _make(folder: Path) -> tuple[int, Path]:
    folder.mkdir(parents=True, exist_ok=True)
    descriptor, name = tempfile.mkstemp(prefix=PREFIX, dir=folder)
    return descriptor, Path(name)


def _remove(descriptor: int, path: Path) -> None:
    os.close(descriptor)
    path.unlink(missing_ok=True)


def too_large(limit: int) -> TooLarge:
    """What a client is told of an upload beyond the limit."""
    return TooLarge(
        f"file: the document is larger than {limit} bytes; send a location instead",
        reason="DOCUMENT_TOO_LARGE",
        metadata={"field": "file", "limit_bytes": str(limit)},
    )


def storage_unavailable() -> DependencyUnavailable:
    """What a client is told of trouble with the disk or the bucket."""
    return DependencyUnavailable(
        "uploads cannot be stored now; try again, or send a location",
        reason="STORAGE_UNAVAILABLE",
        retry_after=5.0,
    )
