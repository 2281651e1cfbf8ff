"""The SDK's exporters, given what is encoded already.

They take spans of the SDK's own and encode them; where they send and how often they try again is
theirs still.
"""

from collections.abc import Mapping
from typing import Any, Protocol

from opentelemetry.exporter.otlp.proto.common.trace_encoder import encode_spans
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import SpanExportResult
from opentelemetry.sdk.util.instrumentation import InstrumentationScope
from opentelemetry.trace import SpanContext

from meshkit.telemetry.otlp import span_exporter

_SCOPE = InstrumentationScope("sidecar")


class Sender(Protocol):
    """Takes spans to a collector."""

    def send(self, request: ExportTraceServiceRequest) -> bool:
        """Whether the collector took them."""

    def shutdown(self) -> None:
        """Send no more."""


def span_sender(environ: Mapping[str, str]) -> Sender | None:
    """A sender to the collector that OpenTelemetry's variables name; None when they name none."""
    exporter = span_exporter(environ)
    if exporter is None:
        return None
    return _ByGrpc(exporter) if hasattr(exporter, "_translate_data") else _ByHttp(exporter)


def frame_of(resource: Resource) -> ExportTraceServiceRequest:
    """A request without spans, of this process: spans go to the only scope of the only resource."""
    span = ReadableSpan(
        "", SpanContext(1, 1, is_remote=False), resource=resource, instrumentation_scope=_SCOPE
    )
    request = encode_spans([span])
    del request.resource_spans[0].scope_spans[0].spans[:]
    return request


class _ByHttp:
    def __init__(self, exporter: Any) -> None:
        self._client = exporter._client
        self.shutdown = exporter.shutdown

    def send(self, request: ExportTraceServiceRequest) -> bool:
        return bool(self._client.export(request.SerializeToString()).success)


class _ByGrpc:
    def __init__(self, exporter: Any) -> None:
        self._exporter = exporter
        exporter._translate_data = lambda request: request
        exporter._count_data = lambda request: len(request.resource_spans[0].scope_spans[0].spans)
        self.shutdown = exporter.shutdown

    def send(self, request: ExportTraceServiceRequest) -> bool:
        return self._exporter.export(request) is SpanExportResult.SUCCESS
