"""One piece of work, from its turn to its written end."""

import asyncio
import contextlib
import logging
from collections.abc import Sequence
from dataclasses import replace

from meshkit.errors import DeadlineExceeded, DependencyUnavailable, InvalidInput
from orchestrator.document_run import Job, ReadingRoom, read_document
from orchestrator.documents.source import fetch
from orchestrator.faults import known_error
from orchestrator.live import STOPPED, Live
from orchestrator.order import Order
from orchestrator.page_run import Plan
from orchestrator.records import Ending, Keeper
from orchestrator.reuse import Reuse
from orchestrator.seats import Seats
from orchestrator.shares import Share, Shares
from orchestrator.stores.base import DocumentStore, StoreFailed, TakenOver
from orchestrator.telemetry import names
from orchestrator.telemetry.recording import part_span
from orchestrator.uploads import Uploads
from pagemesh.orchestrator.v1.document_pb2 import DocumentState, PageResult

_log = logging.getLogger(__name__)


class _StoreSink:
    """Writes what is found, and tells whoever watches."""

    def __init__(self, store: DocumentStore, live: Live, reuse: Reuse | None) -> None:
        self._store = store
        self._live = live
        self._reuse = reuse

    async def opened(self, media_type: str, total: int) -> None:
        await self._store.opened(self._live.order.request_id, media_type, total)
        self._live.bell.ring()

    async def add_pages(self, pages: Sequence[PageResult]) -> None:
        if pages:
            await self._store.add_pages(self._live.order.request_id, pages)
            if self._reuse is not None:
                self._reuse.see(self._live.order, pages)
            self._live.bell.ring()


class Executor:
    """Reads documents, so many at once.

    Args:
        store: takes what is found.
        room: what all documents share.
        uploads: bytes that are kept until a document's end.
        reuse: knows what need not be read again.
        max_documents: that are open at once; the others wait for their turn. A document of many
            pages has several turns when others wait.
    """

    def __init__(
        self,
        store: DocumentStore,
        room: ReadingRoom,
        uploads: Uploads,
        reuse: Reuse,
        *,
        max_documents: int,
    ) -> None:
        self._store = store
        self._reuse = reuse
        self._room = room
        self._uploads = uploads
        self._seats = Seats(max_documents)
        self._shares = Shares()

    async def execute(self, live: Live, resources: contextlib.AsyncExitStack) -> None:
        """Read a document, and write its end whatever happens."""
        live.is_begun = True
        order = live.order
        taking_part = self._shares.taking_part(order.client, order.priority)
        with live.telemetry.running(), taking_part as share:
            await self._read_to_the_end(live, order, share, resources)

    async def _read_to_the_end(
        self, live: Live, order: Order, share: Share, resources: contextlib.AsyncExitStack
    ) -> None:
        ending = Ending()
        try:
            async with resources:
                if live.stopped is None:
                    await self._read(live, order, share)
                else:
                    ending = live.stopped
        except asyncio.CancelledError:
            ending = live.stopped or STOPPED
        except BaseExceptionGroup as group:
            ending = _failing(live, group.exceptions[0])
        except Exception as error:
            ending = _failing(live, error)
        finally:
            writing = asyncio.create_task(self._finish(live, ending))
            try:
                await asyncio.shield(writing)
            finally:
                await asyncio.wait([writing])

    async def _finish(self, live: Live, ending: Ending) -> None:
        if live.is_paused:
            return
        try:
            await self._end(live, ending)
            await self._uploads.drop(live.order.request_id)
        except DependencyUnavailable as error:
            # Its keeper sees to it: the store is away, or the document is another orchestrator's.
            _log.warning("a document's end cannot be stored", exc_info=error)
            live.is_paused = True

    async def _end(self, live: Live, ending: Ending) -> None:
        request_id = live.order.request_id
        document = await self._store.end(request_id, ending)
        live.telemetry.ended(document)
        pages = document.pages
        _log.info(
            "document ended",
            extra={
                "request_id": request_id,
                "state": DocumentState.Name(document.state),
                "pages_ok": pages.ok,
                "pages_failed": pages.failed,
                "pages_skipped": pages.skipped,
            },
        )

    async def _read(self, live: Live, order: Order, share: Share) -> None:
        """Read the document in as many turns as it takes."""
        job: Job | None = None
        while True:
            async with contextlib.AsyncExitStack() as stack:
                with part_span(names.QUEUE_SPAN):
                    seat = await stack.enter_async_context(self._seats.seat(share))
                job = job or await self._prepare(live, order)
                if job is None:
                    return
                sink = _StoreSink(self._store, live, self._reuse_for(order))
                job = replace(job, share=share, is_wanted=seat.is_wanted)
                done, is_whole = await read_document(self._room, job, sink)
                if is_whole:
                    return
                job = replace(job, done=done)

    async def _prepare(self, live: Live, order: Order) -> Job | None:
        """What is to be read, its bytes at hand; None when it was read before, for another id."""
        deadline = asyncio.get_running_loop().time() + order.seconds
        if order.call_deadline is not None:
            deadline = min(deadline, order.call_deadline)
        await self._store.begin(order.request_id, order.spool.sha256 if not order.location else "")
        live.bell.ring()
        if order.location:
            await self._fetch(order, deadline)
        _check_digest(order)
        done = await self._store.finished_pages(order.request_id)
        reuse = self._reuse_for(order)
        if reuse is not None and not done:
            found = await reuse.find(order)
            if found is not None:
                await reuse.copy(found, order.request_id)
                return None
        return Job(
            name=order.request_id,
            path=order.spool.path,
            password=order.password,
            dpi=order.dpi,
            selection=order.selection,
            plan=Plan(order.pipeline, order.options, deadline, self._room.forms.current),
            telemetry=live.telemetry,
            done=done,
        )

    def _reuse_for(self, order: Order) -> Reuse | None:
        return self._reuse if self._reuse.is_for(order) else None

    async def _fetch(self, order: Order, deadline: float) -> None:
        try:
            async with asyncio.timeout_at(deadline):
                with part_span(names.FETCH_SPAN):
                    await fetch(order.location, order.spool, self._room.limits)
        except TimeoutError as error:
            raise DeadlineExceeded("the document's time was over before it was fetched") from error
        await self._store.begin(order.request_id, order.spool.sha256)


def _check_digest(order: Order) -> None:
    """Raises InvalidInput when the bytes are not those that the client means."""
    if order.sha256 and order.sha256 != order.spool.sha256:
        raise InvalidInput(
            f"sha256: the document's bytes have {order.spool.sha256}, not {order.sha256}: it was "
            "changed or damaged on its way",
            reason="DIGEST_MISMATCH",
            metadata={"field": "sha256"},
        )


def _failing(live: Live, cause: BaseException) -> Ending:
    is_stores = isinstance(cause, StoreFailed)
    if isinstance(cause, TakenOver) or (is_stores and live.keeper is not Keeper.CALLER):
        live.is_paused = True
    error = known_error(cause)
    return Ending(error=error, rest_reason=error.message, rest_error=error, can_restart=is_stores)
