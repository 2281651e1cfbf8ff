"""Documents as pieces of work: taken once for each id, watched, cancelled, accounted for."""

import asyncio
import contextlib
import logging
import time
from collections.abc import AsyncGenerator, Sequence

from meshkit.errors import (
    Conflict,
    DeadlineExceeded,
    DependencyUnavailable,
    Internal,
    InvalidInput,
    Overloaded,
    PagemeshError,
)
from orchestrator.document_run import Job, ReadingRoom, read_document
from orchestrator.documents.source import fetch
from orchestrator.faults import known_error
from orchestrator.live import CANCELLED, CRASHED, STOPPED, Live
from orchestrator.order import Order
from orchestrator.page_run import Plan
from orchestrator.pipeline import Pipeline
from orchestrator.records import Ending, Entry, Keeper, Record
from orchestrator.store import DocumentStore
from orchestrator.telemetry import names
from orchestrator.telemetry.recording import DocumentTelemetry, part_span, tell_request
from orchestrator.telemetry.resuming import active_traceparent
from orchestrator.uploads import Uploads
from pagemesh.orchestrator.v1.document_pb2 import (
    Document,
    DocumentState,
    PageResult,
    PipelineIdentity,
)

_PAGES_AT_ONCE = 8
_SWEEP_SECONDS = 60.0
_log = logging.getLogger(__name__)


class _StoreSink:
    """Writes what is found, and tells whoever watches."""

    def __init__(self, store: DocumentStore, live: Live) -> None:
        self._store = store
        self._live = live

    async def opened(self, media_type: str, total: int) -> None:
        await self._store.opened(self._live.order.request_id, media_type, total)
        self._live.bell.ring()

    async def add_pages(self, pages: Sequence[PageResult]) -> None:
        if pages:
            await self._store.add_pages(self._live.order.request_id, pages)
            self._live.bell.ring()


class WorkManager:
    """All documents: those at work, and those in the store."""

    def __init__(
        self,
        store: DocumentStore,
        room: ReadingRoom,
        uploads: Uploads,
        *,
        max_documents: int,
        max_queued: int,
        retention_seconds: float,
    ) -> None:
        self._store = store
        self._room = room
        self._uploads = uploads
        self._turns = asyncio.Semaphore(max_documents)
        self._capacity = max_documents + max_queued
        self._retention_seconds = retention_seconds
        self._live: dict[str, Live] = {}
        self._accepting = asyncio.Lock()
        self._sweeper: asyncio.Task[None] | None = None
        self._is_stopping = False

    async def start(self) -> None:
        """End what a crash left unfinished and nobody keeps, and begin to delete what is old."""
        count = await self._store.end_unfinished(CRASHED)
        if count:
            _log.warning("ended documents that were cut off", extra={"count": count})
        self._sweeper = asyncio.create_task(self._sweep())

    async def stop(self) -> None:
        """End all work. Safe to call twice and without `start`."""
        self._is_stopping = True
        if self._sweeper is not None:
            self._sweeper.cancel()
        tasks = [live.task for live in self._live.values() if live.task is not None]
        for live in list(self._live.values()):
            live.pause()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def ensure_room(self, request_id: str) -> None:
        """Raises Overloaded when a new document of this id would be refused anyway.

        For asking before its bytes are taken.
        """
        if request_id and await self._store.find(request_id) is not None:
            return
        self._check_capacity()

    async def submit(self, order: Order) -> Document:
        """Take a document for reading in the background, or join the work that is there.

        Raises:
            Conflict: the id belongs to another request.
            Overloaded: too many documents wait.
        """
        live = await self._accept(order)
        if live is not None:
            live.leave()
        return await self.document(order.request_id)

    async def analyze(self, order: Order) -> AsyncGenerator[Document | PageResult, None]:
        """Take a document or join the work that is there, and watch it; raises as `submit`.

        Leaving early cancels the work when nobody else is interested in it.
        """
        live = await self._accept(order)
        try:
            async for event in self._events(order.request_id, live):
                yield event
        finally:
            if live is not None:
                live.leave()

    async def watch(self, request_id: str) -> AsyncGenerator[Document | PageResult, None]:
        """The document, its finished pages, every further one, and the document at its end.

        Raises NotFound.
        """
        live = await self._find(request_id)
        if live is not None:
            live.watchers += 1
        try:
            async for event in self._events(request_id, live):
                yield event
        finally:
            if live is not None:
                live.leave()

    async def cancel(self, request_id: str) -> Document:
        """Stop the work on a document, and wait until it has stopped. Raises NotFound."""
        live = await self._find(request_id)
        if live is not None and live.task is not None:
            live.stop(CANCELLED)
            await asyncio.wait([live.task])
        elif not (await self._store.get(request_id)).is_final:
            await self._store.end(request_id, CANCELLED)
        return await self.document(request_id)

    async def document(self, request_id: str) -> Document:
        """A document's state. Raises NotFound."""
        return (await self._store.get(request_id)).document

    async def pages(
        self, request_id: str, first: int, limit: int, max_bytes: int
    ) -> tuple[list[PageResult], bool]:
        """Finished pages from this number on, and whether there are more."""
        return await self._store.pages_from(request_id, first, limit, max_bytes)

    async def _events(
        self, request_id: str, live: Live | None
    ) -> AsyncGenerator[Document | PageResult, None]:
        """Read from the store whenever there is news: a slow reader costs no memory."""
        sequence, told = 0, (-1, -1)
        while True:
            # Noted before reading: what happens meanwhile is found in the next round.
            is_over = live is None or live.is_over
            rung = live.bell.rung if live is not None else 0
            record = await self._store.get(request_id)
            document = record.document
            state = (document.state, document.pages.total)
            if state != told and (not record.is_final or told == (-1, -1)):
                yield document
            told = state
            while pages := await self._store.pages_after(request_id, sequence, _PAGES_AT_ONCE):
                for sequence, page in pages:  # noqa: B007
                    yield page
            if record.is_final:
                yield document
                return
            if live is None or live.is_paused:
                raise DependencyUnavailable(
                    "the document is not at work now; it goes on when the orchestrator is up again "
                    "or its message is delivered again",
                    reason="INTERRUPTED",
                )
            if is_over:
                raise Internal("the document's end could not be stored; the log says why")
            await live.bell.rung_since(rung)

    async def _find(self, request_id: str) -> Live | None:
        """The work on a document; None when it has ended. Raises NotFound.

        Waits for a decision under way: a document is in the store a moment before its work is here.
        """
        async with self._accepting:
            await self._store.get(request_id)
            return self._live.get(request_id)

    async def _accept(self, order: Order) -> Live | None:
        """The work on this order, with one watcher more; None when it has ended already.

        The decision is made to its end even when the caller goes away meanwhile: no document may
        be written down as waiting with nobody at work on it.
        """
        deciding = asyncio.create_task(self._join_or_begin(order))
        try:
            return await asyncio.shield(deciding)
        except asyncio.CancelledError:
            deciding.add_done_callback(_leave_decided)
            raise

    async def _join_or_begin(self, order: Order) -> Live | None:
        async with contextlib.AsyncExitStack() as resources, self._accepting:
            resources.push_async_exit(order.resources)
            live = self._live.get(order.request_id)
            if live is not None and live.stopped is not None and live.task is not None:
                await asyncio.wait([live.task])
                live = None
            record = await self._store.find(order.request_id)
            if record is not None and record.fingerprint != order.fingerprint:
                raise _conflict(order.request_id)
            if live is not None:
                await self._join(live, order)
                tell_request(order.request_id, live.telemetry.context)
                return live
            if record is not None and _is_done(record, order):
                return None
            return await self._begin(order, resources.pop_all())

    async def _join(self, live: Live, order: Order) -> None:
        live.watchers += 1
        if order.keeper is Keeper.STORE and live.keeper is Keeper.CALLER:
            await self._uploads.keep(live.order)
            live.keeper = Keeper.STORE
            await self._store.set_keeper(order.request_id, Keeper.STORE)

    async def _begin(self, order: Order, resources: contextlib.AsyncExitStack) -> Live:
        try:
            self._check_capacity()
            if order.keeper is Keeper.STORE:
                await self._uploads.keep(order)
            await self._store.create(_entry(order))
        except BaseException:
            await resources.aclose()
            raise
        tell_request(order.request_id)
        pipeline = order.pipeline
        told = DocumentTelemetry(order.request_id, order.client, pipeline.name, pipeline.version)
        live = Live(order, watchers=1, keeper=order.keeper, telemetry=told)
        self._live[order.request_id] = live
        live.task = asyncio.create_task(self._work(live, order, resources))
        return live

    def _check_capacity(self) -> None:
        if self._is_stopping:
            raise DependencyUnavailable("the orchestrator is stopping; send the document again")
        if len(self._live) >= self._capacity:
            raise Overloaded(
                f"{len(self._live)} documents are at work or waiting, which is the limit; send "
                "this one again later",
                metadata={"limit_documents": str(self._capacity)},
                retry_after=5.0,
            )

    async def _work(self, live: Live, order: Order, resources: contextlib.AsyncExitStack) -> None:
        """Read the document, and write its end whatever happens."""
        live.is_begun = True
        with live.telemetry.running():
            await self._read_to_the_end(live, order, resources)

    async def _read_to_the_end(
        self, live: Live, order: Order, resources: contextlib.AsyncExitStack
    ) -> None:
        ending = Ending()
        try:
            async with resources:
                if live.stopped is None:
                    await self._read_in_turn(live, order)
                else:
                    ending = live.stopped
        except asyncio.CancelledError:
            ending = live.stopped or STOPPED
        except BaseExceptionGroup as group:
            ending = _failing(known_error(group.exceptions[0]))
        except Exception as error:
            ending = _failing(known_error(error))
        finally:
            writing = asyncio.create_task(self._finish(live, ending))
            try:
                await asyncio.shield(writing)
            finally:
                await asyncio.wait([writing])
                del self._live[order.request_id]
                live.is_over = True
                live.bell.ring()

    async def _finish(self, live: Live, ending: Ending) -> None:
        if not live.is_paused:
            await self._end(live, ending)
            await self._uploads.drop(live.order.request_id)

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

    async def _read_in_turn(self, live: Live, order: Order) -> None:
        async with contextlib.AsyncExitStack() as stack:
            with part_span(names.QUEUE_SPAN):
                await stack.enter_async_context(self._turns)
            await self._read(live, order)

    async def _read(self, live: Live, order: Order) -> None:
        deadline = asyncio.get_running_loop().time() + order.seconds
        if order.call_deadline is not None:
            deadline = min(deadline, order.call_deadline)
        await self._store.begin(order.request_id, order.spool.sha256 if not order.location else "")
        live.bell.ring()
        if order.location:
            await self._fetch(order, deadline)
        _check_digest(order)
        job = Job(
            name=order.request_id,
            path=order.spool.path,
            password=order.password,
            dpi=order.dpi,
            selection=order.selection,
            plan=Plan(order.pipeline, order.options, deadline, self._room.forms.current),
            telemetry=live.telemetry,
            done=await self._store.finished_pages(order.request_id),
        )
        await read_document(self._room, job, _StoreSink(self._store, live))

    async def _fetch(self, order: Order, deadline: float) -> None:
        try:
            async with asyncio.timeout_at(deadline):
                with part_span(names.FETCH_SPAN):
                    await fetch(order.location, order.spool, self._room.limits)
        except TimeoutError as error:
            raise DeadlineExceeded("the document's time was over before it was fetched") from error
        await self._store.begin(order.request_id, order.spool.sha256)

    async def _sweep(self) -> None:
        while True:
            try:
                count = await self._store.delete_ended_before(time.time() - self._retention_seconds)
                if count:
                    _log.info("deleted old documents", extra={"count": count})
            except Exception:
                _log.exception("old documents cannot be deleted")
            await asyncio.sleep(min(_SWEEP_SECONDS, self._retention_seconds))


def identity_of(pipeline: Pipeline) -> PipelineIdentity:
    """A pipeline's identity as the contract has it."""
    return PipelineIdentity(name=pipeline.name, version=pipeline.version, digest=pipeline.digest)


def _is_done(record: Record, order: Order) -> bool:
    """Whether an order asks for no more than the store has."""
    return record.is_final and not record.can_restart and not order.retries


def _entry(order: Order) -> Entry:
    return Entry(
        request_id=order.request_id,
        fingerprint=order.fingerprint,
        pipeline=identity_of(order.pipeline),
        source=order.source,
        keeper=order.keeper,
        spec=order.spec.SerializeToString(),
        client=order.client,
        traceparent=active_traceparent(),
    )


def _check_digest(order: Order) -> None:
    """Raises InvalidInput when the bytes are not those that the client means."""
    if order.sha256 and order.sha256 != order.spool.sha256:
        raise InvalidInput(
            f"sha256: the document's bytes have {order.spool.sha256}, not {order.sha256}: it was "
            "changed or damaged on its way",
            reason="DIGEST_MISMATCH",
            metadata={"field": "sha256"},
        )


def _failing(error: PagemeshError) -> Ending:
    return Ending(error=error, rest_reason=error.message, rest_error=error)


def _leave_decided(deciding: asyncio.Task[Live | None]) -> None:
    """The caller went away while its order was decided on."""
    if not deciding.cancelled() and deciding.exception() is None:
        live = deciding.result()
        if live is not None:
            live.leave()


def _conflict(request_id: str) -> Conflict:
    return Conflict(
        f"request_id: `{request_id}` already belongs to another request; use a new id, or send the "
        "very same document and options to join it",
        metadata={"field": "request_id"},
    )
