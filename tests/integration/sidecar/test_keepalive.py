"""Models that are there and say nothing: stopped, cut off, or only slow."""

import asyncio
import contextlib
import os
import signal
import socket
import sys
import time
from collections.abc import AsyncIterator
from typing import Any

import grpc
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc

from sidecar.config import SidecarConfig
from sidecar.proxy import Proxy
from tests.integration.sidecar.conftest import OPTIONS, Echo, running, start_model, until_connected
from tests.integration.sidecar.test_model_comes_and_goes import details, failure

HealthStub: Any = health_pb2_grpc.HealthStub
MODEL = health_pb2.HealthCheckRequest(service="")
SERVING = health_pb2.HealthCheckResponse.SERVING
ASK_AFTER, ANSWER_WITHIN = 0.5, 1.0
PATIENCE: dict[str, Any] = {
    "upstream_keepalive_seconds": ASK_AFTER,
    "upstream_keepalive_timeout_seconds": ANSWER_WITHIN,
}


@contextlib.asynccontextmanager
async def model_process() -> AsyncIterator[tuple[asyncio.subprocess.Process, str]]:
    """The deskew server, a process of its own, and its address."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "servers.deskew"]
    environ = os.environ | {"PAGEMESH_DESKEW_PORT": str(port)}
    process = await asyncio.create_subprocess_exec(
        *command, env=environ, stdout=asyncio.subprocess.DEVNULL
    )
    try:
        yield process, f"127.0.0.1:{port}"
    finally:
        process.send_signal(signal.SIGCONT)
        process.terminate()
        await process.wait()


async def test_a_stopped_model_is_noticed_and_found_again() -> None:
    async with model_process() as (process, address):
        proxy = Proxy(SidecarConfig(upstream=address, wait_seconds=60, drain_seconds=1, **PATIENCE))
        channel: Any
        async with grpc.aio.insecure_channel(await proxy.start()) as channel:
            stub = HealthStub(channel)
            watch = stub.Watch(MODEL)
            while (await watch.read()).status != SERVING:
                pass
            proxy.waits = 0.0

            process.send_signal(signal.SIGSTOP)
            stopped = time.monotonic()
            error = await failure(asyncio.wait_for(watch.read(), 60))
            assert error.code() is grpc.StatusCode.UNAVAILABLE
            assert details(error)[0].reason == "MODEL_LOST"
            assert "said nothing for" in (error.details() or "")
            assert time.monotonic() - stopped > ANSWER_WITHIN
            assert not proxy.upstream.connected

            error = await failure(stub.Check(MODEL, timeout=60))
            assert error.code() is grpc.StatusCode.UNAVAILABLE
            assert details(error)[0].reason == "MODEL_NOT_REACHED"

            process.send_signal(signal.SIGCONT)
            await until_connected(proxy)
            assert (await stub.Check(MODEL, timeout=60)).status == SERVING
        await proxy.drain()


async def test_a_silent_call_is_left_alone_while_the_model_is_there() -> None:
    """gRPC's servers close connections on which a silent call is asked about by PING this often."""
    patience: dict[str, Any] = {
        "upstream_keepalive_seconds": 0.1,
        "upstream_keepalive_timeout_seconds": 5,
    }
    async with running(**patience) as place:
        call = place.channel.unary_unary("/test.Echo/Sleep")(b"")
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(asyncio.shield(call), 2)
        assert place.proxy.upstream.connected
        call.cancel()


class Relay:
    """Passes bytes between the proxy and a model, until the lines that it has go dead."""

    def __init__(self, model: str) -> None:
        self._host, _, self._port = model.rpartition(":")
        self._lines: list[asyncio.Task[None]] = []
        self._dead: set[asyncio.Task[None]] = set()

    def cut(self) -> None:
        """Nothing more gets through, nothing more is taken, and neither end is told."""
        self._dead |= set(self._lines)

    async def serve(self, near: asyncio.StreamReader, to_near: asyncio.StreamWriter) -> None:
        line = asyncio.current_task()
        assert line is not None
        self._lines.append(line)
        far, to_far = await asyncio.open_connection(self._host, int(self._port))
        try:
            await asyncio.gather(self._pass(line, near, to_far), self._pass(line, far, to_near))
        finally:
            to_far.transport.abort()
            to_near.transport.abort()

    async def stop(self) -> None:
        for line in self._lines:
            line.cancel()
        await asyncio.gather(*self._lines, return_exceptions=True)

    async def _pass(
        self, line: asyncio.Task[None], source: asyncio.StreamReader, sink: asyncio.StreamWriter
    ) -> None:
        while piece := await source.read(1 << 16):
            if line in self._dead:
                await asyncio.Event().wait()
            sink.write(piece)
            await sink.drain()
        sink.close()


@pytest.mark.parametrize("size", [10, 32 << 20])
async def test_a_connection_that_is_cut_without_a_word(size: int) -> None:
    """Also while a request is sent that the connection takes no more of."""
    server, address = await start_model(Echo())
    relay = Relay(address)
    between = await asyncio.start_server(relay.serve, "127.0.0.1", 0)
    relayed = "{}:{}".format(*between.sockets[0].getsockname())
    proxy = Proxy(SidecarConfig(upstream=relayed, drain_seconds=1, **PATIENCE))
    listening = await proxy.start()
    await until_connected(proxy)
    channel: Any
    async with grpc.aio.insecure_channel(listening, options=OPTIONS) as channel:
        unary = channel.unary_unary("/test.Echo/Unary")
        assert await unary(b"there") == b"there"
        relay.cut()
        error = await failure(unary(bytes(size), timeout=60))
        assert error.code() is grpc.StatusCode.UNAVAILABLE
        assert details(error)[0].reason == "MODEL_LOST"
        await until_connected(proxy)
        assert await unary(b"there again") == b"there again"
    await proxy.drain()
    between.close()
    await relay.stop()
    await server.stop(0)
