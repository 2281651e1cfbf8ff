"""A thread that waits for a coroutine may be interrupted anywhere."""

import asyncio
import inspect
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from pagemesh.loop import LoopThread


@pytest.fixture
def thread() -> Iterator[LoopThread]:
    thread = LoopThread("test-loop")
    yield thread
    thread.close()
    assert thread.is_closed


def test_results_and_errors_come_back(thread: LoopThread) -> None:
    async def divide(by: int) -> float:
        await asyncio.sleep(0)
        return 1 / by

    assert thread.run(divide(2)) == 0.5
    with pytest.raises(ZeroDivisionError):
        thread.run(divide(0))


@pytest.mark.parametrize("is_heard", [True, False])
def test_what_is_interrupted_has_ended(
    thread: LoopThread, monkeypatch: pytest.MonkeyPatch, is_heard: bool
) -> None:
    """The interrupt comes just after, or just before, the loop is told of the work."""
    events: list[str] = []

    async def work() -> None:
        try:
            events.append("began")
            await asyncio.sleep(3600)
        finally:
            await asyncio.sleep(0.05)
            events.append("ended")

    coroutine = work()
    tell = thread._loop.call_soon_threadsafe

    def interrupted(callback: Callable[..., Any], *args: Any, **kwargs: Any) -> None:
        monkeypatch.undo()
        if is_heard:
            tell(callback, *args, **kwargs)
        raise KeyboardInterrupt

    monkeypatch.setattr(thread._loop, "call_soon_threadsafe", interrupted)
    with pytest.raises(KeyboardInterrupt):
        thread.run(coroutine)
    assert events in (["began", "ended"], [])
    assert inspect.getcoroutinestate(coroutine) == inspect.CORO_CLOSED
    assert is_heard or not events
