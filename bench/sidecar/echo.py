"""`python -m bench.sidecar.echo`: a model that answers with what it was sent. Prints its port."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import grpc

UNARY, STREAM, FLOW = "/bench.Echo/Unary", "/bench.Echo/Stream", "/bench.Echo/Flow"
OPTIONS = [("grpc.max_receive_message_length", -1), ("grpc.max_send_message_length", -1)]
CHUNK = 1 << 20


class Echo(grpc.GenericRpcHandler):
    """A unary call, a stream to and fro, and one that sends as many megabytes as are asked for."""

    def service(self, details: grpc.HandlerCallDetails) -> Any:
        return {
            UNARY: grpc.unary_unary_rpc_method_handler(self.unary),
            STREAM: grpc.stream_stream_rpc_method_handler(self.stream),
            FLOW: grpc.unary_stream_rpc_method_handler(self.flow),
        }.get(str(details.method))

    async def unary(self, request: bytes, _context: Any) -> bytes:
        return request

    async def stream(self, requests: AsyncIterator[bytes], _context: Any) -> AsyncIterator[bytes]:
        async for request in requests:
            yield request

    async def flow(self, request: bytes, _context: Any) -> AsyncIterator[bytes]:
        chunk = bytes(CHUNK)
        for _ in range(int(request)):
            yield chunk


async def main() -> None:
    server = grpc.aio.server(options=OPTIONS)
    server.add_generic_rpc_handlers((Echo(),))
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    print(port, flush=True)
    await server.wait_for_termination()


if __name__ == "__main__":
    asyncio.run(main())
