"""The in-process channel's own behaviour; what it shares with a socket is in test_serving.py.

Handlers of every shape are served both ways, so that a difference between the two would show.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager
from typing import Any, TypeAlias

import grpc
import pytest

from meshkit.client import open_channel
from meshkit.errors import Conflict
from meshkit.inprocess import InProcessServer
from meshkit.server import server_interceptors
from meshkit.status import error_from_rpc
from meshkit.testing import eventually

Log: TypeAlias = list[str]
Open: TypeAlias = Callable[[Log], AbstractAsyncContextManager[Any]]


class Bytes:
    """A servicer of bytes with handlers of every shape."""

    def __init__(self, log: Log) -> None:
        self._log = log

    async def double(self, request: bytes, context: Any) -> bytes:
        self._log.append(dict(context.invocation_metadata()).get("caller", ""))
        await context.send_initial_metadata((("early", "1"),))
        context.set_trailing_metadata((("late", "2"),))
        return request * 2

    async def count(self, request: bytes, context: Any) -> AsyncIterator[bytes]:
        try:
            for number in range(int(request)):
                self._log.append(f"count {number}")
                yield str(number).encode()
        finally:
            self._log.append("count left")

    async def join(self, requests: AsyncIterator[bytes], context: Any) -> bytes:
        return b"".join([r async for r in requests])

    async def echo(self, requests: AsyncIterator[bytes], context: Any) -> AsyncIterator[bytes]:
        async for request in requests:
            yield request

    async def mirror(self, requests: Any, context: Any) -> None:
        while (request := await context.read()) is not grpc.aio.EOF:
            await context.write(request[::-1])

    async def fail_late(self, request: bytes, context: Any) -> AsyncIterator[bytes]:
        yield b"first"
        raise Conflict("another", metadata={"a": "b"})

    async def wait(self, request: bytes, context: Any) -> None:
        # On the wire a timeout is rounded up to three digits.
        left = context.time_remaining() or 0
        self._log.append("1000" if left == pytest.approx(1000, rel=0.02) else f"{left}")
        try:
            await asyncio.Event().wait()
        finally:
            self._log.append("wait left")

    async def refuse(self, request: bytes, context: Any) -> None:
        await context.abort(grpc.StatusCode.DATA_LOSS, "lost")

    async def code(self, request: bytes, context: Any) -> bytes:
        context.set_code(grpc.StatusCode.OUT_OF_RANGE)
        context.set_details("too far")
        return b""


def handlers(log: Log) -> grpc.GenericRpcHandler:
    """As generated code makes them."""
    servicer: Any = Bytes(log)
    methods: dict[str, Any] = {
        "Double": grpc.unary_unary_rpc_method_handler(servicer.double),
        "Count": grpc.unary_stream_rpc_method_handler(servicer.count),
        "Join": grpc.stream_unary_rpc_method_handler(servicer.join),
        "Echo": grpc.stream_stream_rpc_method_handler(servicer.echo),
        "Mirror": grpc.stream_stream_rpc_method_handler(servicer.mirror),
        "FailLate": grpc.unary_stream_rpc_method_handler(servicer.fail_late),
        "Wait": grpc.unary_unary_rpc_method_handler(servicer.wait),
        "Refuse": grpc.unary_unary_rpc_method_handler(servicer.refuse),
        "Code": grpc.unary_unary_rpc_method_handler(servicer.code),
    }
    return grpc.method_handlers_generic_handler("test.Bytes", methods)


@contextlib.asynccontextmanager
async def loopback(log: Log) -> AsyncIterator[Any]:
    server = grpc.aio.server(interceptors=server_interceptors())
    server.add_generic_rpc_handlers((handlers(log),))
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    async with open_channel(f"127.0.0.1:{port}") as channel:
        yield channel
    await server.stop(0)


@contextlib.asynccontextmanager
async def inprocess(log: Log) -> AsyncIterator[Any]:
    server = InProcessServer()
    server.add_generic_rpc_handlers((handlers(log),))
    async with server.channel() as channel:
        yield channel


@pytest.fixture(params=[loopback, inprocess], ids=lambda open_: open_.__name__)
def connect(request: pytest.FixtureRequest) -> Open:
    return request.param  # type: ignore[no-any-return]


async def numbers(*items: bytes) -> AsyncIterator[bytes]:
    for item in items:
        yield item


async def eventually_in(log: Log, entry: str) -> None:
    await eventually(lambda: entry in log)


async def test_a_unary_call_with_its_metadata(connect: Open) -> None:
    log: Log = []
    async with connect(log) as channel:
        call: Any = channel.unary_unary("/test.Bytes/Double")(b"ab", metadata=(("caller", "me"),))
        assert dict(await call.initial_metadata())["early"] == "1"
        assert await call == b"abab"
        assert dict(await call.trailing_metadata())["late"] == "2"
        assert await call.code() is grpc.StatusCode.OK
        assert call.done()
        assert not call.cancel()
    assert log == ["me"]


async def test_a_response_stream(connect: Open) -> None:
    async with connect([]) as channel:
        call: Any = channel.unary_stream("/test.Bytes/Count")(b"3")
        assert [r async for r in call] == [b"0", b"1", b"2"]
        assert await call.code() is grpc.StatusCode.OK


async def test_a_request_stream(connect: Open) -> None:
    async with connect([]) as channel:
        join: Any = channel.stream_unary("/test.Bytes/Join")
        assert await join(numbers(b"a", b"b")) == b"ab"
        assert await join(iter([b"a", b"b"])) == b"ab"
        call = join()
        await call.write(b"c")
        await call.done_writing()
        assert await call == b"c"


@pytest.mark.parametrize(("method", "answer"), [("Echo", b"ab"), ("Mirror", b"ba")])
async def test_streams_both_ways(connect: Open, method: str, answer: bytes) -> None:
    async with connect([]) as channel:
        call: Any = channel.stream_stream(f"/test.Bytes/{method}")()
        for _ in range(3):
            await call.write(b"ab")
            assert await call.read() == answer
        await call.done_writing()
        assert await call.read() is grpc.aio.EOF
        assert await call.read() is grpc.aio.EOF


async def test_an_error_after_a_response(connect: Open) -> None:
    async with connect([]) as channel:
        responses = aiter(channel.unary_stream("/test.Bytes/FailLate")(b""))
        assert await anext(responses) == b"first"
        with pytest.raises(grpc.aio.AioRpcError) as error:
            await anext(responses)
    told = error_from_rpc(error.value)
    assert isinstance(told, Conflict)
    assert told.metadata == {"a": "b"}


@pytest.mark.parametrize(
    ("method", "code", "details"),
    [
        ("Refuse", grpc.StatusCode.DATA_LOSS, "lost"),
        ("Code", grpc.StatusCode.OUT_OF_RANGE, "too far"),
        ("Unknown", grpc.StatusCode.UNIMPLEMENTED, "Method not found!"),
    ],
)
async def test_statuses(connect: Open, method: str, code: grpc.StatusCode, details: str) -> None:
    async with connect([]) as channel:
        with pytest.raises(grpc.aio.AioRpcError) as error:
            await channel.unary_unary(f"/test.Bytes/{method}")(b"")
    assert error.value.code() is code
    assert error.value.details() == details


async def test_cancelling_reaches_the_handler(connect: Open) -> None:
    log: Log = []
    async with connect(log) as channel:
        call: Any = channel.unary_unary("/test.Bytes/Wait")(b"", timeout=1000)
        await eventually_in(log, "1000")
        assert call.cancel()
        with pytest.raises(asyncio.CancelledError):
            await call
        assert call.cancelled()
        assert await call.code() is grpc.StatusCode.CANCELLED
        await eventually_in(log, "wait left")


async def test_a_deadline_reaches_the_handler(connect: Open) -> None:
    log: Log = []
    async with connect(log) as channel:
        call: Any = channel.unary_unary("/test.Bytes/Wait")(b"", timeout=0.05)
        with pytest.raises(grpc.aio.AioRpcError) as error:
            await call
        assert error.value.code() is grpc.StatusCode.DEADLINE_EXCEEDED
        await eventually_in(log, "wait left")


async def test_cancelling_a_stream_that_nobody_reads_reaches_the_handler() -> None:
    log: Log = []
    async with inprocess(log) as channel:
        call: Any = channel.unary_stream("/test.Bytes/Count")(b"1000")
        assert await call.read() == b"0"
        for _ in range(50):
            await asyncio.sleep(0)
        assert sum(entry.startswith("count ") for entry in log) <= 4
        call.cancel()
        await eventually_in(log, "count left")


async def test_closing_the_channel_ends_its_calls() -> None:
    log: Log = []
    async with inprocess(log) as channel:
        call: Any = channel.unary_unary("/test.Bytes/Wait")(b"")
        await eventually_in(log, "0")
    assert call.cancelled()
    assert log[-1] == "wait left"
    with pytest.raises(grpc.aio.UsageError):
        channel.unary_unary("/test.Bytes/Double")(b"")


async def test_writing_to_a_call_that_has_ended_is_an_error() -> None:
    async with inprocess([]) as channel:
        call: Any = channel.stream_stream("/test.Bytes/Echo")()
        await call.done_writing()
        assert await call.read() is grpc.aio.EOF
        with pytest.raises(asyncio.InvalidStateError):
            await call.write(b"late")


async def test_messages_are_handed_over_as_they_are() -> None:
    message = bytearray(b"not even bytes")
    async with inprocess([]) as channel:
        call: Any = channel.stream_stream("/test.Bytes/Echo")()
        await call.write(message)
        assert await call.read() is message
        call.cancel()
