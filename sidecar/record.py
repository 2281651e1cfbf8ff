"""What is remembered of a call until somebody has time to make spans and metrics of it."""

import asyncio
from collections import deque
from dataclasses import dataclass, field
from threading import Event

from sidecar.http2.headers import Headers
from sidecar.trace_context import TraceContext

GATHER_SECONDS = 0.2


@dataclass(slots=True)
class CallRecord:
    """One call that has ended. Times are nanoseconds; `started_at` is of the Unix epoch, the others
    count from it on a clock that never jumps.

    Attributes:
        method: full name, `package.Service/Method`.
        caller: who called, as far as it said.
        context: where the call stands in its trace.
        started_at: when its headers came in.
        forwarded: when it was passed to the model; None if it never was.
        answered: when the model's last word came in; None if none came.
        ended: when the last word to the caller went out.
        added: what the proxy itself took of that, both ways.
        status: gRPC status code.
        refused: reason why the proxy ended the call itself, empty when it did not.
        request_messages, request_size, response_messages, response_size: messages and their bytes.
        trailers: the model's.
    """

    method: str
    caller: str
    context: TraceContext
    started_at: int
    forwarded: int | None = None
    answered: int | None = None
    ended: int = 0
    added: int = 0
    status: int = 0
    refused: str = ""
    request_messages: int = 0
    request_size: int = 0
    response_messages: int = 0
    response_size: int = 0
    trailers: Headers = field(default_factory=list)


class RecordQueue:
    """Records on their way to telemetry: never grows beyond its bound, never makes a call wait.

    Attributes:
        dropped: records for which there was no room.
        ready: whoever takes records waits for it. The event loop sets it, `GATHER_SECONDS` after a
            record came to an empty queue, so that calls need not wake a thread one by one.
    """

    def __init__(self, capacity: int) -> None:
        self._capacity = capacity
        self._records: deque[CallRecord] = deque()
        self.dropped = 0
        self.ready = Event()

    def __len__(self) -> int:
        return len(self._records)

    def put(self, record: CallRecord) -> None:
        """Keep a record, or count it as dropped. To be called in an event loop."""
        if len(self._records) >= self._capacity:
            self.dropped += 1
            return
        self._records.append(record)
        if len(self._records) <= 1:  # 0: it was taken already, beside what was there before
            asyncio.get_running_loop().call_later(GATHER_SECONDS, self.ready.set)

    def take(self, most: int) -> list[CallRecord]:
        """The oldest records, at most so many. Safe beside `put` in another thread."""
        taken: list[CallRecord] = []
        while self._records and len(taken) < most:
            taken.append(self._records.popleft())
        return taken
