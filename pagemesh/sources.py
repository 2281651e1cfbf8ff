"""What a caller may give as a document, and how it becomes a request."""

import asyncio
import contextlib
import os
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from io import BytesIO
from pathlib import Path
from typing import BinaryIO, TypedDict, TypeVar

from meshkit.errors import Forbidden, InvalidInput, NotFound, PagemeshError
from pagemesh.orchestrator.v1 import orchestrator_service_pb2 as pb
from pagemesh.priorities import Priority, priority_of

Source = str | os.PathLike[str] | bytes
"""A path, the document's bytes, or a location such as `https://host/form.pdf`."""

T = TypeVar("T")

CHUNK_BYTES = 1 << 20
MAX_DPI = 2**32 - 1
MAX_TIMEOUT_SECONDS = 1e9


class How(TypedDict, total=False):
    """How a document is to be read. Everything may be left out."""

    pipeline: str
    """Name of the pipeline; the orchestrator's default."""
    pages: str
    """Pages to read, `1-3,7`; all."""
    password: str
    """Opens a protected PDF."""
    dpi: int
    """Dots per inch at which PDF pages are rasterised; the orchestrator's default."""
    options: Mapping[str, str]
    """For steps: `{"ocr.tier": "fast"}`."""
    timeout: float
    """Seconds for the whole document; the pipeline's own limit."""
    request_id: str
    """Name of this piece of work; the orchestrator makes one."""
    filename: str
    """Of bytes, for people."""
    sha256: str
    """The document's bytes must have this digest, hexadecimal."""
    priority: Priority
    """Which of one's own documents is read first; normal."""


def spec_of(source: Source, how: How) -> pb.DocumentSpec:
    """The specification of a request.

    Raises:
        InvalidInput: a value that no request can carry.
    """
    dpi, timeout = how.get("dpi", 0), how.get("timeout")
    if not 0 <= dpi <= MAX_DPI:
        raise InvalidInput(f"dpi is {dpi}; it must not be negative", metadata={"field": "dpi"})
    location = location_of(source)
    named = "" if location or isinstance(source, bytes) else Path(source).name
    spec = pb.DocumentSpec(
        request_id=how.get("request_id", ""),
        location=location,
        filename=how.get("filename") or named,
        pipeline=how.get("pipeline", ""),
        password=how.get("password", ""),
        pages=how.get("pages", ""),
        dpi=dpi,
        options=how.get("options", {}),
        sha256=how.get("sha256", ""),
        priority=priority_of(how.get("priority", "")),
    )
    if timeout is not None:
        if not 0 < timeout < MAX_TIMEOUT_SECONDS:
            raise InvalidInput(
                f"timeout is {timeout:g} s; it must be more than 0", metadata={"field": "timeout"}
            )
        spec.timeout.FromNanoseconds(round(timeout * 1e9))
    return spec


def location_of(source: Source) -> str:
    """The source itself when it is a location; empty for a path or bytes."""
    return source if isinstance(source, str) and "://" in source else ""


async def read_whole(source: Source) -> bytes:
    """The document's bytes; none for a location. Raises as `open_source`."""
    if location_of(source):
        return b""
    if isinstance(source, bytes):
        return source
    return await _on_file(source, Path(source).read_bytes)


class Upload:
    """A document's bytes, a part at a time; none for a location."""

    def __init__(self, read: Callable[[int], Awaitable[bytes]]) -> None:
        self._read = read
        self._error: PagemeshError | None = None

    async def __aiter__(self) -> AsyncIterator[bytes]:
        try:
            while part := await self._read(CHUNK_BYTES):
                yield part
        except PagemeshError as error:
            self._error = error
            raise

    def raise_for_error(self) -> None:
        """Raise what ended the reading, if it did not end by itself."""
        if self._error is not None:
            raise self._error


@contextlib.asynccontextmanager
async def open_source(source: Source) -> AsyncIterator[Upload]:
    """A document to be uploaded.

    Raises:
        NotFound: there is no such file.
        Forbidden: it may not be read.
        InvalidInput: it is a folder, or the disk fails, also later while it is read.
    """
    with contextlib.ExitStack() as files:
        if isinstance(source, bytes):
            file: BinaryIO = BytesIO(source)
        elif location_of(source):
            file = BytesIO()
        else:
            opened = Path(source).open
            file = await _on_file(source, lambda: files.enter_context(opened("rb")))

        async def read(length: int) -> bytes:
            name = "the document" if isinstance(source, bytes) else source
            return await _on_file(name, lambda: file.read(length))

        yield Upload(read)


async def _on_file(path: str | os.PathLike[str], act: Callable[[], T]) -> T:
    try:
        return await asyncio.to_thread(act)
    except OSError as error:
        raise _file_error(os.fspath(path), error) from error


def _file_error(name: str, error: OSError) -> PagemeshError:
    match error:
        case FileNotFoundError():
            return NotFound(f"there is no file {name}", reason="DOCUMENT_NOT_FOUND")
        case IsADirectoryError():
            return InvalidInput(f"{name} is a folder; give a file", reason="NOT_A_FILE")
        case PermissionError():
            return Forbidden(f"{name} may not be read by this user", reason="FILE_NOT_READABLE")
    return InvalidInput(f"{name} cannot be read: {error.strerror}", reason="FILE_NOT_READABLE")
