"""Telemetry of a process: on when a collector is named, off otherwise.

Off, no span is recorded and nothing is measured; the trace context of a caller is passed on all the
same. On, what is sent waits in bounded queues beside the calls: a collector that is slow or gone
costs what was for it, and no call.
"""

import os
import time
from collections.abc import Mapping, Sequence
from threading import Thread

from opentelemetry import metrics, trace
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import MetricReader, PeriodicExportingMetricReader
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import SpanProcessor, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor

from meshkit.telemetry.otlp import metric_exporter, span_exporter

_FLUSH_SECONDS = 4.0

_told: set[str] = set()
"""Spans, metrics: what goes anywhere. OpenTelemetry looks into the environment at each question."""


class Telemetry:
    """What a process has set up. Shut it down at the process's end, to send what is left."""

    def __init__(self, tracers: TracerProvider | None, meters: MeterProvider | None) -> None:
        self._tracers = tracers
        self._meters = meters

    def shutdown(self) -> None:
        """Send what waits and stop; a collector that does not answer is given a few seconds."""
        providers = [p for p in (self._tracers, self._meters) if p is not None]
        threads = [Thread(target=p.shutdown, daemon=True) for p in providers]
        for thread in threads:
            thread.start()
        end = time.monotonic() + _FLUSH_SECONDS
        for thread in threads:
            thread.join(max(0.0, end - time.monotonic()))


def configure_telemetry(
    service: str,
    environ: Mapping[str, str] | None = None,
    *,
    processors: Sequence[SpanProcessor] = (),
    readers: Sequence[MetricReader] = (),
) -> Telemetry:
    """Make this process trace and measure, when somebody is there to be told. Once a process.

    Args:
        service: the process's one noun; OTEL_SERVICE_NAME overrides it.
        environ: OpenTelemetry's variables; this process's own when None.
        processors, readers: others that are told, beside the collector.
    """
    environ = os.environ if environ is None else environ
    name = environ.get("OTEL_SERVICE_NAME", service)
    resource = Resource.create({"service.name": name, "service.namespace": "pagemesh"})
    tracers, meters = None, None
    exporter, metric_sender = span_exporter(environ), metric_exporter(environ)
    told = [*processors, *([BatchSpanProcessor(exporter)] if exporter else [])]
    if told:
        tracers = TracerProvider(resource=resource, shutdown_on_exit=False)
        for processor in told:
            tracers.add_span_processor(processor)
        trace.set_tracer_provider(tracers)
        _told.add("spans")
    senders = [PeriodicExportingMetricReader(metric_sender)] if metric_sender else []
    if readers or senders:
        meters = MeterProvider([*readers, *senders], resource, shutdown_on_exit=False)
        metrics.set_meter_provider(meters)
        _told.add("metrics")
    return Telemetry(tracers, meters)


def is_tracing() -> bool:
    """Whether spans go anywhere."""
    return "spans" in _told


def is_measuring() -> bool:
    """Whether metrics go anywhere."""
    return "metrics" in _told
