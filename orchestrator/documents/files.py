"""Documents at `file://` locations, under the operator's folders only."""

import asyncio
import os
import stat
from pathlib import Path
from urllib.parse import SplitResult, unquote

from meshkit.errors import Forbidden, InvalidInput, NotFound
from orchestrator.documents.config import DocumentLimits
from orchestrator.documents.spool import Spool

_CHUNK_BYTES = 1024 * 1024


async def copy(parts: SplitResult, name: str, spool: Spool, limits: DocumentLimits) -> None:
    """Writes the file's bytes to the spool.

    Links and `..` are followed first, and where they lead must lie under one of `file_roots`.
    Outside of them nothing is told about a file, not even whether it exists.

    Args:
        parts: the location, split.
        name: the location as it may be shown.
    """
    path = _path(parts, name)
    descriptor = await asyncio.to_thread(_open, path, name, limits)
    try:
        spool.check_size(os.fstat(descriptor).st_size)
        while chunk := await asyncio.to_thread(os.read, descriptor, _CHUNK_BYTES):
            await spool.write(chunk)
    finally:
        os.close(descriptor)


def _path(parts: SplitResult, name: str) -> Path:
    path = unquote(parts.path)
    if parts.netloc not in ("", "localhost") or not path.startswith("/"):
        raise _malformed(f"{name}: a file location is file:///path, with an absolute path")
    if parts.query or parts.fragment or "\0" in path:
        raise _malformed(f"{name}: in a file location, ? and # must be percent-encoded")
    return Path(path)


def _open(path: Path, name: str, limits: DocumentLimits) -> int:
    roots = [root.resolve() for root in limits.file_roots]
    _check_root(path.resolve(), roots, name)
    try:
        # A named pipe must not hold the orchestrator up.
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except (FileNotFoundError, NotADirectoryError) as error:
        raise NotFound(f"{name}: there is no such file", reason="DOCUMENT_NOT_FOUND") from error
    except OSError as error:
        raise Forbidden(
            f"{name}: the orchestrator may not read this file", reason="ACCESS_DENIED"
        ) from error
    try:
        # A link may have been changed since; what was opened is what counts.
        _check_root(Path(f"/proc/self/fd/{descriptor}").resolve(), roots, name)
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise InvalidInput(
                f"{name}: this is no regular file",
                reason="NOT_A_FILE",
                metadata={"field": "location"},
            )
    except BaseException:
        os.close(descriptor)
        raise
    return descriptor


def _check_root(path: Path, roots: list[Path], name: str) -> None:
    if not any(path.is_relative_to(root) for root in roots):
        raise Forbidden(
            f"{name}: files from there are not taken; the operator's file_roots say from where",
            reason="LOCATION_NOT_ALLOWED",
            metadata={"field": "location"},
        )


def _malformed(message: str) -> InvalidInput:
    return InvalidInput(message, reason="MALFORMED_LOCATION", metadata={"field": "location"})
