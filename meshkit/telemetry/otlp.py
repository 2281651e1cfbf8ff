"""OTLP exporters, when OpenTelemetry's own variables name a collector.

OTEL_EXPORTER_OTLP_ENDPOINT (or ..._TRACES_ENDPOINT, ..._METRICS_ENDPOINT) says where, and
OTEL_EXPORTER_OTLP_PROTOCOL by which protocol: `http/protobuf` (the default) or `grpc`.
"""

from collections.abc import Mapping

from opentelemetry.sdk.metrics.export import MetricExporter
from opentelemetry.sdk.trace.export import SpanExporter

ENDPOINT = "OTEL_EXPORTER_OTLP_ENDPOINT"
TRACES_ENDPOINT = "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT"
METRICS_ENDPOINT = "OTEL_EXPORTER_OTLP_METRICS_ENDPOINT"
PROTOCOL = "OTEL_EXPORTER_OTLP_PROTOCOL"
TRACES_PROTOCOL = "OTEL_EXPORTER_OTLP_TRACES_PROTOCOL"
METRICS_PROTOCOL = "OTEL_EXPORTER_OTLP_METRICS_PROTOCOL"


def span_exporter(environ: Mapping[str, str]) -> SpanExporter | None:
    """The exporter of spans; None when no collector is named."""
    if not (environ.get(ENDPOINT) or environ.get(TRACES_ENDPOINT)):
        return None
    if _protocol(environ, TRACES_PROTOCOL) == "grpc":
        from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import (  # noqa: PLC0415
            OTLPSpanExporter as GrpcSpanExporter,  # imported when wanted: each takes a while
        )

        return GrpcSpanExporter()
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import (  # noqa: PLC0415
        OTLPSpanExporter,
    )

    return OTLPSpanExporter()


def metric_exporter(environ: Mapping[str, str]) -> MetricExporter | None:
    """The exporter of metrics; None when no collector is named."""
    if not (environ.get(ENDPOINT) or environ.get(METRICS_ENDPOINT)):
        return None
    if _protocol(environ, METRICS_PROTOCOL) == "grpc":
        from opentelemetry.exporter.otlp.proto.grpc.metric_exporter import (  # noqa: PLC0415
            OTLPMetricExporter as GrpcMetricExporter,
        )

        return GrpcMetricExporter()
    from opentelemetry.exporter.otlp.proto.http.metric_exporter import (  # noqa: PLC0415
        OTLPMetricExporter,
    )

    return OTLPMetricExporter()


def _protocol(environ: Mapping[str, str], own: str) -> str:
    return environ.get(own) or environ.get(PROTOCOL) or "http/protobuf"
