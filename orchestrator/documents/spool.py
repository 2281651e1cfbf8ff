"""A private file that a document's bytes are written to while they arrive."""

import asyncio
import contextlib
import fcntl
import hashlib
import logging
import os
import tempfile
import threading
from collections.abc import AsyncIterator
from pathlib import Path

from meshkit.errors import DependencyUnavailable, TooLarge
from orchestrator.documents.config import DocumentLimits

_log = logging.getLogger(__name__)

_PREFIX = "pagemesh-document-"


class Spool:
    """A temporary file of this process (mode 0600), made when it is needed, removed at the end.

    Attributes:
        size: bytes written so far.
    """

    def __init__(self, limits: DocumentLimits) -> None:
        self._folder = limits.scratch_dir
        self._limit = limits.max_document_bytes
        self._made: tuple[int, Path] | None = None
        self._closed = False
        self._writing = threading.Lock()  # a write that is cancelled goes on in its thread
        self._digest = hashlib.sha256()
        self.size = 0

    @classmethod
    @contextlib.asynccontextmanager
    async def create(cls, limits: DocumentLimits) -> AsyncIterator["Spool"]:
        """A new, empty spool in the limits' scratch folder."""
        spool = cls(limits)
        try:
            yield spool
        finally:
            await spool.close()

    @property
    def path(self) -> Path:
        """The file. Raises DependencyUnavailable: it cannot be made."""
        return self._file()[1]

    @property
    def sha256(self) -> str:
        """Lower-case hexadecimal SHA-256 of the bytes written so far."""
        return self._digest.hexdigest()

    async def write(self, chunk: bytes) -> None:
        """Appends bytes.

        Raises:
            TooLarge: DOCUMENT_TOO_LARGE; the chunk that would pass the limit is not written.
            DependencyUnavailable: the file cannot be made, or written: the disk is full, say.
        """
        self.check_size(self.size + len(chunk))
        try:
            await asyncio.to_thread(self._append, chunk)
        except OSError as error:
            raise disk_unavailable() from error

    async def close(self) -> None:
        """Remove the file, if it was made. Safe to call twice."""
        self._closed = True
        if self._made is not None or self._writing.locked():
            await asyncio.to_thread(self._discard)  # a disk that hangs must not hold up the loop

    def check_size(self, size: int) -> None:
        """
        Raises:
            TooLarge: DOCUMENT_TOO_LARGE, when a document has this many bytes.
        """
        if size > self._limit:
            raise TooLarge(
                f"the document has more than {self._limit:,} bytes, which is the limit: split it "
                "or compress its pictures",
                reason="DOCUMENT_TOO_LARGE",
                metadata={"limit_bytes": str(self._limit)},
            )

    def _file(self) -> tuple[int, Path]:
        if self._made is None:
            try:
                self._made = _make_locked(self._folder)
            except OSError as error:
                raise disk_unavailable() from error
        return self._made

    def _append(self, chunk: bytes) -> None:
        with self._writing:
            if self._closed:
                return
            descriptor, _ = self._file()
            self._digest.update(chunk)
            view = memoryview(chunk)
            while view:
                view = view[os.write(descriptor, view) :]
            self.size += len(chunk)

    def _discard(self) -> None:
        with self._writing:
            made, self._made = self._made, None
        if made is not None:
            _remove(*made)


def disk_unavailable() -> DependencyUnavailable:
    """What a client is told when the disk takes no document."""
    return DependencyUnavailable(
        "the document cannot be written to the orchestrator's disk now; send it again later",
        reason="STORAGE_UNAVAILABLE",
        retry_after=5.0,
    )


def _make_locked(folder: Path | None) -> tuple[int, Path]:
    """A new file with a lock: one without was left behind by a process that died; see `sweep`.

    A sweep of another process may take the file in the instant before it is locked; then it is
    gone from the folder, and the next one is made.
    """
    while True:
        descriptor, name = tempfile.mkstemp(prefix=_PREFIX, dir=folder)
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        if os.fstat(descriptor).st_nlink:
            return descriptor, Path(name)
        os.close(descriptor)


def _remove(descriptor: int, path: Path) -> None:
    path.unlink(missing_ok=True)
    os.close(descriptor)


def sweep(limits: DocumentLimits) -> int:
    """Removes the files of processes that died before they could.

    Returns:
        how many.
    """
    removed = 0
    folder = limits.scratch_dir or Path(tempfile.gettempdir())
    for path in folder.glob(_PREFIX + "*"):
        with contextlib.suppress(OSError), path.open("rb") as file:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            path.unlink()
            removed += 1
    if removed:
        _log.warning("removed documents left behind", extra={"count": removed})
    return removed
