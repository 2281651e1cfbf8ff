"""The queue between calls and telemetry is bounded, counts drops, and says when it fills."""

import asyncio

from sidecar.record import CallRecord, RecordQueue
from sidecar.trace_context import continued


def record(number: int) -> CallRecord:
    return CallRecord(f"s/{number}", "", continued(None, 1), 0)


async def test_oldest_first_and_bounded() -> None:
    queue = RecordQueue(3)
    for number in range(5):
        queue.put(record(number))
    assert queue.dropped == 2
    assert [r.method for r in queue.take(2)] == ["s/0", "s/1"]
    assert [r.method for r in queue.take(9)] == ["s/2"]
    assert not len(queue)


async def test_whoever_takes_is_woken_once_for_what_came_together() -> None:
    queue = RecordQueue(9)
    for turn in range(2):
        queue.put(record(turn))
        queue.put(record(turn))
        assert not queue.ready.is_set()
        assert await asyncio.to_thread(queue.ready.wait, 10)
        queue.ready.clear()
        assert len(queue.take(9)) == 2
