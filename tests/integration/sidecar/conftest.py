"""A model that echoes, and a proxy in front of it."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from typing import Any

import grpc
import pytest_asyncio
import uvloop

from sidecar.config import SidecarConfig
from sidecar.proxy import Proxy


def pytest_asyncio_loop_factories() -> dict[str, Callable[[], asyncio.AbstractEventLoop]]:
    """The loop of the sidecar's own process. asyncio's own forgets connections that it has accepted
    in the turn in which its server closes: they stay open until the garbage collector finds them.
    """
    return {"uvloop": uvloop.new_event_loop}


OPTIONS = [("grpc.max_receive_message_length", -1), ("grpc.max_send_message_length", -1)]


class Echo(grpc.GenericRpcHandler):
    """One method of every kind, none of a contract that the proxy could know."""

    def __init__(self) -> None:
        self.asleep, self.cancelled = asyncio.Event(), asyncio.Event()
        self.metadata: dict[str, str | bytes] = {}

    def service(self, details: grpc.HandlerCallDetails) -> Any:
        self.metadata = dict(details.invocation_metadata or ())
        return {
            "/test.Echo/Unary": grpc.unary_unary_rpc_method_handler(self.unary),
            "/test.Echo/Repeat": grpc.unary_stream_rpc_method_handler(self.repeat),
            "/test.Echo/Sum": grpc.stream_unary_rpc_method_handler(self.sum),
            "/test.Echo/Chat": grpc.stream_stream_rpc_method_handler(self.chat),
            "/test.Echo/Fail": grpc.unary_unary_rpc_method_handler(self.fail),
            "/test.Echo/Sleep": grpc.unary_unary_rpc_method_handler(self.sleep),
        }.get(details.method)

    async def unary(self, request: bytes, context: Any) -> bytes:
        await context.send_initial_metadata((("x-initial", "1"), ("initial-bin", b"\x00\xff")))
        context.set_trailing_metadata((("x-trailing", "2"), ("trailing-bin", b"\xfe\x00")))
        return request

    async def repeat(self, request: bytes, _context: Any) -> AsyncIterator[bytes]:
        count, size = map(int, request.split())
        for _ in range(count):
            yield bytes(size)

    async def sum(self, requests: AsyncIterator[bytes], _context: Any) -> bytes:
        return b"%d" % sum([len(request) async for request in requests])

    async def chat(self, requests: AsyncIterator[bytes], _context: Any) -> AsyncIterator[bytes]:
        async for request in requests:
            yield request

    async def fail(self, request: bytes, context: Any) -> None:
        code = next(c for c in grpc.StatusCode if c.value[0] == int(request))
        await context.abort(code, "größer % \n", (("why-bin", b"\x01\x02"),))

    async def sleep(self, _request: bytes, _context: Any) -> bytes:
        self.asleep.set()
        try:
            await asyncio.sleep(60)
        except asyncio.CancelledError:
            self.cancelled.set()
            raise
        return b""


@dataclass
class Place:
    """A running pair.

    Attributes:
        echo: the model.
        server: its server.
        proxy: in front of it.
        address: of the proxy.
        channel: to the proxy.
        model_address: of the model.
    """

    echo: Echo
    server: Any
    proxy: Proxy
    address: str
    channel: Any
    model_address: str


async def start_model(echo: Echo, address: str = "127.0.0.1:0") -> tuple[Any, str]:
    server = grpc.aio.server(options=OPTIONS)
    server.add_generic_rpc_handlers((echo,))
    port = server.add_insecure_port(address)
    await server.start()
    return server, address if address.startswith("unix:") else f"127.0.0.1:{port}"


async def until_connected(proxy: Proxy) -> None:
    async with asyncio.timeout(60):
        stream = await proxy.upstream.wait_for_stream()
        stream.reset(8)


@contextlib.asynccontextmanager
async def running(address: str = "127.0.0.1:0", **options: Any) -> AsyncIterator[Place]:
    echo = Echo()
    server, model_address = await start_model(echo, address)
    proxy = Proxy(SidecarConfig(upstream=model_address, drain_seconds=5, **options))
    listening = await proxy.start()
    await until_connected(proxy)
    async with grpc.aio.insecure_channel(listening, options=OPTIONS) as channel:
        yield Place(echo, server, proxy, listening, channel, model_address)
    await proxy.drain()
    await server.stop(0)


@pytest_asyncio.fixture
async def place() -> AsyncIterator[Place]:
    async with running() as place:
        yield place
