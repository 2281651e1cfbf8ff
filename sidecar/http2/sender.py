"""The way out of a connection: windows, what waits for them, frames on the transport."""

from collections.abc import Callable

from sidecar.http2 import frames
from sidecar.http2.frames import END_HEADERS, END_STREAM, ErrorCode, FrameType, ProtocolError
from sidecar.http2.headers import HeaderEncoder, Headers
from sidecar.http2.outbox import Outbox
from sidecar.http2.streams import Stream


class Sender:
    """Sends what the peer's windows and the transport allow; the rest waits in its stream.

    Args:
        outbox: takes frames to the transport.
        on_ended: told of a stream on which nothing more will be sent.

    Attributes:
        peer_window: what the peer takes of a new stream.
        peer_frame_size: the longest frame that the peer takes.
    """

    def __init__(self, outbox: Outbox, on_ended: Callable[[Stream], None]) -> None:
        self.peer_window = frames.DEFAULT_WINDOW
        self.peer_frame_size = frames.DEFAULT_MAX_FRAME_SIZE
        self._outbox = outbox
        self._on_ended = on_ended
        self._encoder = HeaderEncoder()
        self._window = frames.DEFAULT_WINDOW
        self._blocked: dict[int, Stream] = {}

    def pause(self) -> None:
        """The transport is full."""
        self._outbox.paused = True

    def resume(self) -> None:
        """The transport has room again."""
        self._outbox.paused = False
        self.send_waiting()

    def widen(self, increment: int) -> None:
        """The peer takes more on the connection.

        Raises:
            ProtocolError: that is nothing, or too much.
        """
        self._window += increment
        if not increment or self._window > frames.MAX_WINDOW:
            code = ErrorCode.FLOW_CONTROL_ERROR if increment else ErrorCode.PROTOCOL_ERROR
            raise ProtocolError(code, "a window is to grow by nothing, or above 2^31 - 1")
        self.send_waiting()

    def send_headers(self, stream: Stream, headers: Headers, end_stream: bool) -> None:
        """Send headers or trailers, after what waits in the stream."""
        if stream.local_ended or self._outbox.closed:
            return
        if stream.waiting:
            stream.waiting.append((headers, end_stream))
        else:
            self._write_headers(stream, headers, end_stream)

    def send_data(self, stream: Stream, chunk: memoryview, end_stream: bool) -> None:
        """Send a piece of a body, or keep it until the windows allow."""
        size = len(chunk)
        if stream.local_ended or self._outbox.closed:
            if stream.source is not None:
                stream.source.consumed(size)
            return
        free = not self._outbox.paused and size <= stream.send_window and size <= self._window
        if stream.waiting or not (free or not size):
            stream.waiting.append((chunk, end_stream))
            self.send_stream(stream)
        else:
            self._write_data(stream, chunk, size, end_stream)

    def send_waiting(self) -> None:
        """Send what waits, stream after stream, beginning with the one that waited longest."""
        for stream in list(self._blocked.values()):
            if self._outbox.paused or self._window <= 0:
                return
            self.send_stream(stream)

    def send_stream(self, stream: Stream) -> None:
        """Send what waits in a stream, as far as the windows allow."""
        waiting = stream.waiting
        self._blocked.pop(stream.id, None)
        while waiting and not self._outbox.paused and not self._outbox.closed:
            item, end_stream = waiting[0]
            if not isinstance(item, memoryview):
                waiting.popleft()
                self._write_headers(stream, item, end_stream)
                continue
            size = len(item)
            allowed = min(size, stream.send_window, self._window)
            if size and allowed <= 0:
                break
            waiting.popleft()
            if allowed < size:
                waiting.appendleft((item[allowed:], end_stream))
                self._write_data(stream, item[:allowed], allowed, end_stream=False)
            else:
                self._write_data(stream, item, size, end_stream)
        if waiting:
            self._blocked[stream.id] = stream

    def drop(self, stream: Stream) -> None:
        """Forget what waits in a stream; it counts as passed on."""
        self._blocked.pop(stream.id, None)
        waiting = sum(len(item) for item, _ in stream.waiting if isinstance(item, memoryview))
        stream.waiting.clear()
        if waiting and stream.source is not None:
            stream.source.consumed(waiting)

    def _write_headers(self, stream: Stream, headers: Headers, end_stream: bool) -> None:
        block = self._encoder.encode(headers)
        largest = self.peer_frame_size
        kind, flags = FrameType.HEADERS, END_STREAM if end_stream else 0
        for at in range(0, len(block), largest):
            part = block[at : at + largest]
            if at + largest >= len(block):
                flags |= END_HEADERS
            self._outbox.put(frames.frame_header(kind, flags, stream.id, len(part)), part)
            kind, flags = FrameType.CONTINUATION, 0
        if end_stream:
            self._end(stream)

    def _write_data(self, stream: Stream, chunk: memoryview, size: int, end_stream: bool) -> None:
        """Write a piece for which there is room in both windows."""
        stream.send_window -= size
        self._window -= size
        largest = self.peer_frame_size
        header = frames.frame_header
        flags = END_STREAM if end_stream else 0
        if size <= largest:
            self._outbox.put(header(0, flags, stream.id, size), chunk)
        else:
            pieces: list[bytes | memoryview] = []
            for at in range(0, size, largest):
                part = chunk[at : at + largest]
                last = flags if at + largest >= size else 0
                pieces += (header(0, last, stream.id, len(part)), part)
            self._outbox.put(*pieces)
        if stream.source is not None:
            stream.source.consumed(size)
        if end_stream:
            self._end(stream)

    def _end(self, stream: Stream) -> None:
        stream.local_ended = True
        self._on_ended(stream)
