"""Whatever a peer sends, a connection goes on or ends as the protocol says, and raises nothing."""

import asyncio

from hypothesis import given
from hypothesis import strategies as st

from sidecar.http2 import frames
from sidecar.http2.connection import Connection
from sidecar.http2.endpoint import Limits
from sidecar.http2.headers import HeaderEncoder, Headers
from sidecar.http2.streams import Stream

REQUEST = HeaderEncoder().encode(
    [(b":method", b"POST"), (b":scheme", b"http"), (b":path", b"/a.B/C")]
)


class Wire:
    """Takes the place of a transport."""

    def __init__(self) -> None:
        self.written = bytearray()
        self.closed = False

    def write(self, data: bytes) -> None:
        assert not self.closed
        self.written += data

    def writelines(self, parts: list[bytes]) -> None:
        self.write(b"".join(parts))

    def set_write_buffer_limits(self, high: int) -> None:
        assert high

    def can_write_eof(self) -> bool:
        return False

    def close(self) -> None:
        self.closed = True


class Listener:
    """Gives back what it was sent; after the end nothing more may come."""

    def __init__(self, stream: Stream, over: bool) -> None:
        self.stream, self.over = stream, over

    def on_headers(self, _headers: Headers, end_stream: bool) -> None:
        assert not self.over
        self.over = end_stream

    def on_data(self, chunk: memoryview, end_stream: bool) -> None:
        assert not self.over
        self.over = end_stream
        self.stream.source = self.stream
        self.stream.send_data(chunk, end_stream)

    def on_reset(self, code: int) -> None:
        del code

    def on_lost(self, reason: str, *, unprocessed: bool) -> None:
        assert reason
        assert not unprocessed


FRAME = st.one_of(
    st.tuples(st.integers(0, 11), st.integers(0, 255), st.integers(0, 9), st.binary(max_size=24)),
    st.tuples(st.just(1), st.sampled_from([0, 1, 4, 5]), st.integers(0, 9), st.just(REQUEST)),
    st.tuples(st.just(0), st.sampled_from([0, 1]), st.integers(1, 9), st.binary(max_size=300)),
)


def receive(connection: Connection, sent: bytes) -> None:
    """What an event loop does when something comes in."""
    connection.get_buffer(-1)[: len(sent)] = sent
    connection.buffer_updated(len(sent))


def test_no_frame_is_too_odd() -> None:
    @given(sent=st.lists(FRAME, max_size=30))
    def check(sent: list[tuple[int, int, int, bytes]]) -> None:
        asyncio.run(go(sent))

    async def go(sent: list[tuple[int, int, int, bytes]]) -> None:
        ended: list[str] = []

        def begin(stream: Stream, _headers: Headers, end_stream: bool) -> None:
            stream.listener = Listener(stream, end_stream)

        connection = Connection(
            Limits(stream_window=65_535, connection_window=65_535),
            on_stream=begin,
            on_closed=lambda _connection, reason: ended.append(reason),
        )
        wire = Wire()
        connection.connection_made(wire)  # type: ignore[arg-type]
        receive(connection, frames.PREFACE)
        for kind, flags, stream_id, payload in sent:
            if connection.closed:
                break
            header = frames.frame_header(kind, flags, stream_id, len(payload))
            receive(connection, header + payload)
        assert wire.closed == connection.closed == bool(ended)
        if connection.closed:
            assert not connection.streams
        held = sum(
            len(item)
            for stream in connection.streams.values()
            for item, _ in stream.waiting
            if isinstance(item, memoryview)
        )
        assert held <= 65_535

    check()
