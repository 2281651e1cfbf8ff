"""One end of an HTTP/2 connection (RFC 9113) on an asyncio transport.

What comes in is told to listeners at once.
"""

import asyncio
import time
from collections.abc import Callable
from typing import cast

from sidecar.http2 import checks, frames
from sidecar.http2.blocks import Block
from sidecar.http2.buffers import pieces_of
from sidecar.http2.endpoint import Endpoint, Limits
from sidecar.http2.frames import (
    ACK,
    END_STREAM,
    ErrorCode,
    FrameReader,
    FrameType,
    ProtocolError,
    Setting,
)
from sidecar.http2.guards import Budget
from sidecar.http2.headers import HeaderDecoder, Headers
from sidecar.http2.streams import Stream
from sidecar.http2.turn import Turn

RESETS_A_SECOND = 200
"""Streams that a peer may give up, beside as many as it may have at once: it costs it nothing."""
IDLE_FRAMES, IDLE_FRAMES_A_SECOND = 1000, 200
"""Frames that carry nothing, and SETTINGS: no peer has a use for many."""

_NOTHING = bytearray()


class Connection(Endpoint, asyncio.BufferedProtocol):
    """An end that hears its peer.

    Args:
        limits, on_stream, on_open, on_closed, on_lost, on_settings: see `Endpoint`.
        turn: the event loop's; None for one of its own.
    """

    def __init__(
        self,
        limits: Limits,
        *,
        on_stream: Callable[[Stream, Headers, bool], None] | None = None,
        on_open: Callable[["Connection"], None] | None = None,
        on_closed: Callable[["Connection", str], None] | None = None,
        on_lost: Callable[["Connection"], None] | None = None,
        on_settings: Callable[["Connection"], None] | None = None,
        turn: Turn | None = None,
    ) -> None:
        self._turn = turn or Turn()
        super().__init__(
            limits,
            self._turn,
            on_stream=on_stream,
            on_open=on_open,
            on_closed=on_closed,
            on_lost=on_lost,
            on_settings=on_settings,
        )
        preface = b"" if self._is_client else frames.PREFACE
        self._reader = FrameReader(self, limits.max_frame_size, preface)
        self._decoder = HeaderDecoder(limits.max_header_list_size)
        self._resets = Budget("streams were given up", limits.max_streams, RESETS_A_SECOND)
        self._idle_frames = Budget("frames say nothing", IDLE_FRAMES, IDLE_FRAMES_A_SECOND)
        self._block: Block | None = None
        self._buffer = _NOTHING

    # asyncio.BufferedProtocol

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._outbox.attach(cast(asyncio.Transport, transport), self.limits.write_buffer)
        limits = self.limits
        announced = {
            Setting.INITIAL_WINDOW_SIZE: limits.stream_window,
            Setting.MAX_FRAME_SIZE: limits.max_frame_size,
            Setting.MAX_HEADER_LIST_SIZE: limits.max_header_list_size,
        }
        if self._is_client:
            announced[Setting.ENABLE_PUSH] = 0
        else:
            announced[Setting.MAX_CONCURRENT_STREAMS] = limits.max_streams
        first = frames.PREFACE if self._is_client else b""
        more = limits.connection_window - frames.DEFAULT_WINDOW
        self._outbox.put(first + frames.settings(announced) + frames.window_update(0, more))
        if self._on_open is not None:
            self._on_open(self)

    def get_buffer(self, _sizehint: int) -> memoryview:
        self._buffer = self._turn.buffers.take()
        return memoryview(self._buffer)  # asyncio's TLS reads into a slice, which must be no copy

    def buffer_updated(self, nbytes: int) -> None:
        buffer, self._buffer = self._buffer, _NOTHING
        if self.closed:
            return
        self.received_at = time.perf_counter_ns()
        self._turn.begin()
        try:
            self._reader.feed(pieces_of(buffer, nbytes))
        except ProtocolError as error:
            self._abort(error.code, str(error))
        finally:
            self._turn.end()

    def eof_received(self) -> None:
        return None

    def connection_lost(self, exc: Exception | None) -> None:
        self._close(str(exc) if exc else "the peer closed the connection")
        if self._on_lost is not None:
            self._on_lost(self)

    def pause_writing(self) -> None:
        self._sender.pause()

    def resume_writing(self) -> None:
        self._sender.resume()

    # Frames that came in

    def on_data(self, stream_id: int, chunk: memoryview, size: int, end_stream: bool) -> None:
        """See `FrameHandler`."""
        self._receive_window -= size
        if self._receive_window < 0:
            raise ProtocolError(ErrorCode.FLOW_CONTROL_ERROR, "the connection's window is spent")
        if not size and not end_stream:
            self._idle_frames.spend()
        stream = self.streams.get(stream_id)
        if stream is None or stream.remote_ended:
            self._check_given_up(stream_id)
            self._credit_connection(size)
            return
        stream.receive_window -= size
        if stream.receive_window < 0:
            raise ProtocolError(ErrorCode.FLOW_CONTROL_ERROR, "a stream's window is spent")
        padding = size - len(chunk)
        if padding:
            self.credit(stream, padding)
        if stream.announced is not None and not self._as_announced(stream, len(chunk), end_stream):
            return
        if end_stream:
            stream.remote_ended = True
        if stream.listener is not None:
            stream.listener.on_data(chunk, end_stream)
        else:
            self.credit(stream, len(chunk))
        if end_stream:
            self._forget_if_done(stream)

    def _as_announced(self, stream: Stream, size: int, end_stream: bool) -> bool:
        """Whether a body is still as long as `content-length` said."""
        left = stream.announced = (stream.announced or 0) - size
        if left < 0 or (end_stream and left):
            self._refuse(stream, ErrorCode.PROTOCOL_ERROR)
            return False
        return True

    def on_frame(self, kind: int, flags: int, stream_id: int, payload: bytes) -> None:
        """See `FrameHandler`."""
        if self._block is not None and kind != FrameType.CONTINUATION:
            raise ProtocolError(ErrorCode.PROTOCOL_ERROR, "a header block was interrupted")
        handle = _HANDLERS.get(kind)
        if handle is not None:
            handle(self, flags, stream_id, payload)

    def _on_headers(self, flags: int, stream_id: int, payload: bytes) -> None:
        if not stream_id:
            raise ProtocolError(ErrorCode.PROTOCOL_ERROR, "HEADERS on no stream")
        if flags & frames.PRIORITY_FLAG:
            _check_dependency(stream_id, payload[1 if flags & frames.PADDED else 0 :])
        piece = frames.unpadded(payload, flags, priority=True)
        self._block = Block(stream_id, flags, self.limits.max_header_list_size)
        self._add_to_block(stream_id, flags, piece)

    def _on_continuation(self, flags: int, stream_id: int, payload: bytes) -> None:
        if self._block is None:
            raise ProtocolError(ErrorCode.PROTOCOL_ERROR, "CONTINUATION of nothing")
        self._add_to_block(stream_id, flags, payload)

    def _add_to_block(self, stream_id: int, flags: int, piece: bytes) -> None:
        block = self._block
        whole = block.add(stream_id, flags, piece) if block is not None else None
        if block is not None and whole is not None:
            self._block = None
            headers = self._decoder.decode(whole)  # always: it moves the table that both ends share
            self._headers_complete(stream_id, headers, bool(block.flags & END_STREAM))

    def _headers_complete(self, stream_id: int, headers: Headers, end_stream: bool) -> None:
        stream = self.streams.get(stream_id)
        if stream is None and not self._is_client and stream_id > self._last_peer_id:
            self._open_peer_stream(stream_id, headers, end_stream)
        elif stream is None or stream.remote_ended:
            self._check_given_up(stream_id)
        elif not self._is_client and (not end_stream or checks.fault_of_trailers(headers)):
            self._refuse(stream, ErrorCode.PROTOCOL_ERROR)
        else:
            stream.remote_ended = end_stream
            if stream.listener is not None:
                stream.listener.on_headers(headers, end_stream)
            self._forget_if_done(stream)

    def _open_peer_stream(self, stream_id: int, headers: Headers, end_stream: bool) -> None:
        if stream_id % 2 == 0:
            raise ProtocolError(ErrorCode.PROTOCOL_ERROR, "a client's streams have odd numbers")
        self._last_peer_id = stream_id
        if len(self.streams) >= self.limits.max_streams:
            self._give_up(stream_id, ErrorCode.REFUSED_STREAM)
            return
        length = checks.announced_length(headers)
        if checks.fault_of_request(headers) or (length and end_stream):
            self._give_up(stream_id, ErrorCode.PROTOCOL_ERROR)
            return
        stream = Stream(self, stream_id, self._sender.peer_window, self.limits.stream_window)
        stream.begun, stream.remote_ended, stream.announced = True, end_stream, length
        self.streams[stream_id] = stream
        if self._on_stream is not None:
            self._on_stream(stream, headers, end_stream)

    def _on_priority(self, _flags: int, stream_id: int, payload: bytes) -> None:
        self._idle_frames.spend()
        if not stream_id:
            raise ProtocolError(ErrorCode.PROTOCOL_ERROR, "PRIORITY on no stream")
        if len(payload) != 5:
            raise ProtocolError(ErrorCode.FRAME_SIZE_ERROR, "a PRIORITY has five bytes")
        _check_dependency(stream_id, payload)

    def _on_rst_stream(self, _flags: int, stream_id: int, payload: bytes) -> None:
        if len(payload) != 4:
            raise ProtocolError(ErrorCode.FRAME_SIZE_ERROR, "a RST_STREAM has four bytes")
        code = frames.read_error_code(payload)
        self._check_opened(stream_id)
        self._resets.spend()
        stream = self.streams.get(stream_id)
        if stream is None:
            return
        self._forget(stream)
        if stream.listener is not None:
            stream.listener.on_reset(code)

    def _on_settings_frame(self, flags: int, stream_id: int, payload: bytes) -> None:
        if stream_id:
            raise ProtocolError(ErrorCode.PROTOCOL_ERROR, "SETTINGS on a stream")
        self._idle_frames.spend()
        if flags & ACK:
            if payload:
                raise ProtocolError(ErrorCode.FRAME_SIZE_ERROR, "a SETTINGS ACK says nothing")
            return
        for key, value in frames.read_settings(payload):
            self._take_setting(key, value)
        self._outbox.put(frames.SETTINGS_ACK)
        self._sender.send_waiting()
        if self._on_settings is not None:
            self._on_settings(self)

    def _take_setting(self, key: int, value: int) -> None:
        match key:
            case Setting.INITIAL_WINDOW_SIZE:
                if value > frames.MAX_WINDOW:
                    raise ProtocolError(ErrorCode.FLOW_CONTROL_ERROR, "a window above 2^31 - 1")
                for stream in self.streams.values():
                    stream.send_window += value - self._sender.peer_window
                    if stream.send_window > frames.MAX_WINDOW:
                        raise ProtocolError(ErrorCode.FLOW_CONTROL_ERROR, "a stream's window")
                self._sender.peer_window = value
            case Setting.ENABLE_PUSH if value > 1:
                raise ProtocolError(ErrorCode.PROTOCOL_ERROR, "ENABLE_PUSH is 0 or 1")
            case Setting.MAX_FRAME_SIZE:
                if not frames.DEFAULT_MAX_FRAME_SIZE <= value < 1 << 24:
                    raise ProtocolError(ErrorCode.PROTOCOL_ERROR, "MAX_FRAME_SIZE out of bounds")
                self._sender.peer_frame_size = value
            case Setting.MAX_CONCURRENT_STREAMS:
                self._peer_max_streams = value

    def _on_ping(self, flags: int, stream_id: int, payload: bytes) -> None:
        if stream_id:
            raise ProtocolError(ErrorCode.PROTOCOL_ERROR, "PING on a stream")
        if len(payload) != 8:
            raise ProtocolError(ErrorCode.FRAME_SIZE_ERROR, "a PING has eight bytes")
        if not flags & ACK:
            self._outbox.put(frames.ping(payload, ack=True))

    def _on_goaway(self, _flags: int, stream_id: int, payload: bytes) -> None:
        if stream_id:
            raise ProtocolError(ErrorCode.PROTOCOL_ERROR, "GOAWAY on a stream")
        self.going_away = True
        last = frames.read_word(payload)
        if not self._is_client:
            return
        for stream in [stream for stream in self.streams.values() if stream.id > last]:
            self._lose(stream, "the server is going away", unprocessed=True)
        if not self.streams:
            self.close("the server went away")

    def _on_window_update(self, _flags: int, stream_id: int, payload: bytes) -> None:
        if len(payload) != 4:
            raise ProtocolError(ErrorCode.FRAME_SIZE_ERROR, "a WINDOW_UPDATE has four bytes")
        increment = frames.read_word(payload)
        if not stream_id:
            self._sender.widen(increment)
            return
        self._check_opened(stream_id)
        stream = self.streams.get(stream_id)
        if stream is None:
            return
        stream.send_window += increment
        if not increment:
            self._refuse(stream, ErrorCode.PROTOCOL_ERROR)
        elif stream.send_window > frames.MAX_WINDOW:
            self._refuse(stream, ErrorCode.FLOW_CONTROL_ERROR)
        else:
            self._sender.send_stream(stream)

    def _on_push_promise(self, _flags: int, _stream_id: int, _payload: bytes) -> None:
        raise ProtocolError(ErrorCode.PROTOCOL_ERROR, "PUSH_PROMISE was never allowed")


def _check_dependency(stream_id: int, priority: bytes) -> None:
    if frames.read_word(priority) == stream_id:
        raise ProtocolError(ErrorCode.PROTOCOL_ERROR, "a stream depends on itself")


_HANDLERS: dict[int, Callable[[Connection, int, int, bytes], None]] = {
    FrameType.HEADERS: Connection._on_headers,
    FrameType.PRIORITY: Connection._on_priority,
    FrameType.RST_STREAM: Connection._on_rst_stream,
    FrameType.SETTINGS: Connection._on_settings_frame,
    FrameType.PUSH_PROMISE: Connection._on_push_promise,
    FrameType.PING: Connection._on_ping,
    FrameType.GOAWAY: Connection._on_goaway,
    FrameType.WINDOW_UPDATE: Connection._on_window_update,
    FrameType.CONTINUATION: Connection._on_continuation,
}
