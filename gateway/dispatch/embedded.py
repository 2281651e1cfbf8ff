"""Documents go through a local queue, and by gRPC to one orchestrator."""

import asyncio
import contextlib
import logging
import random
import time
from functools import partial

import grpc

from gateway.dispatch.queue import Delivery, Queue
from gateway.dispatch.tracing import in_trace
from gateway.ledger import DocumentLog, Ledger
from gateway.orchestrator import Orchestrator
from gateway.records import STATUS_OF, Record
from meshkit.errors import (
    Cancelled,
    DeadlineExceeded,
    DependencyUnavailable,
    Internal,
    Overloaded,
    PagemeshError,
)
from meshkit.status import error_from_rpc
from pagemesh.orchestrator.v1.document_pb2 import Document
from pagemesh.orchestrator.v1.orchestrator_service_pb2 import Erasure

_PASSING = (Cancelled, DeadlineExceeded, DependencyUnavailable, Overloaded)
_LONGEST_PAUSE_SECONDS = 30.0
_MOST_INTERNAL_ERRORS = 5
_IDLE_SECONDS = 1.0

_log = logging.getLogger(__name__)


class _LostError(PagemeshError):
    """The orchestrator does not know the document any more: it is sent again."""


class EmbeddedDispatch:
    """A `Dispatch` by a queue on this machine.

    A document stays in the queue until its end is in the ledger, so that a kill of this process or
    of the orchestrator costs time alone: what is in the queue is sent again, and the orchestrator
    goes on with what it knows by its id.

    Args:
        queue: where documents wait.
        ledger: where it is written down what becomes of them.
        orchestrator: that reads them.
        most: documents at the orchestrator at once.
    """

    def __init__(self, queue: Queue, ledger: Ledger, orchestrator: Orchestrator, most: int) -> None:
        self._queue = queue
        self._ledger = ledger
        self._orchestrator = orchestrator
        self._most = most
        self._news = asyncio.Event()
        self._running: dict[str, asyncio.Task[None]] = {}
        self._work: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Open the queue and deliver what is in it."""
        await self._queue.open()
        self._work = asyncio.create_task(self._run())

    async def stop(self) -> None:
        """End; the orchestrator goes on with what it has."""
        tasks = [task for task in (self._work, *self._running.values()) if task is not None]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        self._work = None
        await self._queue.close()

    async def check(self) -> None:
        """Whether the queue takes documents; the orchestrator may be away."""
        await self._queue.next(1, ())

    async def submit(self, record: Record) -> None:
        """Put the document in the queue."""
        await self._queue.put(record.work_id)
        self._news.set()

    async def cancel(self, record: Record) -> None:
        """Have work on the document stopped now, or as soon as the orchestrator is there.

        One that waits in the queue still is at its end at once.
        """
        running = self._running.get(record.work_id)
        if running is None:
            await self._queue.put(record.work_id)
            self._news.set()
            return
        with contextlib.suppress(grpc.aio.AioRpcError):
            await self._orchestrator.cancel(record.work_id)
            return
        running.cancel()  # its next delivery begins with the cancelling

    async def erase(self, work_id: str) -> tuple[list[Erasure], list[str]]:
        """See `Dispatch`."""
        await self._queue.erase(work_id)  # first: no further delivery begins
        running = self._running.get(work_id)
        if running is not None:
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)
        done = await self._orchestrator.erase(work_id)
        return list(done.erasures), list(done.remains)

    async def _run(self) -> None:
        while True:
            self._news.clear()
            pause = _IDLE_SECONDS
            try:
                pause = await self._begin_due()
            except DependencyUnavailable:
                _log.exception("the queue cannot be read")
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._news.wait(), pause)

    async def _begin_due(self) -> float:
        """Begin deliveries that are due; seconds until there may be more to do."""
        room = self._most - len(self._running)
        if room <= 0:
            return _LONGEST_PAUSE_SECONDS
        pause = _LONGEST_PAUSE_SECONDS
        for delivery in await self._queue.next(room, self._running):
            wait = delivery.due - time.time()
            if wait > 0:
                pause = min(pause, wait)
                continue
            task = asyncio.create_task(self._deliver(delivery))
            self._running[delivery.work_id] = task
            task.add_done_callback(partial(self._done, delivery.work_id))
        return pause

    def _done(self, work_id: str, task: "asyncio.Task[None]") -> None:
        del task
        del self._running[work_id]
        self._news.set()

    async def _deliver(self, delivery: Delivery) -> None:
        """One attempt at a document. Whatever happens, it stays in the queue or has its end."""
        try:
            log = await self._ledger.open(delivery.work_id)
            if log is not None and not log.is_over:
                with in_trace(log.record.traceparent):
                    await self._attempt(log, delivery)
            await self._queue.remove(delivery.work_id)
        except asyncio.CancelledError:
            raise
        except PagemeshError as error:
            await self._postpone(delivery, error)
        except Exception as error:
            _log.exception("a delivery failed", extra={"document": delivery.work_id})
            await self._postpone(delivery, error)

    async def _attempt(self, log: DocumentLog, delivery: Delivery) -> None:
        """Raises PagemeshError when another attempt may help."""
        try:
            if log.record.is_unwanted:
                await self._stop_work(log)
            else:
                await self._have_read(log)
        except grpc.aio.AioRpcError as rpc_error:
            error = error_from_rpc(rpc_error)
            is_passing = isinstance(error, _PASSING) or (
                isinstance(error, Internal) and delivery.attempts < _MOST_INTERNAL_ERRORS
            )
            if is_passing:
                raise error from rpc_error
            await log.failed(error)

    async def _have_read(self, log: DocumentLog) -> None:
        await self._orchestrator.submit(log.record)
        await self._follow(log)

    async def _stop_work(self, log: DocumentLog) -> None:
        try:
            await self._orchestrator.cancel(log.record.work_id)
        except grpc.aio.AioRpcError as error:
            if error.code() is not grpc.StatusCode.NOT_FOUND:
                raise
            await log.cancelled()
            return
        await self._follow(log)

    async def _follow(self, log: DocumentLog) -> None:
        """Write down what happens until the document's end.

        Raises:
            grpc.aio.AioRpcError: of the orchestrator.
            _LostError: it does not know the document any more.
        """
        account: Document | None = None
        try:
            async with contextlib.aclosing(self._orchestrator.watch(log.record.work_id)) as events:
                async for event in events:
                    if event.HasField("page"):
                        await log.page(event.page)
                        continue
                    account = event.document
                    # One that was final before is told first, too: its pages come after that.
                    if not STATUS_OF[account.state].is_final:
                        await log.document(account)
        except grpc.aio.AioRpcError as error:
            if error.code() is grpc.StatusCode.NOT_FOUND:
                raise _LostError("the orchestrator does not know the document any more") from error
            raise
        if account is None or not STATUS_OF[account.state].is_final:
            raise DependencyUnavailable("the orchestrator went away", reason="INTERRUPTED")
        await log.document(account)

    async def _postpone(self, delivery: Delivery, error: Exception) -> None:
        attempts = delivery.attempts + 1
        pause = min(2.0 ** min(attempts, 10) / 4, _LONGEST_PAUSE_SECONDS)
        if isinstance(error, PagemeshError) and error.retry_after is not None:
            pause = max(pause, error.retry_after)
        pause *= random.uniform(0.75, 1.25)  # noqa: S311 - so that not all come at once
        _log.warning(
            "a document is delivered again",
            extra={"document": delivery.work_id, "attempts": attempts, "cause": str(error)},
        )
        try:
            await self._queue.postpone(delivery.work_id, attempts, time.time() + pause)
        except DependencyUnavailable:
            _log.exception("the queue cannot be written")
            await asyncio.sleep(_IDLE_SECONDS)
