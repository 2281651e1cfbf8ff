"""Servers that refuse every stream while its client still sends."""

import base64
import contextlib
from collections.abc import AsyncIterator, Callable, Iterator
from concurrent import futures
from contextlib import AbstractAsyncContextManager
from typing import Any

import grpc
from google.rpc import status_pb2

from meshkit.status import DETAILS_KEY
from sidecar.config import SidecarConfig
from sidecar.http2.frames import ErrorCode
from sidecar.http2.headers import Headers
from sidecar.http2.streams import Stream
from sidecar.proxy import Proxy
from tests.integration.sidecar.conftest import until_connected
from tests.integration.sidecar.raw_model import RESPONSE, raw_model

Refusing = Callable[[status_pb2.Status], AbstractAsyncContextManager[str]]
"""Runs a server that answers every call with this status; its address."""


@contextlib.asynccontextmanager
async def asynchronous(status: status_pb2.Status) -> AsyncIterator[str]:
    """gRPC's server for asyncio."""

    async def refuse(_requests: AsyncIterator[bytes], context: Any) -> AsyncIterator[bytes]:
        await context.abort(_code(status), status.message, (_details(status),))
        yield b""

    server = grpc.aio.server()
    server.add_generic_rpc_handlers((_Refusing(refuse),))
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    yield f"127.0.0.1:{port}"
    await server.stop(None)


@contextlib.asynccontextmanager
async def threaded(status: status_pb2.Status) -> AsyncIterator[str]:
    """gRPC's server with threads."""

    def refuse(_requests: Iterator[bytes], context: Any) -> Iterator[bytes]:
        context.set_trailing_metadata((_details(status),))
        context.abort(_code(status), status.message)
        yield b""

    server = grpc.server(futures.ThreadPoolExecutor(2))
    server.add_generic_rpc_handlers((_Refusing(refuse),))
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    yield f"127.0.0.1:{port}"
    server.stop(None).wait()


def resetting(code: ErrorCode) -> Refusing:
    """HTTP/2 alone, as proxies refuse: the status, then RST_STREAM with this code."""

    @contextlib.asynccontextmanager
    async def running(status: status_pb2.Status) -> AsyncIterator[str]:
        def refuse(stream: Stream, _headers: Headers) -> None:
            stream.send_headers([*RESPONSE, *_trailers(status)], end_stream=True)
            stream.reset(code)

        async with raw_model(refuse) as (address, _):
            yield address

    return running


@contextlib.asynccontextmanager
async def behind_a_sidecar(address: str, **options: Any) -> AsyncIterator[str]:
    """The address of a sidecar before this server."""
    proxy = Proxy(SidecarConfig(upstream=address, drain_seconds=5, **options))
    listening = await proxy.start()
    await until_connected(proxy)
    yield listening
    await proxy.drain()


class _Refusing(grpc.GenericRpcHandler):
    """Answers every method alike."""

    def __init__(self, refuse: Any) -> None:
        self._handler: Any = grpc.stream_stream_rpc_method_handler(refuse)

    def service(self, _details: grpc.HandlerCallDetails) -> Any:
        return self._handler


def _code(status: status_pb2.Status) -> grpc.StatusCode:
    return next(code for code in grpc.StatusCode if code.value[0] == status.code)


def _details(status: status_pb2.Status) -> tuple[str, bytes]:
    return DETAILS_KEY, status.SerializeToString()


def _trailers(status: status_pb2.Status) -> Headers:
    key, value = _details(status)
    return [
        (b"grpc-status", b"%d" % status.code),
        (b"grpc-message", status.message.encode()),
        (key.encode(), base64.b64encode(value)),
    ]
