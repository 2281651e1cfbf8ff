"""Tracing: W3C trace context in and out, a span for every call, OTLP when it is configured.

Spans follow OpenTelemetry's semantic conventions for RPC. Without OTEL_EXPORTER_OTLP_ENDPOINT
spans exist, so that logs carry their ids, and go nowhere.
"""

import contextlib
import os
from collections.abc import AsyncIterator, Mapping
from typing import Any

import grpc
from opentelemetry import context as otel_context
from opentelemetry import propagate, trace
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.semconv.attributes.error_attributes import ERROR_TYPE

from meshkit.interceptors import Context

_RPC_SYSTEM_NAME, _RPC_METHOD, _RPC_STATUS = (
    "rpc.system.name",
    "rpc.method",
    "rpc.response.status_code",
)
_ENDPOINTS = ("OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT")
_tracer = trace.get_tracer("meshkit")


def configure_tracing(service: str, environ: Mapping[str, str] | None = None) -> TracerProvider:
    """Make this process trace; returns the provider, to be shut down at the end."""
    environ = os.environ if environ is None else environ
    name = environ.get("OTEL_SERVICE_NAME", service)
    provider = TracerProvider(resource=Resource.create({"service.name": name}))
    if any(environ.get(variable) for variable in _ENDPOINTS):
        from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import (  # noqa: PLC0415
            OTLPSpanExporter,  # takes a while to import
        )

        provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
    trace.set_tracer_provider(provider)
    return provider


@contextlib.asynccontextmanager
async def trace_call(details: grpc.HandlerCallDetails, context: Context) -> AsyncIterator[None]:
    """The guard that makes a call a span, in the trace that its metadata names."""
    method = details.method.removeprefix("/")
    carrier = {k: v for k, v in context.invocation_metadata() or () if isinstance(v, str)}
    parent = propagate.extract(carrier, context=otel_context.get_current())
    attributes = {_RPC_SYSTEM_NAME: "grpc", _RPC_METHOD: method}
    with _tracer.start_as_current_span(
        method,
        context=parent,
        kind=trace.SpanKind.SERVER,
        attributes=attributes,
        record_exception=False,
        set_status_on_exception=False,
    ) as span:
        try:
            yield
        finally:
            _record_status(span, context)


class TracingClientInterceptor(
    grpc.aio.UnaryUnaryClientInterceptor,
    grpc.aio.UnaryStreamClientInterceptor,
    grpc.aio.StreamUnaryClientInterceptor,
    grpc.aio.StreamStreamClientInterceptor,
):
    """Sends the active span's trace context with every call."""

    async def intercept_unary_unary(
        self, continuation: Any, client_call_details: Any, request: Any
    ) -> Any:
        return await continuation(_traced(client_call_details), request)

    async def intercept_unary_stream(
        self, continuation: Any, client_call_details: Any, request: Any
    ) -> Any:
        return await continuation(_traced(client_call_details), request)

    async def intercept_stream_unary(
        self, continuation: Any, client_call_details: Any, request_iterator: Any
    ) -> Any:
        return await continuation(_traced(client_call_details), request_iterator)

    async def intercept_stream_stream(
        self, continuation: Any, client_call_details: Any, request_iterator: Any
    ) -> Any:
        return await continuation(_traced(client_call_details), request_iterator)


def _traced(details: grpc.aio.ClientCallDetails) -> grpc.aio.ClientCallDetails:
    carrier: dict[str, str] = {}
    propagate.inject(carrier)
    metadata = grpc.aio.Metadata(*(details.metadata or ()), *carrier.items())
    return grpc.aio.ClientCallDetails(
        method=details.method,
        timeout=details.timeout,
        metadata=metadata,
        credentials=details.credentials,
        wait_for_ready=details.wait_for_ready,
    )


def _record_status(span: trace.Span, context: Context) -> None:
    code = _status_code(context)
    span.set_attribute(_RPC_STATUS, code.name)
    if code is not grpc.StatusCode.OK:
        span.set_attribute(ERROR_TYPE, code.name)
        span.set_status(trace.StatusCode.ERROR)


def _status_code(context: Context) -> grpc.StatusCode:
    if context.cancelled():
        return grpc.StatusCode.CANCELLED
    code: Any = context.code()
    if isinstance(code, grpc.StatusCode):
        return code
    return next((c for c in grpc.StatusCode if c.value[0] == code), grpc.StatusCode.OK)
