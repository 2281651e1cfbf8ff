"""One call on its way through the proxy: the caller's stream, the model's stream, what is noted."""

import asyncio
import time
from typing import TYPE_CHECKING

from sidecar.http2.frames import ErrorCode
from sidecar.http2.headers import Headers
from sidecar.http2.streams import Stream
from sidecar.messages import MessageCounter, MessageTooLarge
from sidecar.policy import MethodGate
from sidecar.record import CallRecord
from sidecar.replies import (
    RESPONSE_HEADERS,
    Code,
    Refusal,
    code_of_http_status,
    code_of_reset,
    status_code,
)
from sidecar.trace_context import TRACEPARENT, continued

if TYPE_CHECKING:
    from sidecar.proxy import Proxy

_TIMEOUT_UNITS = {
    b"H": 3600.0,
    b"M": 60.0,
    b"S": 1.0,
    b"m": 1e-3,
    b"u": 1e-6,
    b"n": 1e-9,
}

_MAX_NAME = 256
"""Bytes of a method's or a caller's name that telemetry is told."""


class Call:
    """Passes on what either side says. It is the listener of the caller's stream.

    Args:
        proxy: whose call it is.
        stream: the caller's.
        headers, fields: what the caller said, in its order and by name.
        method: full name, `package.Service/Method`.
        gate: the method's, which the call has entered; None where nothing limits it.
    """

    __slots__ = (
        "_answered_headers",
        "_deadline",
        "_ended",
        "_gate",
        "_headers",
        "_held",
        "_marked",
        "_opening",
        "_proxy",
        "_requests",
        "_responses",
        "_started",
        "_status",
        "downstream",
        "record",
        "upstream",
    )

    def __init__(
        self,
        proxy: "Proxy",
        stream: Stream,
        headers: Headers,
        fields: dict[bytes, bytes],
        method: str,
        gate: MethodGate | None,
    ) -> None:
        self._proxy = proxy
        self._gate = gate
        self._started = stream.connection.received_at
        self._headers = headers
        self._held: list[tuple[memoryview, bool]] = []
        self._opening: asyncio.Task[None] | None = None
        self._deadline: asyncio.TimerHandle | None = None
        self._answered_headers = False
        self._ended = False
        self._marked = 0
        self._status: int | None = None
        self.downstream = stream
        self.upstream: Stream | None = None
        config = proxy.config
        largest = gate.limit.max_message_bytes if gate else 0
        self._requests = MessageCounter(largest or config.max_message_bytes)
        self._responses = MessageCounter(config.max_message_bytes)
        self.record = CallRecord(
            method=method[:_MAX_NAME],
            caller=fields.get(proxy.caller_header, b"")[:_MAX_NAME].decode("ascii", "replace"),
            context=continued(fields.get(TRACEPARENT), config.sample_ratio),
            started_at=time.time_ns(),
        )
        timeout = fields.get(b"grpc-timeout")
        if timeout is not None:
            self._set_deadline(timeout)

    # The caller's side

    def begin(self, end_stream: bool) -> None:
        """Pass the call on, now or as soon as the model is there."""
        upstream = self._proxy.upstream.open_stream()
        if upstream is not None:
            self._forward(upstream, end_stream)
        elif self._proxy.waits:
            self._held.append((memoryview(b""), True)) if end_stream else None
            self._opening = asyncio.create_task(self._wait_for_model())
        else:
            self.refuse(self._proxy.unreachable())

    def on_headers(self, headers: Headers, end_stream: bool) -> None:
        """A caller's trailers; gRPC has none, so only their end matters."""
        del headers
        self.on_data(memoryview(b""), end_stream)

    def on_data(self, chunk: memoryview, end_stream: bool) -> None:
        """See `StreamListener`."""
        if self._ended:
            self.downstream.consumed(len(chunk))
            return
        try:
            self._requests.count(chunk)
        except MessageTooLarge as error:
            self.refuse(_too_large(error.size, "request"))
            return
        if self.upstream is None:
            self._held.append((chunk, end_stream))
            return
        self.upstream.send_data(chunk, end_stream)
        if end_stream:
            self._mark(self.upstream, self.downstream)

    def on_reset(self, code: int) -> None:
        """The caller gave up."""
        if self.upstream is not None:
            self.upstream.reset(code)
        self._end(code_of_reset(code))

    def on_lost(self, reason: str, *, unprocessed: bool) -> None:
        """The caller's connection is gone."""
        del reason, unprocessed
        if self.upstream is not None:
            self.upstream.reset(ErrorCode.CANCEL)
        self._end(Code.CANCELLED)

    # The model's side

    def answer_headers(self, headers: Headers, end_stream: bool) -> None:
        """The model's headers or trailers."""
        if self._status is None or end_stream:
            self._note_status(headers)
        self._answered_headers = True
        self.downstream.send_headers(headers, end_stream)
        if end_stream:
            self.record.trailers = headers
            self._answered()

    def answer_data(self, chunk: memoryview, end_stream: bool) -> None:
        """A piece of the model's body."""
        try:
            self._responses.count(chunk)
        except MessageTooLarge as error:
            self.refuse(_too_large(error.size, "response"))
            return
        self.downstream.send_data(chunk, end_stream)
        if end_stream:
            self._answered()

    def answer_reset(self, code: int) -> None:
        """The model gave the stream up: the caller is told the same way."""
        self.record.answered = self._now()
        self.downstream.reset(code)
        self._end(code_of_reset(code))

    def answer_lost(self, reason: str, *, unprocessed: bool) -> None:
        """The model's connection is gone."""
        if unprocessed and not self._answered_headers:
            # gRPC's clients send a refused stream again by themselves, since nobody worked on it.
            self.answer_reset(ErrorCode.REFUSED_STREAM)
            return
        self.record.answered = self._now()
        self.upstream = None
        self.refuse(self._proxy.lost(reason))

    # Ending

    def refuse(self, refusal: Refusal) -> None:
        """End the call with a status of the proxy's own."""
        if self._ended:
            return
        self.record.refused = refusal.reason
        if self.upstream is not None:
            self.upstream.reset(ErrorCode.CANCEL)
        trailers = refusal.trailers()
        headers = trailers if self._answered_headers else RESPONSE_HEADERS + trailers
        downstream = self.downstream
        downstream.drop_waiting()  # the status must not wait until a slow caller has read it all
        downstream.send_headers(headers, end_stream=True)
        if not downstream.remote_ended:
            downstream.reset(ErrorCode.NO_ERROR)  # the rest of the request is not wanted
        self._end(refusal.code)

    def _forward(self, upstream: Stream, end_stream: bool) -> None:
        self.upstream = upstream
        upstream.listener = _Answer(self)
        upstream.source, self.downstream.source = self.downstream, upstream
        upstream.send_headers(self._forwarded_headers(), end_stream)
        self.record.forwarded = self._now()
        self._mark(upstream, self.downstream)
        for chunk, ends in self._held:
            upstream.send_data(chunk, ends)
        self._held.clear()

    def _forwarded_headers(self) -> Headers:
        headers = [header for header in self._headers if header[0] != TRACEPARENT]
        headers.append((TRACEPARENT, self.record.context.traceparent()))
        return headers

    async def _wait_for_model(self) -> None:
        proxy = self._proxy
        try:
            stream = await asyncio.wait_for(proxy.upstream.wait_for_stream(), proxy.waits)
        except TimeoutError:
            self.refuse(proxy.unreachable())
            return
        if self._ended:
            stream.reset(ErrorCode.CANCEL)
        else:
            self._forward(stream, end_stream=False)

    def _set_deadline(self, timeout: bytes) -> None:
        unit = _TIMEOUT_UNITS.get(timeout[-1:])
        if unit is None or not timeout[:-1].isdigit():
            return
        seconds = int(timeout[:-1]) * unit
        loop = asyncio.get_running_loop()
        self._deadline = loop.call_later(seconds, self._too_late)

    def _too_late(self) -> None:
        message = "the deadline passed before the model answered"
        self.refuse(Refusal(Code.DEADLINE_EXCEEDED, "DEADLINE_EXCEEDED", message))

    def _note_status(self, headers: Headers) -> None:
        self._status = status_code(headers)
        if self._status is None and not self._answered_headers:
            http_status = dict(headers).get(b":status", b"")
            if http_status != b"200":
                self._status = code_of_http_status(http_status)

    def _answered(self) -> None:
        """The model has said its last word, and it went on to the caller."""
        self.record.answered = self._now()
        if self.upstream is not None:
            self._mark(self.downstream, self.upstream)
        self._end(Code.UNKNOWN if self._status is None else self._status)

    def _mark(self, to: Stream, of: Stream) -> None:
        """What came in last on one stream goes out on the other: that is the proxy's own time."""
        since = of.connection.received_at
        if since != self._marked:
            self._marked = since
            to.connection.mark(self.record, since)

    def _now(self) -> int:
        return time.perf_counter_ns() - self._started

    def _end(self, status: int) -> None:
        if self._ended:
            return
        self._ended = True
        if self._deadline is not None:
            self._deadline.cancel()
        if self._opening is not None and not self._opening.done():
            self._opening.cancel()
        for chunk, _ in self._held:
            self.downstream.consumed(len(chunk))
        self._held.clear()
        if self._gate is not None:
            self._gate.leave()
        record = self.record
        record.status, record.ended = status, self._now()
        record.request_messages, record.request_size = self._requests.messages, self._requests.size
        record.response_messages = self._responses.messages
        record.response_size = self._responses.size
        self._proxy.ended(self)


class _Answer:
    """The listener of the model's stream."""

    __slots__ = ("_call",)

    def __init__(self, call: Call) -> None:
        self._call = call

    def on_headers(self, headers: Headers, end_stream: bool) -> None:
        self._call.answer_headers(headers, end_stream)

    def on_data(self, chunk: memoryview, end_stream: bool) -> None:
        self._call.answer_data(chunk, end_stream)

    def on_reset(self, code: int) -> None:
        self._call.answer_reset(code)

    def on_lost(self, reason: str, *, unprocessed: bool) -> None:
        self._call.answer_lost(reason, unprocessed=unprocessed)


def _too_large(size: int, direction: str) -> Refusal:
    return Refusal(
        Code.RESOURCE_EXHAUSTED,
        "MESSAGE_TOO_LARGE",
        f"a {direction} message of {size} bytes is over the proxy's limit",
        metadata={"size_bytes": str(size)},
    )
