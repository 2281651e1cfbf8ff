"""An open document and its pages."""

import asyncio
import logging
import signal
import stat
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from meshkit.errors import (
    Cancelled,
    DependencyUnavailable,
    Forbidden,
    Internal,
    InvalidDocument,
    InvalidInput,
    InvalidPage,
    NotFound,
    PagemeshError,
    TooLarge,
)
from meshkit.model import Image
from orchestrator.documents import kinds, protocol
from orchestrator.documents.config import DocumentLimits
from orchestrator.documents.pool import BadAnswer, Worker, WorkerGone, WorkerPool

__all__ = ["OpenDocument", "PageInfo", "RenderedPage", "WorkerPool", "open_document"]

_log = logging.getLogger(__name__)

_CLASSES: dict[str, type[PagemeshError]] = {
    "document": InvalidDocument,
    "page": InvalidPage,
    "too_large": TooLarge,
}


@dataclass(frozen=True, slots=True)
class PageInfo:
    """What is known of a page before it is rasterised.

    Attributes:
        number: from 1.
        width, height: pixels that `render` will give for the same `dpi`.
        dpi: of those pixels; 0 when unknown. A PDF page too big for the limits at the resolution
            asked for has a lower one. Pages of image files have their own, whatever is asked for.
        is_grey: known to be grey. A page of which this is false may still turn out grey, so it
            tells how much memory the page can take at most.
    """

    number: int
    width: int
    height: int
    dpi: float
    is_grey: bool


@dataclass(frozen=True, slots=True)
class RenderedPage:
    """A page's pixels.

    Attributes:
        number: from 1.
        image: (height, width) when the page is grey, else (height, width, 3) BGR; uint8,
            255 = paper white, EXIF orientation applied, pixels square.
        dpi: dots per inch; 0 when unknown.
    """

    number: int
    image: Image
    dpi: float


async def open_document(
    path: Path, *, limits: DocumentLimits, password: str | None = None, workers: WorkerPool
) -> "OpenDocument":
    """Opens a document: PDF, TIFF, PNG, JPEG or WebP, found from its content.

    Raises:
        InvalidDocument: EMPTY_DOCUMENT, UNSUPPORTED_MEDIA_TYPE, CORRUPT_DOCUMENT,
            TRUNCATED_DOCUMENT, NO_PAGES, PASSWORD_REQUIRED, WRONG_PASSWORD,
            UNSUPPORTED_ENCRYPTION, UNSUPPORTED_XFA, OPEN_TIMEOUT, WORKER_CRASHED, OUT_OF_MEMORY,
            NOT_A_FILE.
        TooLarge: DOCUMENT_TOO_LARGE, TOO_MANY_PAGES.
        NotFound, Forbidden: there is no such file, or it may not be read.
        DependencyUnavailable: WORKER_KILLED, from outside; READER_NOT_ISOLATED, where isolation is
            required.
        Overloaded: too many documents are open.
    """
    media_type = await asyncio.to_thread(_media_type, path, limits)
    async with AsyncExitStack() as stack:
        await stack.enter_async_context(workers.turn())
        document = OpenDocument(path, media_type, password, limits, workers)
        stack.push_async_callback(document._end_worker)
        await document._ready_worker()
        document._resources = stack.pop_all()
        return document


class OpenDocument:
    """A document with a worker process of its own; made by `open_document`.

    A page that ends the worker fails alone: the next one gets a fresh worker. Close it to end the
    process. Pages are rasterised one at a time; calls that overlap wait.
    """

    def __init__(
        self,
        path: Path,
        media_type: str,
        password: str | None,
        limits: DocumentLimits,
        workers: WorkerPool,
    ) -> None:
        self._path = path
        self._password = password
        self._limits = limits
        self._workers = workers
        self._worker: Worker | None = None
        self._one_request = asyncio.Lock()
        self._resources = AsyncExitStack()
        self._is_closed = False
        self.media_type = media_type
        self.page_count = 0

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self.close()

    async def page_info(self, number: int, dpi: int | None = None) -> PageInfo:
        """Size and resolution of a page, from its header alone.

        Args:
            number: from 1.
            dpi: dots per inch for a PDF page; the limits' default when None or 0.
        Raises:
            InvalidInput: no such page, or a resolution out of range.
            InvalidPage: PAGE_TOO_LARGE, CORRUPT_PAGE, TRUNCATED_IMAGE, CORRUPT_IMAGE,
                UNSUPPORTED_IMAGE, PAGE_TIMEOUT, WORKER_CRASHED, OUT_OF_MEMORY.
            DependencyUnavailable: WORKER_KILLED, from outside and twice.
        """
        request = self._page_request("shape", number, dpi)
        header, _ = await self._ask_about_page(number, request)
        try:
            return PageInfo(
                number=number,
                width=int(header["width"]),
                height=int(header["height"]),
                dpi=float(header["dpi"]),
                is_grey=bool(header["is_grey"]),
            )
        except (KeyError, TypeError, ValueError) as error:
            raise _reader_failed(number, str(header)) from error

    async def render(self, number: int, dpi: int | None = None) -> RenderedPage:
        """A page's pixels. Arguments and errors as for `page_info`."""
        request = self._page_request("render", number, dpi)
        header, image = await self._ask_about_page(number, request)
        resolution = header.get("dpi")
        if image is None or not isinstance(resolution, int | float):
            raise _reader_failed(number, str(header))
        return RenderedPage(number, image, float(resolution))

    async def close(self) -> None:
        """Ends the worker process. May be called again."""
        self._is_closed = True
        await self._resources.aclose()

    async def _ready_worker(self) -> Worker:
        """The worker with the document open in it, a fresh one where the last was lost."""
        if self._worker is not None:
            return self._worker
        self._worker = worker = self._workers.take()
        try:
            header, _ = await worker.ask(self._open_request(), seconds=self._limits.open_timeout_s)
            self._workers.check_isolation(header)
            if "fault" in header:
                raise _error(header["fault"])
            self.page_count = _counted(header)
        except TimeoutError as error:
            await self._end(worker)
            raise InvalidDocument(
                f"the document could not be opened in {self._limits.open_timeout_s:g} s",
                reason="OPEN_TIMEOUT",
            ) from error
        except WorkerGone as error:
            raise _document_crash(await self._end(worker)) from error
        except BadAnswer as error:
            await self._end(worker)
            raise _reader_failed(None, str(error)) from error
        except BaseException:
            await self._end(worker)
            raise
        return worker

    async def _ask_about_page(
        self, number: int, request: protocol.Header
    ) -> tuple[protocol.Header, Image | None]:
        async with self._one_request:
            try:
                return await self._ask_once(number, request)
            except DependencyUnavailable:
                # Whatever killed the worker (the kernel's out-of-memory killer, say) need not have
                # been this page's doing.
                return await self._ask_once(number, request)

    async def _ask_once(
        self, number: int, request: protocol.Header
    ) -> tuple[protocol.Header, Image | None]:
        if self._is_closed:
            raise _closed(number)
        worker = await self._ready_worker()
        limits = self._limits
        try:
            header, image = await worker.ask(
                request, seconds=limits.page_timeout_s, max_pixels=limits.max_page_pixels
            )
        except TimeoutError as error:
            await self._end(worker)
            raise InvalidPage(
                f"page {number} was not drawn in {limits.page_timeout_s:g} s: simplify it or scan "
                "it anew",
                reason="PAGE_TIMEOUT",
                metadata={"page": str(number)},
            ) from error
        except WorkerGone as error:
            status = await self._end(worker)
            if self._is_closed:
                raise _closed(number) from error
            raise _page_crash(number, status) from error
        except BadAnswer as error:
            await self._end(worker)
            raise _reader_failed(number, str(error)) from error
        except BaseException:
            # The answer to this request may still come; nobody must take it for another's.
            await self._end(worker)
            raise
        if "fault" in header:
            raise _error(header["fault"], number)
        return header, image

    async def _end_worker(self) -> None:
        if self._worker is not None:
            await self._end(self._worker)

    async def _end(self, worker: Worker) -> int | None:
        if self._worker is worker:
            self._worker = None
        return await worker.end()

    def _page_request(self, op: str, number: int, dpi: int | None) -> protocol.Header:
        if not 1 <= number <= self.page_count:
            raise InvalidInput(
                f"page {number} was asked for; the document has pages 1 to {self.page_count}",
                reason="NO_SUCH_PAGE",
                metadata={"page": str(number)},
            )
        wanted = dpi or self._limits.dpi
        if not 1 <= wanted <= self._limits.max_dpi:
            raise InvalidInput(
                f"dpi is {wanted}; it must be 1 to {self._limits.max_dpi}",
                reason="DPI_OUT_OF_RANGE",
                metadata={"field": "dpi"},
            )
        return {"op": op, "number": number, "dpi": wanted}

    def _open_request(self) -> protocol.Header:
        limits = self._limits
        return {
            "op": "open",
            "path": str(self._path.absolute()),
            "media_type": self.media_type,
            "password": self._password,
            "bounds": {
                "max_pages": limits.max_pages,
                "max_page_pixels": limits.max_page_pixels,
                "max_page_side": limits.max_page_side,
                "max_page_points": limits.max_page_points,
                "min_dpi": limits.min_dpi,
            },
        }


def _media_type(path: Path, limits: DocumentLimits) -> str:
    size, head = _beginning(path)
    if size == 0:
        raise InvalidDocument("the document is empty: send its bytes", reason="EMPTY_DOCUMENT")
    if size > limits.max_document_bytes:
        raise TooLarge(
            f"the document has {size:,} bytes; the limit is {limits.max_document_bytes:,}",
            reason="DOCUMENT_TOO_LARGE",
            metadata={"limit_bytes": str(limits.max_document_bytes)},
        )
    found = kinds.media_type(head)
    if found is None:
        raise InvalidDocument(
            f"the document is {kinds.describe(head)}; {kinds.TAKEN} is taken",
            reason="UNSUPPORTED_MEDIA_TYPE",
        )
    return found


def _beginning(path: Path) -> tuple[int, bytes]:
    """A file's size and first bytes. Never waits on what is no regular file."""
    try:
        facts = path.stat()
        if not stat.S_ISREG(facts.st_mode):
            raise InvalidDocument(f"{path.name} is no regular file", reason="NOT_A_FILE")
        with path.open("rb") as file:
            return facts.st_size, file.read(kinds.HEAD_BYTES)
    except FileNotFoundError as error:
        raise NotFound(f"there is no file {path.name}", reason="DOCUMENT_NOT_FOUND") from error
    except PermissionError as error:
        raise Forbidden(f"{path.name} may not be read", reason="ACCESS_DENIED") from error


def _counted(header: protocol.Header) -> int:
    match header.get("pages"):
        case int(count) if count > 0:
            return count
    raise BadAnswer(f"pages of {header}")


def _error(fault: Any, number: int | None = None) -> PagemeshError:
    """A worker's fault as an error of the tree, with the page's number."""
    match fault:
        case {
            "kind": str(kind),
            "reason": str(reason),
            "message": str(message),
            "metadata": dict(pairs),
        } if kind in _CLASSES:
            metadata = {str(key): str(value) for key, value in pairs.items()}
            if number is not None:
                message = f"page {number}: {message}"
                metadata["page"] = str(number)
            return _CLASSES[kind](message, reason=reason, metadata=metadata)
    return _reader_failed(number, str(fault))


def _closed(number: int) -> Cancelled:
    return Cancelled(f"page {number}: the document was closed", metadata={"page": str(number)})


def _document_crash(status: int | None) -> PagemeshError:
    if status == -signal.SIGKILL:
        return DependencyUnavailable(
            "the document's reader was killed from outside: send it again", reason="WORKER_KILLED"
        )
    return InvalidDocument(
        f"the document crashes its reader ({_ending(status)}): repair it or send it in another "
        "format",
        reason="WORKER_CRASHED",
    )


def _page_crash(number: int, status: int | None) -> PagemeshError:
    metadata = {"page": str(number)}
    if status == -signal.SIGKILL:
        return DependencyUnavailable(
            f"page {number}: its reader was killed from outside: send the page again",
            reason="WORKER_KILLED",
            metadata=metadata,
        )
    return InvalidPage(
        f"page {number} crashes its reader ({_ending(status)}), often by taking more memory than "
        "is allowed: simplify it or scan it anew",
        reason="WORKER_CRASHED",
        metadata=metadata,
    )


def _ending(status: int | None) -> str:
    if status is not None and status < 0:
        return signal.Signals(-status).name
    return f"exit status {status}"


def _reader_failed(number: int | None, detail: str) -> Internal:
    where = "the document" if number is None else f"page {number}"
    _log.error("document reader failed", extra={"page": number, "detail": detail})
    return Internal(
        f"{where} could not be read because of a fault of the reader; it is in the log",
        reason="READER_FAILED",
        metadata={} if number is None else {"page": str(number)},
    )
