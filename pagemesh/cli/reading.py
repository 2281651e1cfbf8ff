"""Reads one document for the command line, showing how far it is."""

import contextlib
import sys
from collections.abc import Callable, Iterator

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    SpinnerColumn,
    TaskID,
    TextColumn,
    TimeElapsedColumn,
)

from pagemesh.cli.consoles import error_console, output_console
from pagemesh.cli.problems import complain
from pagemesh.cli.view import bare_view, clean, is_bare, page_view, summary_view
from pagemesh.client import Client, Pages
from pagemesh.exports.result import note_on
from pagemesh.orchestrator.v1 import document_pb2 as documents
from pagemesh.orchestrator.v1.orchestrator_service_pb2 import GetDocumentResponse
from pagemesh.sources import How


def read_document(client: Client, source: str, how: How, *, show: bool) -> GetDocumentResponse:
    """The whole result, pages by number.

    Args:
        client: does the work.
        source: a path or location.
        how: it is to be read.
        show: print every page for a person, as soon as all before it are printed, and the account;
            nothing of a document without pages.

    Raises:
        PagemeshError: there is no result at all.
    """
    with (
        _progress(source) as progress,
        contextlib.closing(client.analyze(source, **how)) as stream,
    ):
        console = progress.console if sys.stdout.isatty() else output_console()

        printer = _Printer(console if show else None)
        pages = _pages_by_number(stream, progress, printer.print)
        printer.flush()
    if show and pages:
        output_console().print(summary_view(stream.document, pages))
    return GetDocumentResponse(document=stream.document, pages=pages)


def is_well(result: GetDocumentResponse, source: str, *, shown: bool) -> bool:
    """Whether every page was read or skipped on purpose; says on standard error why not.

    Args:
        result: of the document.
        source: it came from.
        shown: the pages, with their reasons, are on standard output already.
    """
    document, account = result.document, result.document.pages
    if document.state == documents.DOCUMENT_STATE_SUCCEEDED:
        return True
    if not (shown and result.pages):
        failed = [p for p in result.pages if p.outcome == documents.PAGE_OUTCOME_FAILED]
        first = f"; {note_on(failed[0])}" if failed else ""
        counted = f"{account.failed} of {account.total} pages failed{first}"
        complain(document.error.message or counted, about=source.rpartition("/")[2])
    return False


class _Printer:
    """Prints pages for a person; bare ones that follow each other in one line."""

    def __init__(self, console: Console | None) -> None:
        self._console = console
        self._bare: list[documents.PageResult] = []

    def print(self, page: documents.PageResult) -> None:
        """Print a page now, or with the bare ones around it."""
        if self._bare and not _is_alike(page, self._bare[-1]):
            self.flush()
        if is_bare(page):
            self._bare.append(page)
        elif self._console is not None:
            self._console.print(page_view(page))

    def flush(self) -> None:
        """Print what waits."""
        if self._bare and self._console is not None:
            self._console.print(bare_view(self._bare))
        self._bare = []


def _is_alike(page: documents.PageResult, other: documents.PageResult) -> bool:
    return is_bare(page) and (page.outcome, page.reason) == (other.outcome, other.reason)


def _pages_by_number(
    stream: Pages, progress: Progress, on_page: Callable[[documents.PageResult], None]
) -> list[documents.PageResult]:
    """All pages; `on_page` sees each as soon as those before it were there."""
    waiting: dict[int, documents.PageResult] = {}
    pages: list[documents.PageResult] = []
    task = progress.task_ids[0]
    for event in stream.events():
        if isinstance(event, documents.Document):
            if event.pages.total:
                progress.update(task, total=event.pages.total)
            continue
        progress.advance(task)
        waiting[event.page_number] = event
        while (page := waiting.pop(len(pages) + 1, None)) is not None:
            pages.append(page)
            on_page(page)
    for number in sorted(waiting):  # a document that ended early has gaps
        pages.append(waiting[number])
        on_page(waiting[number])
    return pages


@contextlib.contextmanager
def _progress(source: str) -> Iterator[Progress]:
    """A bar with one task on standard error; nothing unless that is a terminal."""
    # On one terminal pages and bar must come from one console, or they garble each other.
    both = sys.stdout.isatty() and sys.stderr.isatty()
    console = output_console() if both else error_console()
    progress = Progress(
        SpinnerColumn(),
        TextColumn("{task.description}", markup=False),
        BarColumn(bar_width=30),
        MofNCompleteColumn(),
        TextColumn("pages"),
        TimeElapsedColumn(),
        console=console,
        transient=True,
        disable=not sys.stderr.isatty(),
        redirect_stdout=False,
        redirect_stderr=False,
    )
    task: TaskID = progress.add_task(clean(source.rpartition("/")[2]), total=None)
    with progress:
        yield progress
        progress.stop_task(task)
