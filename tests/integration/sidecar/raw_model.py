"""A model made of HTTP/2 alone, for what no gRPC server does on purpose."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable

from sidecar.http2.connection import Connection
from sidecar.http2.endpoint import Limits
from sidecar.http2.headers import Headers
from sidecar.http2.streams import Stream

RESPONSE: Headers = [(b":status", b"200"), (b"content-type", b"application/grpc")]


class Listener:
    """Keeps what comes in and gives no credit for it, so that the sender stays held back."""

    def __init__(self) -> None:
        self.received = 0
        self.reset: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        self.trailers: Headers = []

    def on_headers(self, headers: Headers, end_stream: bool) -> None:
        self.trailers = headers

    def on_data(self, chunk: memoryview, end_stream: bool) -> None:
        self.received += len(chunk)

    def on_reset(self, code: int) -> None:
        self.reset.set_result(code)

    def on_lost(self, reason: str, *, unprocessed: bool) -> None:
        """The proxy has gone."""


@contextlib.asynccontextmanager
async def raw_model(
    answer: Callable[[Stream, Headers], None] | None = None,
) -> AsyncIterator[tuple[str, list[Listener]]]:
    """A running model's address, and the listeners of the calls that came; `answer` begins each."""
    listeners: list[Listener] = []
    connections: list[Connection] = []

    def begin(stream: Stream, headers: Headers, end_stream: bool) -> None:
        stream.listener = listener = Listener()
        listeners.append(listener)
        if answer is not None:
            answer(stream, headers)

    def make() -> Connection:
        connections.append(Connection(Limits(), on_stream=begin))
        return connections[-1]

    server = await asyncio.get_running_loop().create_server(make, "127.0.0.1", 0)
    host, port = server.sockets[0].getsockname()
    try:
        yield f"{host}:{port}", listeners
    finally:
        server.close()
        for connection in connections:
            connection.close()
        await server.wait_closed()
