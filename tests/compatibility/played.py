"""Plays servers of an earlier release: answers calls with the bytes that they answered."""

import contextlib
from collections.abc import AsyncIterator, Callable, Mapping
from typing import Any

import grpc

Reply = Callable[[bytes], list[bytes] | bytes]
"""From a call's first request to the answers; to the bytes of a status' details, if it failed."""


class _Played(grpc.GenericRpcHandler):
    def __init__(self, replies: Mapping[str, Reply]) -> None:
        self._replies = replies

    def service(self, details: grpc.HandlerCallDetails) -> Any:
        """Every kind of method is a stream both ways."""
        if details.method not in self._replies:
            return None
        reply = self._replies[details.method]

        async def answer(requests: AsyncIterator[bytes], context: Any) -> AsyncIterator[bytes]:
            first, *_ = [each async for each in requests]
            told = reply(first)
            if isinstance(told, bytes):
                context.set_trailing_metadata((("grpc-status-details-bin", told),))
                await context.abort(grpc.StatusCode.NOT_FOUND, "as recorded")
            else:
                for each in told:
                    yield each

        return grpc.stream_stream_rpc_method_handler(answer)


@contextlib.asynccontextmanager
async def played(replies: Mapping[str, Reply]) -> AsyncIterator[str]:
    """A server that replies so; its address."""
    server = grpc.aio.server()
    server.add_generic_rpc_handlers((_Played(replies),))
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    try:
        yield f"127.0.0.1:{port}"
    finally:
        await server.stop(None)
