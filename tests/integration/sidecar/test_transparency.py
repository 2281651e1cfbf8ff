"""What a caller gets through the proxy is what it gets from the model."""

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Any

import grpc
import numpy as np
import pytest
import uvloop

from tests.integration.sidecar.conftest import OPTIONS, Place, running


async def requests(count: int, size: int) -> AsyncIterator[bytes]:
    for number in range(count):
        yield bytes([number % 256]) * size


@pytest.mark.parametrize("size", [0, 1, 1000, 16_384, 100_000, 2_000_000, 30_000_000])
async def test_unary_calls_of_any_size(place: Place, size: int) -> None:
    message = np.random.default_rng(size).bytes(size)
    assert await place.channel.unary_unary("/test.Echo/Unary")(message) == message
    assert place.proxy.records.take(9)[-1].request_size == size


async def test_metadata_both_ways_binary_too(place: Place) -> None:
    sent = (("x-key", "value"), ("key-bin", bytes(range(256))), ("x-key", "again"))
    call = place.channel.unary_unary("/test.Echo/Unary")(b"", metadata=sent)
    await call
    initial = list(await call.initial_metadata())
    assert initial == [("x-initial", "1"), ("initial-bin", b"\x00\xff")]
    assert set(await call.trailing_metadata()) == {
        ("x-trailing", "2"),
        ("trailing-bin", b"\xfe\x00"),
    }
    assert place.echo.metadata["key-bin"] == bytes(range(256))


async def test_streams_of_all_kinds(place: Place) -> None:
    repeat = place.channel.unary_stream("/test.Echo/Repeat")
    assert [len(m) async for m in repeat(b"20 150000")] == [150_000] * 20
    assert await place.channel.stream_unary("/test.Echo/Sum")(requests(30, 99_999)) == b"2999970"
    chat = place.channel.stream_stream("/test.Echo/Chat")
    answers = [answer async for answer in chat(requests(300, 700))]
    assert answers == [bytes([n % 256]) * 700 for n in range(300)]


async def test_a_chat_goes_to_and_fro(place: Place) -> None:
    call = place.channel.stream_stream("/test.Echo/Chat")()
    for number in range(20):
        await call.write(b"%d" % number)
        assert await call.read() == b"%d" % number
    await call.done_writing()
    assert await call.read() is grpc.aio.EOF


@pytest.mark.parametrize("code", [c for c in grpc.StatusCode if c is not grpc.StatusCode.OK])
async def test_every_status_with_its_details(place: Place, code: grpc.StatusCode) -> None:
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await place.channel.unary_unary("/test.Echo/Fail")(b"%d" % code.value[0])
    assert caught.value.code() is code
    assert caught.value.details() == "größer % \n"
    assert ("why-bin", b"\x01\x02") in list(caught.value.trailing_metadata())


async def test_a_method_that_is_not_there(place: Place) -> None:
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await place.channel.unary_unary("/test.Echo/None")(b"")
    assert caught.value.code() is grpc.StatusCode.UNIMPLEMENTED


async def test_a_cancelled_call_is_cancelled_in_the_model(place: Place) -> None:
    call = place.channel.unary_unary("/test.Echo/Sleep")(b"")
    await asyncio.wait_for(place.echo.asleep.wait(), 60)
    call.cancel()
    await asyncio.wait_for(place.echo.cancelled.wait(), 60)
    assert not place.proxy.in_flight


async def test_a_deadline_goes_on_to_the_model(place: Place) -> None:
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await place.channel.unary_unary("/test.Echo/Sleep")(b"", timeout=1)
    assert caught.value.code() is grpc.StatusCode.DEADLINE_EXCEEDED
    await asyncio.wait_for(place.echo.cancelled.wait(), 60)


async def test_compressed_messages_pass(place: Place) -> None:
    unary = place.channel.unary_unary("/test.Echo/Unary")
    message = b"again and again " * 10_000
    answer = await unary(message, compression=grpc.Compression.Gzip)
    assert answer == message
    assert place.proxy.records.take(9)[-1].request_size < len(message) / 10


async def test_many_calls_at_once(place: Place) -> None:
    unary = place.channel.unary_unary("/test.Echo/Unary")
    messages = [bytes([n % 256]) * (n * 37) for n in range(300)]
    assert await asyncio.gather(*map(unary, messages)) == messages
    assert not place.proxy.in_flight
    assert len(place.proxy.records) == 300


@pytest.mark.parametrize("loop", [asyncio.new_event_loop, uvloop.new_event_loop])
def test_large_messages_at_once_do_not_mix(loop: Callable[[], asyncio.AbstractEventLoop]) -> None:
    """On asyncio's loop and on the one that the process uses, for they write in other ways."""
    messages = [np.random.default_rng(n).bytes(2_500_000 + n) for n in range(12)]

    async def go() -> None:
        async with running() as place:
            unary = place.channel.unary_unary("/test.Echo/Unary")
            assert await asyncio.gather(*map(unary, messages)) == messages

    with asyncio.Runner(loop_factory=loop) as runner:
        runner.run(go())


async def test_by_unix_sockets(tmp_path: object) -> None:
    listen = f"unix:{tmp_path}/proxy.sock"
    async with running(f"unix:{tmp_path}/model.sock", listen=listen) as place:
        assert await place.channel.unary_unary("/test.Echo/Unary")(b"hello") == b"hello"


async def test_a_slow_reader_holds_the_model_back(place: Place) -> None:
    """A stream of 200 MB that nobody reads stays in the model, not in the proxy."""
    call = place.channel.unary_stream("/test.Echo/Repeat")(b"200 1000000")
    assert len(await call.read()) == 1_000_000
    await asyncio.sleep(1)
    (connection,) = place.proxy._connections
    held = sum(
        len(item)
        for stream in connection.streams.values()
        for item, _ in stream.waiting
        if isinstance(item, memoryview)
    )
    assert held <= place.proxy.config.stream_window_bytes
    rest = 0
    while (message := await call.read()) is not grpc.aio.EOF:
        rest += len(message)
    assert rest == 199_000_000


async def test_two_callers_do_not_wait_for_each_other(place: Place) -> None:
    slow = place.channel.unary_stream("/test.Echo/Repeat")(b"50 1000000")
    await slow.read()
    other: Any
    async with grpc.aio.insecure_channel(place.address, options=OPTIONS) as other:
        async with asyncio.timeout(60):
            for _ in range(20):
                await other.unary_unary("/test.Echo/Unary")(bytes(100_000))
    slow.cancel()
