"""Finished results in the formats of `pagemesh.exports`."""

import asyncio
import contextlib
import tempfile
from collections.abc import AsyncIterator, Coroutine, Iterator
from typing import IO, Any, TypeVar

from gateway.images import Images
from gateway.ledger import PAGES_AT_ONCE
from gateway.records import Record, Status
from gateway.stores import Store
from meshkit.model import Image
from pagemesh.exports import Analysis, Format
from pagemesh.orchestrator.v1 import document_pb2 as documents

T = TypeVar("T")

_IN_MEMORY_BYTES = 1024 * 1024
_STATES = {
    Status.FAILED: documents.DOCUMENT_STATE_FAILED,
    Status.CANCELLED: documents.DOCUMENT_STATE_CANCELLED,
}


class Results:
    """Writes results, page after page: memory does not grow with the document."""

    def __init__(self, store: Store, images: Images) -> None:
        self._store = store
        self._images = images

    async def written(self, record: Record, form: Format) -> IO[bytes]:
        """A final document's result in a file that is the caller's to close.

        Raises:
            PagemeshError: the format needs page images, and they cannot be had.
        """
        loop = asyncio.get_running_loop()

        def wait(work: Coroutine[Any, Any, T]) -> T:
            return asyncio.run_coroutine_threadsafe(work, loop).result()

        def write() -> IO[bytes]:
            file: Any = tempfile.SpooledTemporaryFile(_IN_MEMORY_BYTES)  # noqa: SIM115
            try:
                pages = _Pages(self._store, self._images, record, wait)
                with contextlib.closing(pages):
                    image_of = pages.image_of if form.needs_images else None
                    form.write(Analysis(document_of(record), pages.results(), image_of), file)
                file.seek(0)
            except BaseException:
                file.close()
                raise
            whole: IO[bytes] = file
            return whole

        return await asyncio.to_thread(write)


class _Pages:
    """A document's pages and, beside them, their pictures, one at a time, for a writer's thread."""

    def __init__(self, store: Store, images: Images, record: Record, wait: Any) -> None:
        self._store = store
        self._images = images
        self._record = record
        self._wait = wait
        self._pictures: AsyncIterator[tuple[int, Image | None]] | None = None
        self._ahead: tuple[int, Image | None] = (0, None)

    def results(self) -> Iterator[documents.PageResult]:
        """All finished pages by number."""
        number = 0
        while pages := self._wait(self._store.pages(self._record.work_id, number, PAGES_AT_ONCE)):
            for page in pages:
                yield self._record.corrected(page)
            number = pages[-1].number

    def image_of(self, page: documents.PageResult) -> Image | None:
        """The pixels of a page; pages are asked for by ascending number."""
        number = page.page_number
        if self._pictures is None:
            self._pictures = aiter(self._images.all(self._record, f"{number}-"))
        while self._ahead[0] < number:
            following = self._wait(_next(self._pictures))
            if following is None:
                return None
            self._ahead = following
        return self._ahead[1] if self._ahead[0] == number else None

    def close(self) -> None:
        """End the pictures' call."""
        if self._pictures is not None:
            pictures: Any = self._pictures
            self._wait(pictures.aclose())


async def _next(
    pictures: AsyncIterator[tuple[int, Image | None]],
) -> tuple[int, Image | None] | None:
    return await anext(pictures, None)


def document_of(record: Record) -> documents.Document:
    """The orchestrator's account of a final document, or one made up where it never had it."""
    if record.account:
        return record.document()
    document = documents.Document(
        request_id=record.id, state=_STATES[record.status], source=record.source
    )
    if record.error is not None:
        document.error.message = record.error.detail
    return document
