"""What happens around every call of a server, whatever its shape.

A `Guard` is an async context manager entered before a handler runs and left after it: it sees the
handler's exception, if any. `GuardInterceptor` puts one around unary and streaming handlers alike.
"""

import contextlib
import inspect
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager
from typing import Any, TypeAlias

import grpc

from meshkit.status import DETAILS_KEY, status_of

Context: TypeAlias = grpc.aio.ServicerContext[Any, Any]
Handler: TypeAlias = "grpc.RpcMethodHandler[Any, Any] | None"
Guard: TypeAlias = Callable[[grpc.HandlerCallDetails, Context], AbstractAsyncContextManager[None]]


class GuardInterceptor(grpc.aio.ServerInterceptor):
    """Runs every handler inside a guard.

    Handlers must be asynchronous. A handler that streams responses is run to its end in one task,
    so that cancelling the call leaves the guard and the handler's own clean-up at once.
    """

    def __init__(self, guard: Guard) -> None:
        self._guard = guard

    async def intercept_service(
        self, continuation: Any, handler_call_details: grpc.HandlerCallDetails
    ) -> Handler:
        handler: Handler = await continuation(handler_call_details)
        return handler and _guarded(handler, handler_call_details, self._guard)


@contextlib.asynccontextmanager
async def map_errors(details: grpc.HandlerCallDetails, context: Context) -> AsyncIterator[None]:
    """The guard that tells a client about an exception as a `google.rpc.Status`."""
    del details
    try:
        yield
    except grpc.aio.AbortError:
        raise
    except Exception as error:  # every kind of failure ends here, once
        status = status_of(error)
        details_bin = (DETAILS_KEY, status.SerializeToString())
        trailing = (*(context.trailing_metadata() or ()), details_bin)
        code = next(c for c in grpc.StatusCode if c.value[0] == status.code)
        await context.abort(code, status.message, trailing)


def _guarded(
    handler: "grpc.RpcMethodHandler[Any, Any]", details: grpc.HandlerCallDetails, guard: Guard
) -> Handler:
    behaviour: Any = next(
        b
        for b in (
            handler.unary_unary,
            handler.unary_stream,
            handler.stream_unary,
            handler.stream_stream,
        )
        if b is not None
    )

    async def respond(request: Any, context: Context) -> Any:
        async with guard(details, context):
            return await behaviour(request, context)

    async def respond_in_parts(request: Any, context: Context) -> None:
        async with guard(details, context):
            if not inspect.isasyncgenfunction(behaviour):
                await behaviour(request, context)
                return
            async with contextlib.aclosing(behaviour(request, context)) as responses:
                async for response in responses:
                    await context.write(response)

    make = {
        (False, False): grpc.unary_unary_rpc_method_handler,
        (False, True): grpc.unary_stream_rpc_method_handler,
        (True, False): grpc.stream_unary_rpc_method_handler,
        (True, True): grpc.stream_stream_rpc_method_handler,
    }[bool(handler.request_streaming), bool(handler.response_streaming)]
    return make(
        respond_in_parts if handler.response_streaming else respond,
        request_deserializer=handler.request_deserializer,
        response_serializer=handler.response_serializer,
    )
