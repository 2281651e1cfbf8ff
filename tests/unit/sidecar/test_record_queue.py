"""The queue between calls and telemetry is bounded and counts what it drops."""

from sidecar.record import CallRecord, RecordQueue
from sidecar.trace_context import continued


def record(number: int) -> CallRecord:
    return CallRecord(f"s/{number}", "", continued(None, 1), 0)


def test_oldest_first_and_bounded() -> None:
    queue = RecordQueue(3)
    for number in range(5):
        queue.put(record(number))
    assert queue.dropped == 2
    assert [r.method for r in queue.take(2)] == ["s/0", "s/1"]
    assert [r.method for r in queue.take(9)] == ["s/2"]
    assert not len(queue)
