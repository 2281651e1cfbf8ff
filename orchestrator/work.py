"""Documents as pieces of work: taken once for each id, watched, cancelled, accounted for."""

import asyncio
import contextlib
import logging
import math
from collections.abc import AsyncGenerator

from meshkit.errors import Conflict, DependencyUnavailable, Overloaded
from orchestrator.document_run import ReadingRoom
from orchestrator.execution import Executor
from orchestrator.live import CANCELLED, CRASHED, Live
from orchestrator.order import Order
from orchestrator.pipeline import Pipeline
from orchestrator.records import Entry, Erased, Keeper, Record
from orchestrator.retention import sweep
from orchestrator.reuse import Reuse
from orchestrator.stores.base import DocumentStore
from orchestrator.telemetry.recording import DocumentTelemetry, tell_request
from orchestrator.telemetry.resuming import active_traceparent
from orchestrator.uploads import Uploads
from orchestrator.watching import watched
from pagemesh.orchestrator.v1.document_pb2 import Document, PageResult, PipelineIdentity

_log = logging.getLogger(__name__)

_SHARE_OF_FREE = 9
"""A client has at most so many times the places that are free: a tenth stays for the others."""


class WorkManager:
    """All documents: those at work, and those in the store."""

    def __init__(
        self,
        store: DocumentStore,
        room: ReadingRoom,
        uploads: Uploads,
        reuse: Reuse,
        *,
        max_documents: int,
        max_queued: int,
        retention_seconds: float,
    ) -> None:
        self._store = store
        self._uploads = uploads
        self._executor = Executor(store, room, uploads, reuse, max_documents=max_documents)
        self._capacity = max_documents + max_queued
        self._retention_seconds = retention_seconds
        self._live: dict[str, Live] = {}
        self._accepting = asyncio.Lock()
        self._sweeper: asyncio.Task[None] | None = None
        self._is_stopping = False

    async def start(self) -> None:
        """Begin to delete what is old."""
        self._sweeper = asyncio.create_task(sweep(self._store, self._retention_seconds))

    async def stop(self) -> None:
        """End all work. Safe to call twice and without `start`."""
        self._is_stopping = True
        if self._sweeper is not None:
            self._sweeper.cancel()
        tasks = [live.task for live in self._live.values() if live.task is not None]
        for live in list(self._live.values()):
            live.pause()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def orphans(self) -> list[Record]:
        """Documents that the store keeps and nobody is at work on; they are to be submitted again.

        What a crash left unfinished and nobody keeps is ended.
        """
        async with self._accepting:
            count = await self._store.end_unfinished(CRASHED, at_work=self._live.keys())
            if count:
                _log.warning("ended documents that were cut off", extra={"count": count})
            return await self._store.take_unfinished(Keeper.STORE, at_work=self._live.keys())

    async def ensure_room(self, request_id: str, client: str) -> None:
        """Raises Overloaded when a new document of this id would be refused anyway.

        For asking before its bytes are taken.
        """
        if request_id and await self._store.find(request_id) is not None:
            return
        self._check_capacity(client)

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
            async for event in watched(self._store, order.request_id, live):
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
            async for event in watched(self._store, request_id, live):
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
            await self._store.take_over(request_id)
            await self._store.end(request_id, CANCELLED)
        return await self.document(request_id)

    async def erase(self, request_id: str, *, taken_before: float = math.inf) -> list[Erased]:
        """Stop the work on a document, and delete all that is kept of it; what that was.

        Args:
            request_id: of the document; nothing happens when it is not there.
            taken_before: a Unix time; one that was taken later is another document.
        """
        # Nobody takes the id anew until it is free.
        async with self._accepting:
            record = await self._store.find(request_id)
            if record is not None and _taken_at(record) > taken_before:
                return []
            kept = await self._uploads.drop(request_id)
            live = self._live.get(request_id)
            if live is not None and live.task is not None:
                live.stop(CANCELLED)
                await asyncio.wait([live.task])
            return [*await self._store.erase(request_id), Erased("uploads", int(kept))]

    async def document(self, request_id: str) -> Document:
        """A document's state. Raises NotFound."""
        return (await self._store.get(request_id)).document

    async def pages(
        self, request_id: str, first: int, limit: int, max_bytes: int
    ) -> tuple[list[PageResult], bool]:
        """Finished pages from this number on, and whether there are more."""
        return await self._store.pages_from(request_id, first, limit, max_bytes)

    async def _find(self, request_id: str) -> Live | None:
        """The work on a document; None when it has ended. Raises NotFound.

        Waits for a decision under way: a document is in the store a moment before its work is here.
        """
        async with self._accepting:
            await self._store.get(request_id)
            return self._live.get(request_id)

    async def _accept(self, order: Order) -> Live | None:
        """The work on this order, with one watcher more; None when it has ended or is elsewhere.

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
            if record is not None and (_is_done(record, order) or _is_elsewhere(record, order)):
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
            self._check_capacity(order.client)
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
        live.task = asyncio.create_task(self._execute(live, resources))
        return live

    async def _execute(self, live: Live, resources: contextlib.AsyncExitStack) -> None:
        try:
            await self._executor.execute(live, resources)
        finally:
            del self._live[live.order.request_id]
            live.is_over = True
            live.bell.ring()

    def _check_capacity(self, client: str) -> None:
        """Leaves room for other clients: dynamic thresholds (Choudhury, Hahne, ToN 1998)."""
        if self._is_stopping:
            raise DependencyUnavailable("the orchestrator is stopping; send the document again")
        free = self._capacity - len(self._live)
        own = sum(live.order.client == client for live in self._live.values())
        if own < _SHARE_OF_FREE * free:
            return
        count, whose = (own, " of this client") if free > 0 else (len(self._live), "")
        raise Overloaded(
            f"{count} documents{whose} are at work or waiting, which is the limit; send this one "
            "again later",
            metadata={"limit_documents": str(self._capacity)},
            retry_after=5.0,
        )


def identity_of(pipeline: Pipeline) -> PipelineIdentity:
    """A pipeline's identity as the contract has it."""
    return PipelineIdentity(name=pipeline.name, version=pipeline.version, digest=pipeline.digest)


def _taken_at(record: Record) -> float:
    """When a document was taken, a Unix time."""
    return record.document.create_time.ToNanoseconds() / 1e9


def _is_done(record: Record, order: Order) -> bool:
    """Whether an order asks for no more than the store has."""
    return record.is_final and not record.can_restart and not order.retries


def _is_elsewhere(record: Record, order: Order) -> bool:
    """Whether another orchestrator sees to it. A queue gives its messages to one of us alone."""
    return record.is_elsewhere and order.keeper is not Keeper.SOURCE


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
