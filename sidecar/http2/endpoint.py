"""What an end of an HTTP/2 connection knows and does, but for the frames that come in.

Nothing here waits: what cannot go out yet waits in its stream. Since a stream's peer gets credit
only for what was passed on, no more than a window of each stream is ever held.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from sidecar.http2 import frames
from sidecar.http2.frames import ErrorCode, ProtocolError
from sidecar.http2.guards import GivenUp
from sidecar.http2.headers import Headers
from sidecar.http2.outbox import Outbox, Timed
from sidecar.http2.sender import Sender
from sidecar.http2.streams import Stream
from sidecar.http2.turn import Turn

CREDIT_SHARE = 4
"""Credit is given back in pieces of at least a fourth of the window."""


@dataclass(frozen=True, slots=True)
class Limits:
    """What one end takes of the other.

    Attributes:
        stream_window, connection_window: bytes held of one stream, and of all together.
        max_frame_size: longest frame.
        max_header_list_size: bytes of decoded headers.
        max_streams: calls at once.
        write_buffer: bytes given to the kernel's door before more is held back.
    """

    stream_window: int = 1 << 20
    connection_window: int = 16 << 20
    max_frame_size: int = 1 << 20
    max_header_list_size: int = 64 << 10
    max_streams: int = 4096
    write_buffer: int = 1 << 20


class Endpoint:
    """One end. A server's end is given `on_stream`; a client's end opens streams itself.

    Args:
        limits: what this end takes.
        turn: the event loop's, shared by its connections.
        on_stream: a server's: called with each new stream and its headers.
        on_open: called with the connection once it is made, handshake and all.
        on_closed: called once, with the connection and the reason, when nothing more comes or goes.
        on_lost: called once with the connection when its transport is gone, too.
        on_settings: called with the connection when the peer has told its settings.
    """

    def __init__(
        self,
        limits: Limits,
        turn: Turn,
        *,
        on_stream: Callable[[Stream, Headers, bool], None] | None = None,
        on_open: Callable[[Any], None] | None = None,
        on_closed: Callable[[Any, str], None] | None = None,
        on_lost: Callable[[Any], None] | None = None,
        on_settings: Callable[[Any], None] | None = None,
    ) -> None:
        self.limits = limits
        self.streams: dict[int, Stream] = {}
        self.going_away = False
        self.closed = False
        self.received_at = 0
        self._on_stream = on_stream
        self._on_open = on_open
        self._on_closed = on_closed
        self._on_lost = on_lost
        self._on_settings = on_settings
        self._is_client = on_stream is None
        self._outbox = Outbox(turn, self._overflowed)
        self._sender = Sender(self._outbox, self._forget_if_done)
        self._receive_window = limits.connection_window
        self._owed = 0
        self._peer_max_streams = frames.MAX_STREAM_ID
        self._next_id = 1
        self._last_peer_id = 0
        self._given_up = GivenUp()

    @property
    def room(self) -> bool:
        """Whether one more stream may be opened."""
        return (
            not self.closed
            and not self.going_away
            and len(self.streams) < self._peer_max_streams
            and self._next_id < frames.MAX_STREAM_ID
        )

    def open_stream(self) -> Stream:
        """A client's new stream; ask `room` first."""
        stream = Stream(self, self._next_id, self._sender.peer_window, self.limits.stream_window)
        self._next_id += 2
        self.streams[stream.id] = stream
        return stream

    def send_headers(self, stream: Stream, headers: Headers, end_stream: bool) -> None:
        """Send headers or trailers, after what waits in the stream."""
        stream.begun = True
        self._sender.send_headers(stream, headers, end_stream)

    def send_data(self, stream: Stream, chunk: memoryview, end_stream: bool) -> None:
        """Send a piece of a body, or keep it until the windows allow."""
        self._sender.send_data(stream, chunk, end_stream)

    def drop_waiting(self, stream: Stream) -> None:
        """Forget what waits in a stream; it counts as passed on."""
        self._sender.drop(stream)

    def reset_stream(self, stream: Stream, code: int) -> None:
        """Give a stream up."""
        if self.streams.get(stream.id) is not stream:
            return
        if stream.begun:
            self._give_up(stream.id, code)
        self._forget(stream)

    def credit(self, stream: Stream, size: int) -> None:
        """Let the peer send `size` bytes more, told in pieces worth a frame."""
        self._credit_connection(size)
        if stream.remote_ended or stream.id not in self.streams:
            return
        stream.owed += size
        if stream.owed * CREDIT_SHARE >= self.limits.stream_window:
            stream.receive_window += stream.owed
            self._outbox.put(frames.window_update(stream.id, stream.owed))
            stream.owed = 0

    def _credit_connection(self, size: int) -> None:
        self._owed += size
        if self._owed * CREDIT_SHARE >= self.limits.connection_window:
            self._receive_window += self._owed
            self._outbox.put(frames.window_update(0, self._owed))
            self._owed = 0

    def mark(self, timed: Timed, since: int) -> None:
        """See `Outbox.mark`."""
        self._outbox.mark(timed, since)

    def go_away(self, *, final: bool) -> None:
        """Tell the peer to open no more streams; `final` names the last that is worked on."""
        self.going_away = True
        last = self._last_peer_id if final else frames.MAX_STREAM_ID
        self._outbox.put(frames.goaway(last, ErrorCode.NO_ERROR))

    def ask_for_a_word(self) -> None:
        """Send what the peer must acknowledge at once (RFC 9113, section 6.5.3): empty SETTINGS.

        A PING would do as well, but gRPC's servers take more than a few of them in a silent call
        for abuse and close the connection.
        """
        self._outbox.put(frames.settings({}))

    def drop(self, reason: str) -> None:
        """Close without a word to a peer that hears none; listeners are told."""
        self._outbox.abort()
        self._close(reason)

    def close(self, reason: str = "closed here") -> None:
        """Close at once; listeners are told."""
        self._outbox.close()
        self._close(reason)

    def _refuse(self, stream: Stream, code: ErrorCode) -> None:
        """End a stream that its peer made a mess of."""
        self.reset_stream(stream, code)
        if stream.listener is not None:
            stream.listener.on_reset(code)

    def _give_up(self, stream_id: int, code: int) -> None:
        self._given_up.add(stream_id)
        self._outbox.put(frames.rst_stream(stream_id, code))

    def _forget_if_done(self, stream: Stream) -> None:
        if stream.local_ended and stream.remote_ended:
            self._forget(stream)

    def _forget(self, stream: Stream) -> None:
        """Drop a stream that is over."""
        self.streams.pop(stream.id, None)
        stream.local_ended = stream.remote_ended = True
        self._sender.drop(stream)
        if self.going_away and self._is_client and not self.streams:
            self.close("the server went away")

    def _lose(self, stream: Stream, reason: str, *, unprocessed: bool) -> None:
        self._forget(stream)
        if stream.listener is not None:
            stream.listener.on_lost(reason, unprocessed=unprocessed)

    def _check_opened(self, stream_id: int) -> None:
        """Nothing may come in on a stream that nobody opened."""
        latest = self._next_id - 2 if self._is_client else self._last_peer_id
        if not stream_id or stream_id > latest:
            raise ProtocolError(ErrorCode.PROTOCOL_ERROR, "a frame on a stream that is not open")

    def _check_given_up(self, stream_id: int) -> None:
        """Headers and data may come late on a stream that this end gave up, on no other."""
        self._check_opened(stream_id)
        if stream_id not in self._given_up:
            raise ProtocolError(ErrorCode.STREAM_CLOSED, "a frame on a stream that had ended")

    def _overflowed(self) -> None:
        """The peer asks and asks and does not read the answers."""
        if not self.closed:
            self._abort(ErrorCode.ENHANCE_YOUR_CALM, "answers are not read")
            self._outbox.abort()

    def _abort(self, code: ErrorCode, reason: str) -> None:
        self._outbox.put(frames.goaway(self._last_peer_id, code, reason.encode()[:200]))
        self._outbox.close_after_words()
        self._close(reason)

    def _close(self, reason: str) -> None:
        if self.closed:
            return
        self.closed = self._outbox.closed = True
        for stream in list(self.streams.values()):
            self._lose(stream, reason, unprocessed=False)
        if self._on_closed is not None:
            self._on_closed(self, reason)
