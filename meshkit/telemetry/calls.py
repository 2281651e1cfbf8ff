"""Calls as spans, after OpenTelemetry's semantic conventions for RPC; W3C trace context in and out.

A call that comes in continues its caller's trace. A call that goes out is a span of its own, whose
context travels with it. Neither records anything while telemetry is off.
"""

import asyncio
import contextlib
import re
import time
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from typing import Any

import grpc
from opentelemetry import context as otel_context
from opentelemetry import metrics, propagate, trace

from meshkit.interceptors import Context
from meshkit.telemetry import names
from meshkit.telemetry.process import is_measuring
from meshkit.telemetry.vocabulary import histogram

CALLER_KEY = "pagemesh-caller"
"""Metadata that names who calls."""

SUBJECT_KEY = "pagemesh-subject"
"""Metadata that names the client of a token which a proxy before us has checked. The proxy takes it
away from calls without one (k8s/components/oidc), so that callers cannot set it themselves."""

TOKEN_PREFIX = "oidc:"  # noqa: S105 - begins names, opens nothing
"""Begins the names of clients that tokens name: none that has another proof is called so."""

_CALLER = re.compile(r"[A-Za-z0-9][A-Za-z0-9 ._:/@-]{0,63}")

Follow = Callable[[Any], None]

_UNTOLD = ("grpc.health.", "grpc.reflection.")
_SERVER_FAULTS = frozenset(
    {
        grpc.StatusCode.UNKNOWN,
        grpc.StatusCode.DEADLINE_EXCEEDED,
        grpc.StatusCode.UNIMPLEMENTED,
        grpc.StatusCode.INTERNAL,
        grpc.StatusCode.UNAVAILABLE,
        grpc.StatusCode.DATA_LOSS,
    }
)
"""Statuses that are the server's fault, by the conventions for gRPC."""

_tracer = trace.get_tracer("meshkit")
_meter = metrics.get_meter("meshkit")
_server_duration = histogram(_meter, names.SERVER_DURATION)
_client_duration = histogram(_meter, names.CLIENT_DURATION)
_ending: set["asyncio.Task[None]"] = set()


@contextlib.asynccontextmanager
async def trace_call(details: grpc.HandlerCallDetails, context: Context) -> AsyncIterator[None]:
    """The guard that makes a call a span, in the trace that its metadata names."""
    method = details.method.removeprefix("/")
    if method.startswith(_UNTOLD):
        yield
        return
    carrier = {k: v for k, v in context.invocation_metadata() or () if isinstance(v, str)}
    parent = propagate.extract(carrier, context=otel_context.get_current())
    attributes = {names.SYSTEM: "grpc", names.METHOD: method}
    started = time.perf_counter()
    with _tracer.start_as_current_span(
        method,
        context=parent,
        kind=trace.SpanKind.SERVER,
        attributes=attributes,
        record_exception=False,
        set_status_on_exception=False,
    ) as span:
        is_cancelled = False
        try:
            yield
        except asyncio.CancelledError:
            is_cancelled = True
            raise
        finally:
            code = grpc.StatusCode.CANCELLED if is_cancelled else _code_of(context)
            status = _status(code)
            span.set_attributes(status)
            if code in _SERVER_FAULTS:
                span.set_status(trace.StatusCode.ERROR)
            _server_duration.record(time.perf_counter() - started, attributes | status)


def caller_of(context: Context) -> str:
    """Who calls: the client of its token, else what the metadata `pagemesh-caller` says.

    Empty without, or when it is no name: at most 64 letters, digits, spaces and `._:/@-`.
    """
    told = dict(context.invocation_metadata() or ())
    named = told.get(CALLER_KEY, "")
    if SUBJECT_KEY in told:
        proved = told[SUBJECT_KEY]
        named = f"{TOKEN_PREFIX}{proved!s}" if proved else ""
    return named if isinstance(named, str) and _CALLER.fullmatch(named) else ""


@contextlib.contextmanager
def outgoing_call(method: str | bytes, attributes: Mapping[str, str | int]) -> Iterator[Follow]:
    """A client span, current while a call is begun. Give the call to what this yields.

    Args:
        method: as gRPC has it, `/package.Service/Method`.
        attributes: of whoever is called.
    """
    name = (method.decode() if isinstance(method, bytes) else method).removeprefix("/")
    if name.startswith(_UNTOLD):
        yield lambda _call: None
        return
    call_attributes = {names.SYSTEM: "grpc", names.METHOD: name}
    span = _tracer.start_span(
        name, kind=trace.SpanKind.CLIENT, attributes={**call_attributes, **attributes}
    )
    started = time.perf_counter()

    def follow(call: Any) -> None:
        if not (span.is_recording() or is_measuring()):
            return

        def on_end(ended_call: Any) -> None:
            seconds, now = time.perf_counter() - started, time.time_ns()
            task = asyncio.ensure_future(_end(span, ended_call, call_attributes, seconds, now))
            _ending.add(task)
            task.add_done_callback(_ending.discard)

        call.add_done_callback(on_end)

    with trace.use_span(span, record_exception=False, set_status_on_exception=False):
        try:
            yield follow
        except BaseException:
            span.end()
            raise


async def _end(
    span: trace.Span, call: Any, attributes: Mapping[str, str], seconds: float, now: int
) -> None:
    """Write down how a call ended. It has, so this waits for nothing."""
    code = await call.code()
    status = _status(code)
    span.set_attributes(status)
    if code is not grpc.StatusCode.OK:
        span.set_status(trace.StatusCode.ERROR)
    span.end(end_time=now)
    _client_duration.record(seconds, {**attributes, **status})


class _Tracing:
    """Makes every call a span and sends its trace context along."""

    def __init__(self, attributes: Mapping[str, str | int], caller: str) -> None:
        self._attributes = attributes
        self._caller = {CALLER_KEY: caller} if caller else {}

    async def _traced(self, continuation: Any, details: Any, request: Any) -> Any:
        with outgoing_call(details.method, self._attributes) as follow:
            call = await continuation(self._told(details), request)
            follow(call)
            return call

    def _told(self, details: grpc.aio.ClientCallDetails) -> grpc.aio.ClientCallDetails:
        carrier = dict(self._caller)
        propagate.inject(carrier)
        given = {key for key, _ in details.metadata or ()}
        added = [(key, value) for key, value in carrier.items() if key not in given]
        return grpc.aio.ClientCallDetails(
            method=details.method,
            timeout=details.timeout,
            metadata=grpc.aio.Metadata(*(details.metadata or ()), *added),
            credentials=details.credentials,
            wait_for_ready=details.wait_for_ready,
        )


class _UnaryUnary(_Tracing, grpc.aio.UnaryUnaryClientInterceptor):
    async def intercept_unary_unary(
        self, continuation: Any, client_call_details: Any, request: Any
    ) -> Any:
        return await self._traced(continuation, client_call_details, request)


class _UnaryStream(_Tracing, grpc.aio.UnaryStreamClientInterceptor):
    async def intercept_unary_stream(
        self, continuation: Any, client_call_details: Any, request: Any
    ) -> Any:
        return await self._traced(continuation, client_call_details, request)


class _StreamUnary(_Tracing, grpc.aio.StreamUnaryClientInterceptor):
    async def intercept_stream_unary(
        self, continuation: Any, client_call_details: Any, request_iterator: Any
    ) -> Any:
        return await self._traced(continuation, client_call_details, request_iterator)


class _StreamStream(_Tracing, grpc.aio.StreamStreamClientInterceptor):
    async def intercept_stream_stream(
        self, continuation: Any, client_call_details: Any, request_iterator: Any
    ) -> Any:
        return await self._traced(continuation, client_call_details, request_iterator)


def tracing_interceptors(target: str, caller: str = "") -> list[grpc.aio.ClientInterceptor]:
    """For a channel: every call becomes a span, and its trace context travels with it.

    One for each kind of call, as a channel uses an interceptor for the first kind only that it is
    an instance of.

    Args:
        target: what is called, in gRPC's notation.
        caller: names this process to whoever is called; empty says nothing.
    """
    attributes = server_attributes(target)
    kinds = (_UnaryUnary, _UnaryStream, _StreamUnary, _StreamStream)
    return [kind(attributes, caller) for kind in kinds]


def server_attributes(target: str) -> dict[str, str | int]:
    """`server.address` and `server.port` of a gRPC target."""
    scheme, _, path = target.partition(":")
    if scheme == "unix":
        return {names.ADDRESS: path.removeprefix("//")}
    host, _, port = target.rpartition(":")
    if host and port.isdigit():
        return {names.ADDRESS: host.rpartition("/")[2].strip("[]"), names.PORT: int(port)}
    return {names.ADDRESS: target} if target else {}


def _status(code: grpc.StatusCode) -> dict[str, str]:
    status = {names.STATUS: code.name}
    return status if code is grpc.StatusCode.OK else status | {names.ERROR: code.name}


def _code_of(context: Context) -> grpc.StatusCode:
    if context.cancelled():
        return grpc.StatusCode.CANCELLED
    code: Any = context.code()
    if isinstance(code, grpc.StatusCode):
        return code
    return next((c for c in grpc.StatusCode if c.value[0] == code), grpc.StatusCode.OK)
