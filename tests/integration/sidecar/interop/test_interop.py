"""gRPC's public interoperability cases, directly and through the sidecar, with the same assertions.

`INTEROP_SERVER=host:port` runs them against a server of another implementation instead.
"""

import asyncio
import contextlib
import os
from collections.abc import AsyncIterator
from typing import Any

import grpc
import pytest
import pytest_asyncio

from sidecar.config import SidecarConfig
from sidecar.proxy import Proxy
from tests.integration.sidecar.conftest import until_connected
from tests.integration.sidecar.interop import service
from tests.integration.sidecar.interop.contract import (
    INITIAL,
    TRAILING,
    Stub,
    message,
    payload,
    simple,
    streaming,
)

SENT, ASKED = [27182, 8, 1828, 45904], [31415, 9, 2653, 58979]
METADATA = ((INITIAL, "test_initial_metadata_value"), (TRAILING, b"\xab\xab\xab"))
WHITESPACE = "\t\ntest with whitespace\r\nand Unicode BMP ☺ and non-BMP 😈\t\n"
SERVER = os.environ.get("INTEROP_SERVER")
needs_compression = pytest.mark.skipif(
    SERVER is not None, reason="another server need not know gzip: Go's has no decompressor"
)


@pytest_asyncio.fixture(params=["direct", "sidecar"])
async def stub(request: pytest.FixtureRequest) -> AsyncIterator[Stub]:
    server: Any = None
    address = SERVER
    if address is None:
        server, address = await service.start(grpc.Compression.Gzip)
    proxy = None
    if request.param == "sidecar":
        proxy = Proxy(SidecarConfig(upstream=address, drain_seconds=5))
        address = await proxy.start()
        await until_connected(proxy)
    async with grpc.aio.insecure_channel(address) as channel:
        yield Stub(channel)
    if proxy is not None:
        await proxy.drain()
    if server is not None:
        await server.stop(0)


async def failure(call: Any) -> grpc.aio.AioRpcError:
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await call
    return caught.value


async def test_empty_unary(stub: Stub) -> None:
    assert await stub.empty(message("Empty")()) == message("Empty")()


async def test_large_unary(stub: Stub) -> None:
    answer = await stub.unary(simple(314_159, 271_828))
    assert answer.payload.body == bytes(314_159)


@needs_compression
@pytest.mark.parametrize("compression", [grpc.Compression.Gzip, grpc.Compression.Deflate])
async def test_client_compressed_unary(stub: Stub, compression: grpc.Compression) -> None:
    for compressed in (compression, None):
        answer = await stub.unary(simple(314_159, 271_828), compression=compressed)
        assert answer.payload.body == bytes(314_159)


async def test_server_compressed_unary(stub: Stub) -> None:
    for compressed in (True, False):
        wanted = message("BoolValue")(value=compressed)
        answer = await stub.unary(simple(314_159, 271_828, response_compressed=wanted))
        assert answer.payload.body == bytes(314_159)


async def _inputs() -> AsyncIterator[Any]:
    for size in SENT:
        yield message("StreamingInputCallRequest")(payload=payload(size))


async def test_client_streaming(stub: Stub) -> None:
    assert (await stub.input(_inputs())).aggregated_payload_size == 74_922


@needs_compression
async def test_client_compressed_streaming(stub: Stub) -> None:
    answer = await stub.input(_inputs(), compression=grpc.Compression.Gzip)
    assert answer.aggregated_payload_size == 74_922


async def test_server_streaming(stub: Stub) -> None:
    answers = [answer async for answer in stub.output(streaming(ASKED))]
    assert [answer.payload.body for answer in answers] == [bytes(size) for size in ASKED]


async def test_server_compressed_streaming(stub: Stub) -> None:
    request = streaming([31_415, 92_653])
    request.response_parameters[0].compressed.value = True
    answers = [answer async for answer in stub.output(request)]
    assert [len(answer.payload.body) for answer in answers] == [31_415, 92_653]


async def test_ping_pong(stub: Stub) -> None:
    call = stub.duplex()
    for asked, sent in zip(ASKED, SENT, strict=True):
        await call.write(streaming([asked], sent))
        assert (await call.read()).payload.body == bytes(asked)
    await call.done_writing()
    assert await call.read() is grpc.aio.EOF
    assert await call.code() is grpc.StatusCode.OK


async def test_empty_stream(stub: Stub) -> None:
    call = stub.duplex()
    await call.done_writing()
    assert await call.read() is grpc.aio.EOF
    assert await call.code() is grpc.StatusCode.OK


async def test_custom_metadata(stub: Stub) -> None:
    unary = stub.unary(simple(314_159, 271_828), metadata=METADATA)
    await unary
    duplex = stub.duplex(metadata=METADATA)
    await duplex.write(streaming([314_159], 271_828))
    assert len((await duplex.read()).payload.body) == 314_159
    await duplex.done_writing()
    assert await duplex.read() is grpc.aio.EOF
    for call in (unary, duplex):
        assert METADATA[0] in list(await call.initial_metadata())
        assert METADATA[1] in list(await call.trailing_metadata())


async def test_status_code_and_message(stub: Stub) -> None:
    status = message("EchoStatus")(code=2, message="test status message")
    error = await failure(stub.unary(simple(response_status=status)))
    assert (error.code(), error.details()) == (grpc.StatusCode.UNKNOWN, status.message)
    call = stub.duplex()
    await call.write(streaming([], response_status=status))
    await call.done_writing()
    assert (await call.code(), await call.details()) == (grpc.StatusCode.UNKNOWN, status.message)


async def test_special_status_message(stub: Stub) -> None:
    status = message("EchoStatus")(code=2, message=WHITESPACE)
    error = await failure(stub.unary(simple(response_status=status)))
    assert (error.code(), error.details()) == (grpc.StatusCode.UNKNOWN, WHITESPACE)


async def test_unimplemented_method(stub: Stub) -> None:
    error = await failure(stub.unimplemented(message("Empty")()))
    assert error.code() is grpc.StatusCode.UNIMPLEMENTED


async def test_unimplemented_service(stub: Stub) -> None:
    error = await failure(stub.no_service(message("Empty")()))
    assert error.code() is grpc.StatusCode.UNIMPLEMENTED


async def test_cancel_after_begin(stub: Stub) -> None:
    call = stub.input()
    call.cancel()
    assert await call.code() is grpc.StatusCode.CANCELLED


async def test_cancel_after_first_response(stub: Stub) -> None:
    call = stub.duplex()
    await call.write(streaming([31_415], 27_182))
    assert len((await call.read()).payload.body) == 31_415
    call.cancel()
    assert await call.code() is grpc.StatusCode.CANCELLED


async def test_timeout_on_sleeping_server(stub: Stub, request: pytest.FixtureRequest) -> None:
    slow = streaming([31_415], 27_182)
    slow.response_parameters[0].interval_us = 5_000_000
    call = stub.duplex(timeout=0.05)
    with contextlib.suppress(grpc.aio.AioRpcError):  # the deadline may pass before it is sent
        await call.write(slow)
    codes = {grpc.StatusCode.DEADLINE_EXCEEDED}
    if SERVER and request.node.callspec.params["stub"] == "direct":
        # Go's server resets the stream when the deadline passes; the client takes that for a
        # cancellation when its own clock is a moment behind. The sidecar never does.
        codes.add(grpc.StatusCode.CANCELLED)
    assert await call.code() in codes


async def test_concurrent_large_unary(stub: Stub) -> None:
    answers = await asyncio.gather(*(stub.unary(simple(314_159, 271_828)) for _ in range(50)))
    assert {len(answer.payload.body) for answer in answers} == {314_159}
