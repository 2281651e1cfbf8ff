"""Gathers single pages into batches for the model.

Everything but `predict` runs on the event loop, in plain callbacks: a page's place in the queue is
never shared with another caller's, so a caller that goes away takes only its own page along.
"""

import asyncio
import contextvars
import itertools
import logging
import time
from collections.abc import Hashable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Generic

from opentelemetry import trace

from meshkit.errors import DeadlineExceeded, Internal, ModelNotReady, PagemeshError
from meshkit.model import ModelIdentity, OptionsT, PageInput, PageModel, ResultT
from meshkit.telemetry.batches import BatchTelemetry

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class BatchAnswer(Generic[ResultT]):
    """A page's result and what it cost.

    Attributes:
        result: what the model answered.
        queue_seconds: from `submit` to the start of `predict`.
        inference_seconds: the time of `predict` divided by the pages in the batch.
        batch_size: pages in the batch.
    """

    result: ResultT
    queue_seconds: float
    inference_seconds: float
    batch_size: int


@dataclass(slots=True)
class _Waiting(Generic[OptionsT, ResultT]):
    page: PageInput[OptionsT]
    future: "asyncio.Future[BatchAnswer[ResultT]]"
    since: float
    deadline: float | None
    span: trace.SpanContext


@dataclass(slots=True)
class _Bucket(Generic[OptionsT, ResultT]):
    """Waiting pages of one shape, oldest first."""

    pages: dict[int, _Waiting[OptionsT, ResultT]] = field(default_factory=dict)

    def due(self, delay: float) -> float:
        return next(iter(self.pages.values())).since + delay


class Batcher(Generic[OptionsT, ResultT]):
    """Runs a loaded model on the pages that are submitted to it.

    A batch holds pages of one bucket (`PageModel.bucket`). It starts as soon as a worker is free
    and it is full or its oldest page has waited for `max_delay` seconds.

    Args:
        model: already loaded.
        max_size: pages in a batch, at most.
        max_delay: seconds that a page waits for others, at most.
        workers: batches in `predict` at once; 1 when the model is not `concurrent`.
        identity: the model's, for telemetry.
    """

    def __init__(
        self,
        model: PageModel[OptionsT, ResultT],
        *,
        max_size: int = 1,
        max_delay: float = 0.0,
        workers: int = 1,
        identity: ModelIdentity | None = None,
    ) -> None:
        self._model = model
        self._telemetry = BatchTelemetry(identity)
        self._max_size = max_size
        self._max_delay = max_delay
        self._idle = workers if model.concurrent else 1
        self._pool = ThreadPoolExecutor(self._idle, thread_name_prefix="predict")
        self._buckets: dict[Hashable, _Bucket[OptionsT, ResultT]] = {}
        self._ids = itertools.count()
        self._running: set[asyncio.Task[None]] = set()
        self._timer: asyncio.TimerHandle | None = None
        self._closing = False
        self._drained = asyncio.Event()

    @property
    def queued(self) -> int:
        """Pages that wait for a batch."""
        return sum(len(bucket.pages) for bucket in self._buckets.values())

    async def submit(
        self, page: PageInput[OptionsT], *, deadline: float | None = None
    ) -> BatchAnswer[ResultT]:
        """The model's answer for one page.

        Args:
            page: what `predict` gets.
            deadline: on the clock of `time.monotonic`; a page still queued then is dropped.

        Raises:
            PagemeshError: what the model answered for this page.
            Internal: the model failed on the whole batch.
            DeadlineExceeded: the page was still queued at its deadline.
            ModelNotReady: the batcher is closing.
        """
        if self._closing:
            raise ModelNotReady("the server is shutting down; retry at another")
        key, number = self._model.bucket(page), next(self._ids)
        future: asyncio.Future[BatchAnswer[ResultT]] = asyncio.get_running_loop().create_future()
        bucket = self._buckets.setdefault(key, _Bucket())
        span = trace.get_current_span().get_span_context()
        bucket.pages[number] = _Waiting(page, future, time.monotonic(), deadline, span)
        self._start_batches()
        try:
            return await future
        finally:
            bucket.pages.pop(number, None)
            self._forget(key, bucket)
            if future.done() and not future.cancelled():
                future.exception()  # a caller that was cancelled just now never looks at it

    async def close(self) -> None:
        """Answer what is queued, then take nothing more. May be called again, and at once."""
        self._closing = True
        self._start_batches()
        await self._drained.wait()
        self._pool.shutdown(wait=False)

    def _start_batches(self) -> None:
        """Start every batch that is due, and see to being called when the next one will be."""
        now = time.monotonic()
        self._drop_gone(now)
        while self._idle and (batch := self._take_due(now)):
            self._idle -= 1
            task = asyncio.create_task(self._run(batch))
            self._running.add(task)
            task.add_done_callback(self._finished)
        self._set_timer(now)
        if self._closing and not self._running and not self.queued:
            self._drained.set()

    def _finished(self, task: "asyncio.Task[None]") -> None:
        self._running.discard(task)
        self._idle += 1
        self._start_batches()

    def _drop_gone(self, now: float) -> None:
        """Drop pages whose caller was cancelled or whose deadline has passed."""
        for key, bucket in list(self._buckets.items()):
            for number, waiting in list(bucket.pages.items()):
                expired = waiting.deadline is not None and waiting.deadline <= now
                if expired and not waiting.future.done():
                    waiting.future.set_exception(
                        DeadlineExceeded("the deadline passed while the page was queued")
                    )
                if waiting.future.done():
                    del bucket.pages[number]
            self._forget(key, bucket)

    def _forget(self, key: Hashable, bucket: _Bucket[OptionsT, ResultT]) -> None:
        if not bucket.pages and self._buckets.get(key) is bucket:
            del self._buckets[key]

    def _take_due(self, now: float) -> list[_Waiting[OptionsT, ResultT]]:
        """Up to `max_size` pages of the bucket that has been due longest."""
        delay = 0.0 if self._closing else self._max_delay
        due = [
            (bucket.due(delay), key)
            for key, bucket in self._buckets.items()
            if len(bucket.pages) >= self._max_size or bucket.due(delay) <= now
        ]
        if not due:
            return []
        _, key = min(due, key=lambda entry: entry[0])
        bucket = self._buckets[key]
        numbers = list(itertools.islice(bucket.pages, self._max_size))
        batch = [bucket.pages.pop(number) for number in numbers]
        self._forget(key, bucket)
        return batch

    def _set_timer(self, now: float) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        moments = [w.deadline for b in self._buckets.values() for w in b.pages.values()]
        wake = [moment for moment in moments if moment is not None]
        if self._idle:
            wake += [bucket.due(self._max_delay) for bucket in self._buckets.values()]
        if wake:
            loop = asyncio.get_running_loop()
            self._timer = loop.call_later(max(0.0, min(wake) - now), self._start_batches)

    async def _run(self, batch: Sequence[_Waiting[OptionsT, ResultT]]) -> None:
        loop = asyncio.get_running_loop()
        pages = [waiting.page for waiting in batch]
        started = time.monotonic()
        waits = [started - waiting.since for waiting in batch]
        with self._telemetry.running([waiting.span for waiting in batch], waits):
            run = contextvars.copy_context().run
            results = await loop.run_in_executor(self._pool, run, self._predict, pages)
        share = (time.monotonic() - started) / len(batch)
        for waiting, result, queued in zip(batch, results, waits, strict=True):
            if waiting.future.done():
                continue
            if isinstance(result, PagemeshError):
                waiting.future.set_exception(result)
            else:
                waiting.future.set_result(BatchAnswer(result, queued, share, len(batch)))

    def _predict(self, pages: Sequence[PageInput[OptionsT]]) -> Sequence[ResultT | PagemeshError]:
        """`predict` in a worker thread; whatever goes wrong becomes every page's error."""
        try:
            results = list(self._model.predict(pages))
            if len(results) == len(pages):
                return results
            _log.error(
                "model gave a wrong number of results",
                extra={"pages": len(pages), "results": len(results)},
            )
        except BaseException:  # SystemExit in a worker thread must not end the process either
            _log.exception("model failed", extra={"pages": len(pages)})
        return [Internal("the model failed on this page's batch") for _ in pages]
