"""How telemetry leaves: a queue of spans, and metrics to Prometheus and by OTLP."""

from collections import deque
from collections.abc import Mapping, Sequence
from threading import Event, Lock, Thread
from typing import Any

from opentelemetry.exporter.prometheus import PrometheusMetricReader
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Span
from opentelemetry.sdk.metrics.export import (
    MetricExporter,
    MetricExportResult,
    MetricReader,
    MetricsData,
)
from opentelemetry.sdk.metrics.export import PeriodicExportingMetricReader as PeriodicReader
from opentelemetry.sdk.resources import Resource
from prometheus_client import CollectorRegistry

from meshkit.telemetry.otlp import metric_exporter
from sidecar.telemetry.histograms import HistogramStore
from sidecar.telemetry.senders import Sender, frame_of

_MAX_WAITING = 4096
_BATCH = 512
_PIECE = 32
"""Spans that are put into a request at once: calls wait for the interpreter meanwhile."""
_INTERVAL_SECONDS = 1.0


class SpanQueue:
    """Spans on their way to the collector: a bounded queue and a thread that sends from it.

    The SDK's own processor does not say how many spans were lost.

    Args:
        sender: takes them to the collector.
        resource: whose spans they are.

    Attributes:
        lost: spans for which there was no room, and those that the collector did not take.
    """

    def __init__(self, sender: Sender, resource: Resource) -> None:
        self.lost = 0
        self._sender = sender
        self._frame = frame_of(resource)
        self._spans: deque[Span] = deque()
        self._some, self._many, self._stopping = Event(), Event(), False
        self._sending = Lock()
        self._thread = Thread(target=self._run, name="spans", daemon=True)
        self._thread.start()

    def put(self, span: Span) -> None:
        """Keep a span until it is sent, or count it as lost."""
        if len(self._spans) >= _MAX_WAITING:
            self.lost += 1
            return
        self._spans.append(span)
        if len(self._spans) <= 1:
            self._some.set()
        elif len(self._spans) >= _BATCH:
            self._many.set()

    def shutdown(self) -> None:
        """Send what waits and stop. Takes as long as the exporter's own timeout at most."""
        if self._stopping:
            return
        self._stopping = True
        self._some.set()
        self._many.set()
        self._thread.join(timeout=15)
        self._sender.shutdown()

    def _run(self) -> None:
        while not self._stopping:
            self._some.wait()  # without a limit: an idle sidecar's threads sleep
            self._some.clear()
            self._many.wait(_INTERVAL_SECONDS)
            self._many.clear()
            self._send_all()

    def _send_all(self) -> None:
        with self._sending:
            while self._spans:
                batch = [self._spans.popleft() for _ in range(min(_BATCH, len(self._spans)))]
                self._send(batch)

    def _send(self, batch: Sequence[Span]) -> None:
        request = ExportTraceServiceRequest()
        request.CopyFrom(self._frame)
        spans = request.resource_spans[0].scope_spans[0].spans
        for at in range(0, len(batch), _PIECE):
            spans.extend(batch[at : at + _PIECE])
        try:
            was_taken = self._sender.send(request)
        except Exception:  # whatever an exporter does, calls go on
            was_taken = False
        if not was_taken:
            self.lost += len(batch)


class _PrometheusReader(PrometheusMetricReader):
    """Shows Prometheus the histograms, too."""

    def __init__(self, registry: CollectorRegistry, histograms: HistogramStore) -> None:
        super().__init__(registry=registry, scope_info_enabled=False)
        self._histograms = histograms

    def _receive_metrics(
        self, metrics_data: MetricsData, timeout_millis: float = 10_000, **kwargs: Any
    ) -> None:
        whole = self._histograms.added_to(metrics_data, take_exemplars=False)
        super()._receive_metrics(whole, timeout_millis, **kwargs)


class _WithHistograms(MetricExporter):
    """Sends the histograms, too."""

    def __init__(self, exporter: MetricExporter, histograms: HistogramStore) -> None:
        super().__init__()
        self._exporter = exporter
        self._histograms = histograms

    def export(
        self, metrics_data: MetricsData, timeout_millis: float = 10_000, **kwargs: Any
    ) -> MetricExportResult:
        whole = self._histograms.added_to(metrics_data, take_exemplars=True)
        return self._exporter.export(whole, timeout_millis, **kwargs)

    def force_flush(self, timeout_millis: float = 10_000) -> bool:
        return self._exporter.force_flush(timeout_millis)

    def shutdown(self, timeout_millis: float = 30_000, **kwargs: Any) -> None:
        self._exporter.shutdown(timeout_millis, **kwargs)


def metric_readers(
    registry: CollectorRegistry | None, histograms: HistogramStore, environ: Mapping[str, str]
) -> list[MetricReader]:
    """Prometheus' reader into `registry`, if there is one, and OTLP's, if it is configured."""
    readers: list[MetricReader] = []
    if registry is not None:
        readers.append(_PrometheusReader(registry, histograms))
    exporter = metric_exporter(environ)
    if exporter is not None:
        readers.append(PeriodicReader(_WithHistograms(exporter, histograms)))
    return readers
