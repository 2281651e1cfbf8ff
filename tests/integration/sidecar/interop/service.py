"""gRPC's interoperability service, as the public description says."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import grpc

from tests.integration.sidecar.interop.contract import INITIAL, SERVICE, TRAILING, TYPES, message

_KINDS: dict[str, Any] = {
    "EmptyCall": grpc.unary_unary_rpc_method_handler,
    "UnaryCall": grpc.unary_unary_rpc_method_handler,
    "StreamingOutputCall": grpc.unary_stream_rpc_method_handler,
    "StreamingInputCall": grpc.stream_unary_rpc_method_handler,
    "FullDuplexCall": grpc.stream_stream_rpc_method_handler,
}


class InteropService:
    """Answers as it is asked to."""

    async def EmptyCall(self, request: Any, context: Any) -> Any:  # noqa: N802
        await _echo_metadata(context)
        return request

    async def UnaryCall(self, request: Any, context: Any) -> Any:  # noqa: N802
        await _echo_metadata(context)
        _compress(request.response_compressed, context)
        await _echo_status(request, context)
        return message("SimpleResponse")(payload={"body": bytes(request.response_size)})

    async def StreamingOutputCall(  # noqa: N802
        self, request: Any, context: Any
    ) -> AsyncIterator[Any]:
        for parameters in request.response_parameters:
            await asyncio.sleep(parameters.interval_us / 1e6)
            _compress(parameters.compressed, context)
            yield message("StreamingOutputCallResponse")(payload={"body": bytes(parameters.size)})

    async def StreamingInputCall(self, requests: Any, _context: Any) -> Any:  # noqa: N802
        size = sum([len(request.payload.body) async for request in requests])
        return message("StreamingInputCallResponse")(aggregated_payload_size=size)

    async def FullDuplexCall(  # noqa: N802
        self, requests: Any, context: Any
    ) -> AsyncIterator[Any]:
        await _echo_metadata(context)
        async for request in requests:
            await _echo_status(request, context)
            async for response in self.StreamingOutputCall(request, context):
                yield response


async def start(compression: grpc.Compression | None = None) -> tuple[Any, str]:
    """A running server and its address."""
    server = grpc.aio.server(compression=compression)
    service = InteropService()
    handlers = {
        name: kind(
            getattr(service, name),
            request_deserializer=message(TYPES[name][0]).FromString,
            response_serializer=message(TYPES[name][1]).SerializeToString,
        )
        for name, kind in _KINDS.items()
    }
    server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(SERVICE, handlers),))
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    return server, f"127.0.0.1:{port}"


async def _echo_metadata(context: Any) -> None:
    told = dict(context.invocation_metadata())
    if INITIAL in told:
        await context.send_initial_metadata(((INITIAL, told[INITIAL]),))
    if TRAILING in told:
        context.set_trailing_metadata(((TRAILING, told[TRAILING]),))


async def _echo_status(request: Any, context: Any) -> None:
    status = request.response_status
    if status.code:
        code = next(code for code in grpc.StatusCode if code.value[0] == status.code)
        await context.abort(code, status.message)


def _compress(wanted: Any, context: Any) -> None:
    if not wanted.value:
        context.disable_next_message_compression()
