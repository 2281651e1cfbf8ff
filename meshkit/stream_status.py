"""The status that a server gives a stream, whatever becomes of what is still being sent.

A server may end a stream before it has read all of it: a limit, a missing right, a proxy on the way
refuses it. The next write then fails, and grpc.aio puts INTERNAL in the place of the status that
came, or ahead of it (grpc/grpc#36066). A write that fails tells nothing; here the call ends with
what the server said. Calls that send one message need none of this.

A server that resets the stream with an error, or closes the connection, just after its status has
gRPC tell of that instead; `meshkit.status` takes the status from its details, if it has any.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine
from typing import Any

import grpc

_WRITE_FAILED = "Internal error from Core"
"""What grpc.aio says of a call that could not be written to."""

_STATUS_SECONDS = 5.0
"""Longest wait for the status of such a call. It comes at once, or after answers that have yet to
be read; none comes when gRPC took the write itself for a mistake."""

_LOOK_SECONDS = 0.01
"""Pause between two looks for it: grpc.aio tells nobody when it comes after the failed write."""


class ServerStatus(grpc.aio.StreamStreamClientInterceptor):
    """Makes streams end with the status that their server gave. Put it last: next to the call."""

    async def intercept_stream_stream(
        self, continuation: Any, client_call_details: Any, request_iterator: Any
    ) -> Any:
        return _Call(await continuation(client_call_details, request_iterator))


class _Call:
    """A stream's call; all but its end is grpc.aio's own."""

    def __init__(self, call: Any) -> None:
        self._call = call
        self._end: asyncio.Future[grpc.aio.AioRpcError] = asyncio.Future()
        self._looking: asyncio.Task[None] | None = None
        call.add_done_callback(self._on_status)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._call, name)

    async def __aiter__(self) -> AsyncIterator[Any]:
        try:
            async for response in self._call:
                yield response
        except grpc.aio.AioRpcError:
            end = await self._ended()
            if end.code() is not grpc.StatusCode.OK:
                raise end from None

    def done(self) -> bool:
        return self._end.done()

    def cancelled(self) -> bool:
        return self.done() and self._end.result().code() is grpc.StatusCode.CANCELLED

    def add_done_callback(self, callback: Callable[[Any], None]) -> None:
        self._end.add_done_callback(lambda _end: callback(self))

    async def code(self) -> grpc.StatusCode:
        return (await self._ended()).code()

    async def details(self) -> str | None:
        return (await self._ended()).details()

    async def trailing_metadata(self) -> grpc.aio.Metadata | None:
        return (await self._ended()).trailing_metadata()

    async def debug_error_string(self) -> str | None:
        return (await self._ended()).debug_error_string()

    def _on_status(self, call: Any) -> None:
        """grpc.aio has set a status. It may soon set another in its place."""
        status = _result(_status(call))
        if status.details() != _WRITE_FAILED:
            self._settle(status)
        elif self._looking is None:
            self._looking = asyncio.ensure_future(self._look())

    async def _look(self) -> None:
        """Wait for the status that follows a failed write."""
        now = asyncio.get_running_loop().time
        late = now() + _STATUS_SECONDS
        status = await _status(self._call)
        while status.details() == _WRITE_FAILED and now() < late:
            await asyncio.sleep(_LOOK_SECONDS)
            status = await _status(self._call)
        self._settle(status)

    def _settle(self, status: grpc.aio.AioRpcError) -> None:
        if not self._end.done():
            self._end.set_result(status)

    async def _ended(self) -> grpc.aio.AioRpcError:
        return await asyncio.shield(self._end)


grpc.aio.StreamStreamCall.register(_Call)


async def _status(call: Any) -> grpc.aio.AioRpcError:
    """How a call ended. It has, so this waits for nothing."""
    return grpc.aio.AioRpcError(
        await call.code(),
        await call.initial_metadata(),
        await call.trailing_metadata(),
        await call.details(),
        await call.debug_error_string(),
    )


def _result(coroutine: Coroutine[Any, Any, grpc.aio.AioRpcError]) -> grpc.aio.AioRpcError:
    """What a coroutine that waits for nothing returns: now, as the status may soon be another."""
    try:
        coroutine.send(None)
    except StopIteration as returned:
        status: grpc.aio.AioRpcError = returned.value
        return status
    coroutine.close()
    raise AssertionError("unreachable: a call that has ended knows how")
