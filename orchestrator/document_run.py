"""One document's way: open it, and send its pages through a pipeline, several at a time."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple, Protocol

from meshkit.admission import FIRST_COME, Applicant, PixelBudget
from meshkit.errors import DeadlineExceeded, PagemeshError
from orchestrator.documents.config import DocumentLimits
from orchestrator.documents.document import OpenDocument, PageInfo, open_document
from orchestrator.documents.pool import WorkerPool
from orchestrator.faults import known_error, status_for_page
from orchestrator.forms.library import FormLibrary
from orchestrator.page_run import Plan, read_page
from orchestrator.page_selection import PageSelection
from orchestrator.pages import PageImages
from orchestrator.telemetry import names
from orchestrator.telemetry.recording import (
    DocumentTelemetry,
    PageTelemetry,
    part_span,
    pixels_active,
)
from pagemesh.orchestrator.v1.document_pb2 import (
    PAGE_OUTCOME_FAILED,
    PAGE_OUTCOME_SKIPPED,
    PageResult,
)


class Sink(Protocol):
    """Takes what is found."""

    async def opened(self, media_type: str, total: int) -> None:
        """The document is open and has this many pages."""

    async def add_pages(self, pages: Sequence[PageResult]) -> None:
        """Pages are finished."""


@dataclass(frozen=True)
class ReadingRoom:
    """What all documents share.

    Attributes:
        limits: of documents.
        workers: processes that rasterise.
        budget: bytes of pixels in work at once; pages wait for their turn, of all documents
            together.
        page_images: makes a page ready for the wire.
        forms: the registered forms, kept up to date.
    """

    limits: DocumentLimits
    workers: WorkerPool
    budget: PixelBudget
    page_images: PageImages
    forms: FormLibrary


@dataclass(frozen=True)
class Job:
    """What is to be read.

    Attributes:
        name: prefix of the pages' names in calls to models.
        path: the document's bytes.
        password: opens a protected PDF; None when none was given.
        dpi: for PDF pages; 0 takes the default.
        selection: the pages that were asked for.
        plan: how.
        telemetry: told of its pages.
        done: pages that were read before and stay as they are.
        share: the document's part in the budget.
        is_wanted: whether it should make room for another document.
    """

    name: str
    path: Path
    password: str | None
    dpi: int
    selection: PageSelection
    plan: Plan
    telemetry: DocumentTelemetry = field(default_factory=DocumentTelemetry)
    done: frozenset[int] = frozenset()
    share: Applicant = FIRST_COME
    is_wanted: Callable[[], bool] = lambda: False


class Progress(NamedTuple):
    """How far a document is.

    Attributes:
        done: pages that are read.
        is_whole: whether these are all.
    """

    done: frozenset[int]
    is_whole: bool


async def read_document(room: ReadingRoom, job: Job, sink: Sink) -> Progress:
    """Read a document, or a part of it when it must make room; pages go to the sink in any order.

    One page more is admitted when the budget has room for it, so that several documents take turns
    and memory does not grow with the number of pages. At least one page is read.

    Raises:
        PagemeshError: the document cannot be opened, or lacks a page that was asked for.
    """
    try:
        async with asyncio.timeout_at(job.plan.deadline):
            with part_span(names.OPEN_SPAN) as span:
                document = await open_document(
                    job.path, limits=room.limits, password=job.password, workers=room.workers
                )
                span.set_attribute(names.MEDIA_TYPE, document.media_type)
    except TimeoutError as error:
        raise DeadlineExceeded("the document's time was over before it was open") from error
    async with _closed_in_the_end(document):
        await sink.opened(document.media_type, document.page_count)
        numbers = job.selection.numbers(document.page_count)
        await sink.add_pages(_left_out(job.selection, document.page_count, numbers))
        wanted = [number for number in numbers if number not in job.done]
        begun: set[int] = set()
        async with asyncio.TaskGroup() as group:
            for number in wanted:
                if begun and job.is_wanted():
                    break
                admitted = asyncio.Event()
                reader = _PageReader(room, job, document, number, admitted)
                group.create_task(reader.run(sink))
                begun.add(number)
                await admitted.wait()
        return Progress(job.done | begun, len(begun) == len(wanted))


@contextlib.asynccontextmanager
async def _closed_in_the_end(document: OpenDocument) -> AsyncIterator[None]:
    """Close the document to the end, also when the work is cancelled while it is being closed."""
    try:
        yield
    finally:
        closing = asyncio.create_task(document.close())
        try:
            await asyncio.shield(closing)
        finally:
            await asyncio.wait([closing])


def _left_out(
    selection: PageSelection, page_count: int, numbers: Sequence[int]
) -> list[PageResult]:
    chosen = set(numbers)
    reason = f"not among the pages asked for: {selection.text}"
    return [
        PageResult(page_number=number, outcome=PAGE_OUTCOME_SKIPPED, reason=reason)
        for number in range(1, page_count + 1)
        if number not in chosen
    ]


@dataclass(frozen=True)
class _PageReader:
    room: ReadingRoom
    job: Job
    document: OpenDocument
    number: int
    admitted: asyncio.Event

    async def run(self, sink: Sink) -> None:
        """Rasterise and read the page; a failure is the page's result."""
        with self.job.telemetry.page(self.number) as told:
            result = await self._read_or_fail(told)
            told.ended(result)
        await sink.add_pages([result])

    async def _read_or_fail(self, told: PageTelemetry) -> PageResult:
        try:
            return await self._read(told)
        except TimeoutError:
            return self._failure(
                DeadlineExceeded(
                    f"page {self.number}: the document's time was over before its turn came"
                )
            )
        except Exception as error:
            # Whatever goes wrong with one page must not end the document.
            return self._failure(known_error(error))
        finally:
            self.admitted.set()

    async def _read(self, told: PageTelemetry) -> PageResult:
        async with asyncio.timeout_at(self.job.plan.deadline):
            info = await self.document.page_info(self.number, self.job.dpi)
        async with contextlib.AsyncExitStack() as stack:
            size_bytes = _size_in_bytes(info)
            async with asyncio.timeout_at(self.job.plan.deadline):
                hold = self.room.budget.hold(size_bytes, wait=True, applicant=self.job.share)
                await stack.enter_async_context(hold)
            stack.enter_context(pixels_active(size_bytes))
            self.admitted.set()
            told.admitted()
            return await self._read_admitted()

    async def _read_admitted(self) -> PageResult:
        with part_span(names.RASTERISE_SPAN):
            async with asyncio.timeout_at(self.job.plan.deadline):
                rendered = await self.document.render(self.number, self.job.dpi)
        page = self.room.page_images(
            f"{self.job.name}/{self.number}", self.number, rendered.image, rendered.dpi or None
        )
        del rendered
        try:
            return await read_page(self.job.plan, page)
        finally:
            await page.close()

    def _failure(self, error: PagemeshError) -> PageResult:
        return PageResult(
            page_number=self.number,
            outcome=PAGE_OUTCOME_FAILED,
            reason=error.message,
            error=status_for_page(error, self.number),
        )


def _size_in_bytes(info: PageInfo) -> int:
    """At most so many bytes of pixels; a page not known to be grey counts as colour."""
    return info.width * info.height * (1 if info.is_grey else 3)
