"""Peers that break HTTP/2 or wear it out: each is told so and let go, the others are served."""

import asyncio
import contextlib
import dataclasses
from collections.abc import AsyncIterator

import pytest

from sidecar.config import SidecarConfig
from sidecar.http2 import frames
from sidecar.http2.frames import ErrorCode, FrameType
from sidecar.http2.headers import HeaderEncoder, Headers
from sidecar.proxy import Proxy
from tests.integration.sidecar.conftest import Place, running

CALL: Headers = [
    (b":method", b"POST"),
    (b":scheme", b"http"),
    (b":path", b"/test.Echo/Sleep"),
    (b"content-type", b"application/grpc"),
    (b"te", b"trailers"),
]


class Peer:
    """One end of a connection, frame by frame."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer = reader, writer

    def send(self, kind: int, flags: int, stream_id: int, payload: bytes = b"") -> None:
        self.writer.write(frames.frame_header(kind, flags, stream_id, len(payload)) + payload)

    def call(self, stream_id: int, headers: Headers = CALL, flags: int = 0) -> None:
        block = HeaderEncoder().encode(headers)
        self.send(FrameType.HEADERS, frames.END_HEADERS | flags, stream_id, block)

    async def flush(self) -> None:
        with contextlib.suppress(ConnectionError):
            await self.writer.drain()

    async def until(self, kind: FrameType) -> bytes:
        """The payload of the next frame of a kind."""
        async with asyncio.timeout(60):
            while True:
                header = await self.reader.readexactly(frames.HEADER_SIZE)
                payload = await self.reader.readexactly(int.from_bytes(header[:3], "big"))
                if header[3] == kind:
                    return payload

    async def told_to_go(self) -> ErrorCode:
        """The code of the GOAWAY that ends the connection."""
        code = ErrorCode(frames.read_error_code(await self.until(FrameType.GOAWAY), 4))
        with contextlib.suppress(ConnectionError):
            while await asyncio.wait_for(self.reader.read(1 << 16), 10):
                pass
        return code

    async def stream_reset(self) -> ErrorCode:
        return ErrorCode(frames.read_error_code(await self.until(FrameType.RST_STREAM)))


@contextlib.asynccontextmanager
async def peer_of(place: Place) -> AsyncIterator[Peer]:
    host, _, port = place.address.rpartition(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    writer.write(frames.PREFACE + frames.settings({}))
    try:
        yield Peer(reader, writer)
    finally:
        writer.close()
        with contextlib.suppress(ConnectionError):
            await writer.wait_closed()
    assert await place.channel.unary_unary("/test.Echo/Unary")(b"fine") == b"fine"


async def test_streams_opened_and_given_up_without_end() -> None:
    """CVE-2023-44487, "rapid reset"."""
    async with running(max_calls=100) as place, peer_of(place) as peer:
        for number in range(5000):
            peer.call(2 * number + 1)
            peer.writer.write(frames.rst_stream(2 * number + 1, ErrorCode.CANCEL))
        await peer.flush()
        assert await peer.told_to_go() is ErrorCode.ENHANCE_YOUR_CALM
        assert not place.proxy.in_flight


@pytest.mark.parametrize("piece", [b"\x00\x01x\x7f\x80\x08", b""])
async def test_a_header_block_without_end(place: Place, piece: bytes) -> None:
    async with peer_of(place) as peer:
        peer.send(FrameType.HEADERS, 0, 1, HeaderEncoder().encode(CALL))
        for _ in range(20_000):
            peer.send(FrameType.CONTINUATION, 0, 1, piece)
        await peer.flush()
        assert await peer.told_to_go() is ErrorCode.ENHANCE_YOUR_CALM


async def test_headers_that_are_too_large(place: Place) -> None:
    async with peer_of(place) as peer:
        peer.call(1, [*CALL, *[(b"x-%d" % n, b"y" * 1000) for n in range(70)]])
        assert await peer.told_to_go() is ErrorCode.ENHANCE_YOUR_CALM


async def test_settings_without_end(place: Place) -> None:
    async with peer_of(place) as peer:
        for _ in range(5000):
            peer.writer.write(frames.settings({}))
        assert await peer.told_to_go() is ErrorCode.ENHANCE_YOUR_CALM


async def test_data_frames_that_carry_nothing(place: Place) -> None:
    async with peer_of(place) as peer:
        peer.call(1)
        for _ in range(5000):
            peer.send(FrameType.DATA, 0, 1)
        assert await peer.told_to_go() is ErrorCode.ENHANCE_YOUR_CALM


async def test_pings_whose_answers_are_not_read(place: Place) -> None:
    """What waits for such a peer is bounded: it is cut off."""
    async with peer_of(place) as peer:
        (connection,) = [c for c in place.proxy._connections if not c.streams]
        piece = frames.ping(b"8 bytes.", ack=False) * 4000

        async def flood() -> None:
            while not connection.closed:
                peer.writer.write(piece)
                await asyncio.wait_for(peer.writer.drain(), 10)

        with contextlib.suppress(ConnectionError, TimeoutError):
            await asyncio.wait_for(flood(), 60)
        assert connection.closed


@pytest.mark.parametrize(
    ("payload", "stream_id", "code"),
    [
        (b"\0\0\0\0", 0, ErrorCode.PROTOCOL_ERROR),
        (b"\x7f\xff\xff\xff", 0, ErrorCode.FLOW_CONTROL_ERROR),
        (b"\0\0\1", 0, ErrorCode.FRAME_SIZE_ERROR),
        (b"\0\0\0\1", 7, ErrorCode.PROTOCOL_ERROR),
    ],
)
async def test_windows_that_cannot_be(
    place: Place, payload: bytes, stream_id: int, code: ErrorCode
) -> None:
    async with peer_of(place) as peer:
        peer.send(FrameType.WINDOW_UPDATE, 0, stream_id, payload)
        assert await peer.told_to_go() is code


async def test_a_streams_window_that_cannot_be(place: Place) -> None:
    async with peer_of(place) as peer:
        peer.call(1)
        peer.send(FrameType.WINDOW_UPDATE, 0, 1, b"\x7f\xff\xff\xff")
        assert await peer.stream_reset() is ErrorCode.FLOW_CONTROL_ERROR
        assert not place.proxy.in_flight


async def test_more_data_than_the_window_allows(place: Place) -> None:
    """The model cannot be reached, so nothing is passed on and no credit given."""
    proxy = Proxy(
        SidecarConfig(upstream="127.0.0.1:1", wait_seconds=30, stream_window_bytes=1 << 20)
    )
    waiting = dataclasses.replace(place, address=await proxy.start())
    async with peer_of(waiting) as peer:
        peer.call(1)
        for _ in range(5):
            peer.send(FrameType.DATA, 0, 1, bytes(1 << 18))
        await peer.flush()
        assert await peer.told_to_go() is ErrorCode.FLOW_CONTROL_ERROR
    await proxy.drain()


async def test_frames_on_a_stream_that_had_ended(place: Place) -> None:
    async with peer_of(place) as peer:
        peer.call(1, flags=frames.END_STREAM)
        peer.send(FrameType.DATA, 0, 1, b"more")
        assert await peer.told_to_go() is ErrorCode.STREAM_CLOSED


async def test_a_malformed_request_ends_its_stream_alone(place: Place) -> None:
    async with peer_of(place) as peer:
        peer.call(1, [*CALL, (b"Upper", b"case")])
        assert await peer.stream_reset() is ErrorCode.PROTOCOL_ERROR
        peer.send(FrameType.DATA, 0, 1, b"sent before the reset was known")
        peer.send(FrameType.PING, 0, 0, b"8 bytes.")
        assert await peer.until(FrameType.PING) == b"8 bytes."


async def test_calls_beyond_the_limit_are_refused() -> None:
    async with running(max_calls=2) as place, peer_of(place) as peer:
        for stream_id in (1, 3, 5):
            peer.call(stream_id)
        assert await peer.stream_reset() is ErrorCode.REFUSED_STREAM


async def test_http_that_is_no_grpc_is_told_so(place: Place) -> None:
    async with peer_of(place) as peer:
        peer.call(1, [h for h in CALL if h[0] != b"content-type"], frames.END_STREAM)
        assert b"gRPC alone" in await peer.until(FrameType.DATA)
