"""A result's content while it is put together: in memory, and on disk once it is large."""

import hashlib
import tempfile
from pathlib import Path
from types import TracebackType
from typing import IO


class Content:
    """Use it as a context manager; it is gone at the end.

    Args:
        most_in_memory: bytes; with more it is in a file.
        folder: for the file; None: the system's.

    Attributes:
        size: bytes so far.
        path: of the file; None while everything is in memory.
    """

    def __init__(self, most_in_memory: int, folder: Path | None) -> None:
        self._most_in_memory = most_in_memory
        self._folder = folder
        self._digest = hashlib.sha256()
        self._kept = bytearray()
        self._file: IO[bytes] | None = None
        self.size = 0
        self.path: Path | None = None

    def __enter__(self) -> "Content":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._file is not None:
            self._file.close()

    def write(self, piece: bytes) -> None:
        """Append. Raises OSError."""
        self.size += len(piece)
        if self.size <= self._most_in_memory:
            self._kept += piece
            return
        if self._file is None:
            self._file = tempfile.NamedTemporaryFile(  # noqa: SIM115 - closed at the end
                dir=self._folder, prefix="pagemesh-result-"
            )
            self.path = Path(self._file.name)
            self._append(self._file, self._kept)
            self._kept.clear()
        self._append(self._file, piece)

    def flush(self) -> None:
        """The file, if there is one, has everything."""
        if self._file is not None:
            self._file.flush()

    def _append(self, file: IO[bytes], piece: bytes | bytearray) -> None:
        self._digest.update(piece)
        file.write(piece)

    @property
    def sha256(self) -> str:
        """Lower-case hexadecimal digest of what is in the file."""
        return self._digest.hexdigest()

    @property
    def value(self) -> bytes:
        """What was written, while it is in memory."""
        return bytes(self._kept)
