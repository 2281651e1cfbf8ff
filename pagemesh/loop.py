"""An event loop on a thread of its own, for callers that have none."""

import asyncio
import threading
from collections.abc import Coroutine
from concurrent import futures
from typing import Any, Generic, TypeVar

T = TypeVar("T")


class LoopThread:
    """Runs coroutines for a synchronous caller. Close it to end the thread."""

    def __init__(self, name: str) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name=name, daemon=True)
        self._thread.start()

    @property
    def is_closed(self) -> bool:
        """Whether the thread has ended."""
        return self._loop.is_closed()

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        """The result of a coroutine. An exception of the caller, Ctrl-C say, cancels it.

        It has ended, then, when this raises. Another Ctrl-C does not wait for that.
        """
        if self.is_closed:
            work.close()
            raise RuntimeError("the client is closed")
        job = _Job(work)
        try:
            self._loop.call_soon_threadsafe(job.start)
            return job.outcome.result()
        except BaseException:
            self._loop.call_soon_threadsafe(job.cancel)
            futures.wait([job.outcome])
            raise

    def close(self) -> None:
        """Cancel what still runs and end the thread. May be repeated."""
        if self.is_closed:
            return
        self.run(_cancel_others())
        self.run(self._loop.shutdown_asyncgens())
        self.run(self._loop.shutdown_default_executor())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()


class _Job(Generic[T]):
    """A coroutine that the loop's thread runs for another one.

    It is known before the loop hears of it, so that it can be cancelled wherever an interrupt meets
    the thread that waits for it. `start` and `cancel` are called by the loop.

    Attributes:
        outcome: its result, its exception, or that it was cancelled.
    """

    def __init__(self, work: Coroutine[Any, Any, T]) -> None:
        self.outcome: futures.Future[T] = futures.Future()
        self._work = work
        self._task: asyncio.Task[T] | None = None

    def start(self) -> None:
        if not self.outcome.done():
            self._task = asyncio.ensure_future(self._work)
            self._task.add_done_callback(self._end)

    def cancel(self) -> None:
        if self._task is not None:
            self._task.cancel()
        elif not self.outcome.done():
            self._work.close()
            self._say_cancelled()

    def _end(self, task: asyncio.Task[T]) -> None:
        if task.cancelled():
            self._say_cancelled()
        elif error := task.exception():
            self.outcome.set_exception(error)
        else:
            self.outcome.set_result(task.result())

    def _say_cancelled(self) -> None:
        self.outcome.cancel()
        self.outcome.set_running_or_notify_cancel()  # only then do those who wait hear of it


async def _cancel_others() -> None:
    others = asyncio.all_tasks() - {asyncio.current_task()}
    for task in others:
        task.cancel()
    await asyncio.gather(*others, return_exceptions=True)
