"""A gRPC channel to servicers in this process: no socket, no serialising.

    server = InProcessServer()
    add_OcrServiceServicer_to_server(servicer, server)
    stub = OcrServiceStub(server.channel())

Stubs, servicers and interceptors cannot tell the difference: deadlines, cancellation, metadata,
status details and back-pressure work as over a socket. Two things differ. Messages are handed over
as they are, so neither side may change one that it has sent. And a response stream that is left
early must be cancelled by its reader, as it is not cancelled when it is garbage collected.
"""

import asyncio
import contextlib
import inspect
import logging
from collections.abc import AsyncIterator, Callable, Generator, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, NoReturn

import grpc
from grpc.aio import EOF, Metadata

from meshkit.server import server_interceptors
from meshkit.telemetry.calls import outgoing_call

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class _CallDetails(grpc.HandlerCallDetails):
    method: str
    invocation_metadata: Metadata  # type: ignore[assignment]  # as grpc.aio gives it


@dataclass(frozen=True, slots=True)
class _Status:
    code: grpc.StatusCode
    details: str
    trailing_metadata: Metadata


class InProcessServer:
    """What `add_...Servicer_to_server` registers with. `channel` leads to it.

    Args:
        interceptors: outermost first; those of every pagemesh server by default.
    """

    def __init__(self, interceptors: Sequence[grpc.aio.ServerInterceptor] | None = None) -> None:
        self._handlers: list[grpc.GenericRpcHandler] = []
        self._interceptors = server_interceptors() if interceptors is None else list(interceptors)

    def add_generic_rpc_handlers(self, handlers: Iterable[grpc.GenericRpcHandler]) -> None:
        """Called by generated code."""
        self._handlers.extend(handlers)

    def add_registered_method_handlers(
        self, service_name: str, method_handlers: Mapping[str, Any]
    ) -> None:
        """Called by generated code, with what `add_generic_rpc_handlers` got already."""

    def channel(self) -> "InProcessChannel":
        """A channel to this server."""
        return InProcessChannel(self)

    async def find(self, method: str, metadata: Metadata) -> Any:
        """The handler of a method with the interceptors around it; None when there is none."""

        async def look_up(details: grpc.HandlerCallDetails) -> Any:
            found = (handler.service(details) for handler in self._handlers)
            return next((handler for handler in found if handler is not None), None)

        continuation: Callable[[Any], Any] = look_up
        for interceptor in reversed(self._interceptors):
            continuation = partial(interceptor.intercept_service, continuation)
        return await continuation(_CallDetails(method, metadata))


class InProcessChannel(grpc.aio.Channel):
    """The client's end. Closing it cancels its calls in flight."""

    def __init__(self, server: InProcessServer) -> None:
        self._server = server
        self._calls: set[_Call] = set()
        self._closed = False

    async def __aenter__(self) -> "InProcessChannel":
        return self

    async def __aexit__(self, *exc_info: object) -> None:
        await self.close()

    async def close(self, grace: float | None = None) -> None:
        self._closed = True
        tasks = [call.task for call in self._calls]
        if tasks and grace:
            await asyncio.wait(tasks, timeout=grace)
        for call in list(self._calls):
            call.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def get_state(self, try_to_connect: bool = False) -> grpc.ChannelConnectivity:  # noqa: ARG002
        return grpc.ChannelConnectivity.SHUTDOWN if self._closed else grpc.ChannelConnectivity.READY

    async def wait_for_state_change(self, last_observed_state: grpc.ChannelConnectivity) -> None:
        if self.get_state() is last_observed_state:
            await asyncio.Event().wait()

    async def channel_ready(self) -> None:
        return

    def unary_unary(self, method: str, *_: Any, **__: Any) -> Any:
        return partial(self._with_request, method)

    def unary_stream(self, method: str, *_: Any, **__: Any) -> Any:
        return partial(self._with_request, method)

    def stream_unary(self, method: str, *_: Any, **__: Any) -> Any:
        return partial(self._with_requests, method)

    def stream_stream(self, method: str, *_: Any, **__: Any) -> Any:
        return partial(self._with_requests, method)

    def _with_request(
        self,
        method: str,
        request: Any,
        *,
        timeout: float | None = None,
        metadata: Any = None,
        **_: Any,
    ) -> "_Call":
        call = self._start(method, timeout, metadata)
        call.request = request
        return call

    def _with_requests(
        self,
        method: str,
        request_iterator: Any = None,
        timeout: float | None = None,
        metadata: Any = None,
        **_: Any,
    ) -> "_Call":
        call = self._start(method, timeout, metadata)
        if request_iterator is not None:
            call.feed(request_iterator)
        return call

    def _start(self, method: str, timeout: float | None, metadata: Any) -> "_Call":
        if self._closed:
            raise grpc.aio.UsageError("Channel is closed.")
        with outgoing_call(method, {}) as follow:  # the handler's task inherits the span
            call = _Call(self._server, method, timeout, Metadata(*(metadata or ())))
            follow(call)
        self._calls.add(call)
        call.task.add_done_callback(lambda _: self._calls.discard(call))
        return call


class _Pipe:
    """One direction of a stream. Holds one message: a second `send` waits for its reader."""

    def __init__(self) -> None:
        self._items: asyncio.Queue[Any] = asyncio.Queue()
        self._space = asyncio.Semaphore(1)
        self._broken = False

    async def send(self, item: Any) -> bool:
        """False when nobody will read it."""
        await self._space.acquire()
        if self._broken:
            self._space.release()
            return False
        self._items.put_nowait(item)
        return True

    async def receive(self) -> Any:
        """The next message; EOF at the end, and for ever after."""
        item = await self._items.get()
        if item is EOF:
            self._items.put_nowait(EOF)
        else:
            self._space.release()
        return item

    def close(self) -> None:
        """Nothing more will be sent; what was sent can still be read."""
        self._items.put_nowait(EOF)

    def break_off(self) -> None:
        """Nothing more will be read: drop what is there and let senders go."""
        self._broken = True
        while not self._items.empty():
            self._items.get_nowait()
        self._items.put_nowait(EOF)
        self._space.release()


class _Call(
    grpc.aio.UnaryUnaryCall[Any, Any],
    grpc.aio.UnaryStreamCall[Any, Any],
    grpc.aio.StreamUnaryCall[Any, Any],
    grpc.aio.StreamStreamCall[Any, Any],
):
    """A call of any shape, as its client sees it; the handler runs in `task`."""

    def __init__(
        self, server: InProcessServer, method: str, timeout: float | None, metadata: Metadata
    ) -> None:
        self._loop = asyncio.get_running_loop()
        self._server, self._method, self._metadata = server, method, metadata
        self._deadline = None if timeout is None else self._loop.time() + timeout
        self.request: Any = None
        self._requests, self._responses = _Pipe(), _Pipe()
        self._response: Any = None
        self._initial_metadata: asyncio.Future[Metadata] = self._loop.create_future()
        self._status: asyncio.Future[_Status] = self._loop.create_future()
        self._cancelled_here = False
        self._feeder: asyncio.Task[None] | None = None
        self.task = asyncio.create_task(self._serve())
        if self._deadline is not None:
            self._timer = self._loop.call_at(self._deadline, self._expire)
            self._status.add_done_callback(lambda _: self._timer.cancel())

    # The client's side

    def __await__(self) -> Generator[Any, Any, Any]:
        return self._get_response().__await__()

    def __aiter__(self) -> AsyncIterator[Any]:
        return self._read_all()

    async def read(self) -> Any:
        response = await self._or_cancel(self._responses.receive())
        if response is EOF:
            await self._raise_for_status()
        return response

    async def write(self, request: Any) -> None:
        if self.done():
            raise asyncio.InvalidStateError("RPC already finished.")
        if not await self._or_cancel(self._requests.send(request)):
            await self._raise_for_status()

    async def done_writing(self) -> None:
        self._requests.close()

    def feed(self, requests: Any) -> None:
        """Send what the iterator gives."""
        self._feeder = asyncio.create_task(self._feed(requests))
        self._status.add_done_callback(lambda _: self._feeder and self._feeder.cancel())

    def cancel(self) -> bool:
        self._cancelled_here = self._cancelled_here or not self.done()
        return self._end(grpc.StatusCode.CANCELLED, "Locally cancelled by application!")

    def cancelled(self) -> bool:
        return self._status.done() and self._status.result().code is grpc.StatusCode.CANCELLED

    def done(self) -> bool:
        return self._status.done()

    def time_remaining(self) -> float | None:
        return None if self._deadline is None else max(0.0, self._deadline - self._loop.time())

    def add_done_callback(self, callback: Callable[[Any], None]) -> None:
        self._status.add_done_callback(lambda _: callback(self))

    async def initial_metadata(self) -> Metadata:
        return await asyncio.shield(self._initial_metadata)

    async def trailing_metadata(self) -> Metadata:
        return (await asyncio.shield(self._status)).trailing_metadata

    async def code(self) -> grpc.StatusCode:
        return (await asyncio.shield(self._status)).code

    async def details(self) -> str:
        return (await asyncio.shield(self._status)).details

    async def wait_for_connection(self) -> None:
        return

    async def _get_response(self) -> Any:
        await self._or_cancel(asyncio.shield(self._status))
        await self._raise_for_status()
        return self._response

    async def _read_all(self) -> AsyncIterator[Any]:
        while (response := await self.read()) is not EOF:
            yield response

    async def _or_cancel(self, awaitable: Any) -> Any:
        """Wait; a caller that is cancelled while it waits cancels the call."""
        try:
            return await awaitable
        except asyncio.CancelledError:
            self.cancel()
            raise

    async def _raise_for_status(self) -> None:
        status = await asyncio.shield(self._status)
        if self._cancelled_here:
            raise asyncio.CancelledError
        if status.code is not grpc.StatusCode.OK:
            raise grpc.aio.AioRpcError(
                status.code,
                self._initial_metadata.result(),
                status.trailing_metadata,
                status.details,
            )

    async def _feed(self, requests: Any) -> None:
        try:
            if hasattr(requests, "__aiter__"):
                async for request in requests:
                    await self._requests.send(request)
            else:
                for request in requests:
                    await self._requests.send(request)
        except Exception:
            _log.exception("a request iterator failed")
            self.cancel()
        else:
            self._requests.close()

    def _expire(self) -> None:
        self._end(grpc.StatusCode.DEADLINE_EXCEEDED, "Deadline Exceeded")

    def _end(self, code: grpc.StatusCode, details: str) -> bool:
        """End the call from the client's side. False when it had ended."""
        if not self._finish(_Status(code, details, Metadata())):
            return False
        self._responses.break_off()
        self.task.cancel()
        return True

    def _finish(self, status: _Status) -> bool:
        if self._status.done():
            return False
        if not self._initial_metadata.done():
            self._initial_metadata.set_result(Metadata())
        self._status.set_result(status)
        self._requests.break_off()
        self._responses.close()
        return True

    # The server's side

    async def _serve(self) -> None:
        context = _Context(self)
        try:
            await self._handle(context)
            self._finish(context.status())
        except grpc.aio.AbortError:
            self._finish(context.status())
        except asyncio.CancelledError:
            self._finish(_Status(grpc.StatusCode.CANCELLED, "Cancelled by server", Metadata()))
        except Exception as error:  # as grpc.aio does with what no interceptor mapped
            _log.exception("unexpected error in a handler")
            details = f"Unexpected {type(error)}: {error}"
            self._finish(_Status(grpc.StatusCode.UNKNOWN, details, Metadata()))

    async def _handle(self, context: "_Context") -> None:
        handler = await self._server.find(self._method, self._metadata)
        if handler is None:
            await context.abort(grpc.StatusCode.UNIMPLEMENTED, "Method not found!")
        behaviour = (
            handler.unary_unary
            or handler.unary_stream
            or handler.stream_unary
            or handler.stream_stream
        )
        request = self._read_requests() if handler.request_streaming else self.request
        if inspect.isasyncgenfunction(behaviour):
            async with contextlib.aclosing(behaviour(request, context)) as responses:
                async for response in responses:
                    await context.write(response)
        else:
            self._response = await behaviour(request, context)

    async def _read_requests(self) -> AsyncIterator[Any]:
        while (request := await self._requests.receive()) is not EOF:
            yield request

    def receive_request(self) -> Any:
        """The next request, for `ServicerContext.read`."""
        return self._requests.receive()

    def send_response(self, response: Any) -> Any:
        """For `ServicerContext.write`."""
        return self._responses.send(response)

    def send_initial_metadata(self, metadata: Metadata) -> None:
        """For `ServicerContext.send_initial_metadata`."""
        if not self._initial_metadata.done():
            self._initial_metadata.set_result(metadata)

    @property
    def invocation_metadata(self) -> Metadata:
        """What the client sent with the call."""
        return self._metadata


class _Context(grpc.aio.ServicerContext[Any, Any]):
    """The call as its handler sees it."""

    def __init__(self, call: _Call) -> None:
        self._call = call
        self._code: grpc.StatusCode = grpc.StatusCode.OK
        self._details = ""
        self._trailing_metadata = Metadata()

    def status(self) -> _Status:
        """How the handler ended the call."""
        return _Status(self._code, self._details, self._trailing_metadata)

    async def read(self) -> Any:
        return await self._call.receive_request()

    async def write(self, message: Any) -> None:
        await self._call.send_response(message)

    async def send_initial_metadata(self, initial_metadata: Any) -> None:
        self._call.send_initial_metadata(Metadata(*initial_metadata))

    async def abort(
        self, code: grpc.StatusCode, details: str = "", trailing_metadata: Any = ()
    ) -> NoReturn:
        self._code, self._details = code, details
        if trailing_metadata:
            self._trailing_metadata = Metadata(*trailing_metadata)
        raise grpc.aio.AbortError("Locally aborted.")

    async def abort_with_status(self, status: Any) -> NoReturn:
        await self.abort(status.code, status.details, status.trailing_metadata)

    def set_trailing_metadata(self, trailing_metadata: Any) -> None:
        self._trailing_metadata = Metadata(*trailing_metadata)

    def trailing_metadata(self) -> Metadata:
        return self._trailing_metadata

    def invocation_metadata(self) -> Metadata:
        return self._call.invocation_metadata

    def set_code(self, code: grpc.StatusCode) -> None:
        self._code = code

    def set_details(self, details: str) -> None:
        self._details = details

    def code(self) -> grpc.StatusCode:
        return self._code

    def details(self) -> str:
        return self._details

    def set_compression(self, compression: grpc.Compression) -> None:
        """Nothing is compressed here."""

    def disable_next_message_compression(self) -> None:
        """Nothing is compressed here."""

    def peer(self) -> str:
        return "inprocess"

    def peer_identities(self) -> None:
        return None

    def peer_identity_key(self) -> None:
        return None

    def auth_context(self) -> Mapping[str, Iterable[bytes]]:
        return {}

    def time_remaining(self) -> Any:
        return self._call.time_remaining()

    def add_done_callback(self, callback: Any) -> None:
        self._call.add_done_callback(lambda _: callback(self))

    def cancelled(self) -> bool:
        return self._call.cancelled()

    def done(self) -> bool:
        return self._call.done()
