"""Models that reset, refuse, say too much or do not read."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import Any

import grpc
import pytest

from sidecar.config import SidecarConfig
from sidecar.http2.frames import ErrorCode
from sidecar.http2.headers import Headers
from sidecar.http2.streams import Stream
from sidecar.proxy import Proxy
from tests.integration.sidecar.conftest import OPTIONS, Place, until_connected
from tests.integration.sidecar.raw_model import RESPONSE, raw_model
from tests.integration.sidecar.test_model_comes_and_goes import details, failure


@contextlib.asynccontextmanager
async def channel_to(address: str, **options: Any) -> AsyncIterator[Any]:
    """A channel to a proxy before this model."""
    proxy = Proxy(SidecarConfig(upstream=address, drain_seconds=5, **options))
    listening = await proxy.start()
    await until_connected(proxy)
    async with grpc.aio.insecure_channel(listening, options=OPTIONS) as channel:
        yield channel
    await proxy.drain()


@pytest.mark.parametrize(
    ("reset", "code"),
    [
        (ErrorCode.CANCEL, grpc.StatusCode.CANCELLED),
        (ErrorCode.ENHANCE_YOUR_CALM, grpc.StatusCode.RESOURCE_EXHAUSTED),
        (ErrorCode.INTERNAL_ERROR, grpc.StatusCode.INTERNAL),
    ],
)
async def test_a_stream_that_the_model_resets(reset: ErrorCode, code: grpc.StatusCode) -> None:
    def answer(stream: Stream, headers: Headers) -> None:
        stream.send_headers(RESPONSE, end_stream=False)
        stream.reset(reset)

    async with raw_model(answer) as (address, _), channel_to(address) as channel:
        assert (await failure(channel.unary_unary("/a.B/C")(b""))).code() is code


async def test_a_model_lost_while_its_caller_reads_slowly() -> None:
    """The status does not wait for the caller to read, nor is it lost since it could still send."""

    def answer(stream: Stream, headers: Headers) -> None:
        stream.send_headers(RESPONSE, end_stream=False)
        message = b"\0" + (8 << 20).to_bytes(4, "big") + bytes(8 << 20)
        stream.send_data(memoryview(message), end_stream=False)
        asyncio.get_running_loop().call_later(1, stream.connection.close)

    # A caller whose window stays small, so that the proxy has to wait for it.
    options = [*OPTIONS, ("grpc.http2.bdp_probe", 0)]
    async with raw_model(answer) as (address, _):
        proxy = Proxy(SidecarConfig(upstream=address, drain_seconds=5))
        listening = await proxy.start()
        await until_connected(proxy)
        channel: Any
        async with grpc.aio.insecure_channel(listening, options=options) as channel:
            call = channel.stream_stream("/a.B/C")()
            await asyncio.sleep(2)
            error = await failure(asyncio.wait_for(call.read(), 20))
            assert error.code() is grpc.StatusCode.UNAVAILABLE
            assert "was lost during the call" in (error.details() or "")
        await proxy.drain()


async def test_an_answer_before_the_request_is_whole() -> None:
    """The model has seen enough: the caller gets its status though it still sends."""

    def answer(stream: Stream, headers: Headers) -> None:
        stream.send_headers([*RESPONSE, (b"grpc-status", b"3")], end_stream=True)

    async with raw_model(answer) as (address, _), channel_to(address) as channel:
        call = channel.stream_unary("/a.B/C")()
        assert await asyncio.wait_for(call.code(), 10) is grpc.StatusCode.INVALID_ARGUMENT


async def test_an_http_error_is_what_a_client_makes_of_it() -> None:
    def answer(stream: Stream, headers: Headers) -> None:
        stream.send_headers([(b":status", b"503")], end_stream=True)

    async with raw_model(answer) as (address, _), channel_to(address) as channel:
        error = await failure(channel.unary_unary("/a.B/C")(b""))
        assert error.code() is grpc.StatusCode.UNAVAILABLE


async def test_a_model_that_does_not_read_holds_the_caller_back() -> None:
    """A hundred megabytes are sent; no more than the windows of both ends leave the caller."""
    window = 1 << 20

    async with raw_model() as (address, listeners):
        proxy = Proxy(SidecarConfig(upstream=address, stream_window_bytes=window))
        listening = await proxy.start()
        await until_connected(proxy)
        channel: Any
        async with grpc.aio.insecure_channel(listening, options=OPTIONS) as channel:

            async def requests() -> AsyncIterator[bytes]:
                for _ in range(100):
                    yield bytes(1_000_000)

            call = channel.stream_unary("/a.B/C")(requests())
            await asyncio.sleep(1)
            (connection,) = proxy.upstream._connections
            held = sum(
                len(item)
                for stream in connection.streams.values()
                for item, _ in stream.waiting
                if isinstance(item, memoryview)
            )
            assert listeners[-1].received == window
            assert 0 < held <= window
            call.cancel()
            assert await asyncio.wait_for(listeners[-1].reset, 60) == ErrorCode.CANCEL
        await proxy.drain()


async def test_what_the_model_is_told(place: Place) -> None:
    """The request's headers go on as they came, but for the trace's context."""
    told: list[Headers] = []

    def answer(stream: Stream, headers: Headers) -> None:
        told.append(headers)
        stream.send_headers([*RESPONSE, (b"grpc-status", b"0")], end_stream=True)

    metadata = (
        ("tracestate", "vendor=1"),
        ("baggage", "user=me"),
        ("twice", "a"),
        ("twice", "b"),
        ("some-bin", b"\x00\xfe"),
    )
    async with raw_model(answer) as (address, _), channel_to(address) as channel:
        call = channel.unary_stream("/a.B/C")(b"", metadata=metadata, timeout=30)
        assert [message async for message in call] == []
    (headers,) = told
    assert [value for name, value in headers if name == b"twice"] == [b"a", b"b"]
    fields = dict(headers)
    assert fields[b"tracestate"] == b"vendor=1"
    assert fields[b"baggage"] == b"user=me"
    assert fields[b"some-bin"].rstrip(b"=") == b"AP4"
    assert fields[b"te"] == b"trailers"
    assert fields[b"grpc-timeout"]
    assert [name for name, _ in headers].count(b"traceparent") == 1


@pytest.mark.parametrize("direction", ["request", "response"])
async def test_messages_over_the_limit_do_not_pass(direction: str) -> None:
    """They are refused by their announced size, before their bytes are there."""

    def answer(stream: Stream, headers: Headers) -> None:
        if direction == "response":
            stream.send_headers(RESPONSE, end_stream=False)
            stream.send_data(memoryview(b"\0" + (50_000).to_bytes(4, "big")), end_stream=False)

    async with (
        raw_model(answer) as (address, listeners),
        channel_to(address, max_message_bytes=10_000) as channel,
    ):
        size = 50_000 if direction == "request" else 10
        error = await failure(channel.unary_unary("/a.B/C")(bytes(size)))
        assert error.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
        info, _ = details(error)
        assert (info.reason, info.metadata["size_bytes"]) == ("MESSAGE_TOO_LARGE", "50000")
        assert await asyncio.wait_for(listeners[-1].reset, 60) == ErrorCode.CANCEL


async def test_calls_a_second_are_limited() -> None:
    def answer(stream: Stream, headers: Headers) -> None:
        stream.send_headers([*RESPONSE, (b"grpc-status", b"3")], end_stream=True)

    async with (
        raw_model(answer) as (address, _),
        channel_to(address, method_limits=("a.B/*;0;0.5",)) as channel,
    ):
        call = channel.unary_unary("/a.B/C")
        assert (await failure(call(b""))).code() is grpc.StatusCode.INVALID_ARGUMENT
        error = await failure(call(b""))
        assert error.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
        info, retry = details(error)
        assert info.reason == "RATE_EXCEEDED"
        assert retry is not None
        assert 0 < retry <= 2
        other = await failure(channel.unary_unary("/other.B/C")(b""))
        assert other.code() is grpc.StatusCode.INVALID_ARGUMENT


async def test_a_model_that_has_not_said_a_word_is_left_at_the_end() -> None:
    """What the proxy was about to open is closed with the rest, though it was in no use yet."""
    came: asyncio.Future[asyncio.StreamReader] = asyncio.get_running_loop().create_future()

    def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        came.set_result(reader)
        connections.append(writer)

    connections: list[asyncio.StreamWriter] = []
    server = await asyncio.start_server(silent, "127.0.0.1", 0)
    host, port = server.sockets[0].getsockname()
    proxy = Proxy(SidecarConfig(upstream=f"{host}:{port}"))
    await proxy.start()
    reader = await came
    await proxy.drain()
    async with asyncio.timeout(60):
        assert (await reader.read()).startswith(b"PRI * HTTP/2.0")  # and then the end
    connections[0].close()
    server.close()
    await server.wait_closed()
