"""The thread that makes telemetry of calls' records, so that calls need not wait for it."""

import logging
import os
import sys
from threading import Event, Thread

from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.resources import Resource
from prometheus_client import CollectorRegistry, start_http_server

from sidecar.proxy import Proxy
from sidecar.telemetry import names
from sidecar.telemetry.export import SpanQueue, metric_readers
from sidecar.telemetry.histograms import HistogramStore
from sidecar.telemetry.metrics import CallMetrics
from sidecar.telemetry.model_trailers import read_report
from sidecar.telemetry.senders import span_sender
from sidecar.telemetry.spans import SpanMaker

_log = logging.getLogger(__name__)

PIECE = 16
PIECE_PAUSE_SECONDS = 0.002
SWITCH_SECONDS = 0.0001
"""How long this thread may keep the interpreter from calls; Python's own default is 5 ms."""


class TelemetryPump:
    """Takes records from the proxy, makes spans and metrics, sends them.

    Attributes:
        metrics_port: where Prometheus is served; None when it is not.
    """

    def __init__(self, proxy: Proxy) -> None:
        config = proxy.config
        resource = Resource.create({"service.name": f"{config.name}-sidecar"})
        registry = CollectorRegistry() if config.metrics_port >= 0 else None
        sender = span_sender(os.environ)
        self._queue = SpanQueue(sender, resource) if sender is not None else None
        histograms = HistogramStore(names.HISTOGRAMS)
        self._meters = MeterProvider(metric_readers(registry, histograms, os.environ), resource)
        self._spans = SpanMaker(self._queue.put) if self._queue is not None else None
        meter = self._meters.get_meter("sidecar")
        self._metrics = CallMetrics(meter, histograms, proxy, self._lost_spans)
        self._records = proxy.records
        self._stopping = Event()
        self._thread = Thread(target=self._run, name="telemetry", daemon=True)
        self.metrics_port: int | None = None
        if registry is not None:
            server, _ = start_http_server(config.metrics_port, config.metrics_host, registry)
            self._server, self.metrics_port = server, int(server.server_port)

    def start(self) -> None:
        """Begin."""
        sys.setswitchinterval(SWITCH_SECONDS)
        self._thread.start()

    def stop(self) -> None:
        """Make telemetry of what is left, send it, stop."""
        self._stopping.set()
        self._records.ready.set()
        if self._thread.is_alive():
            self._thread.join(timeout=15)
        if self._queue is not None:
            self._queue.shutdown()
        self._meters.shutdown()
        if self.metrics_port is not None:
            self._server.shutdown()
            self._server.server_close()

    def _run(self) -> None:
        while not self._stopping.is_set():
            self._records.ready.wait()  # without a limit: an idle sidecar's threads sleep
            self._records.ready.clear()
            while len(self._records) and not self._stopping.wait(PIECE_PAUSE_SECONDS):
                self._take(PIECE)
        while len(self._records):
            self._take(PIECE)

    def _take(self, most: int) -> None:
        for record in self._records.take(most):
            try:
                report = read_report(record.trailers)
                if self._spans is not None:
                    self._spans.make(record, report)
                self._metrics.record(record, report)
            except Exception:  # one odd call must not end telemetry for the rest
                _log.exception("no telemetry of a call")

    def _lost_spans(self) -> int:
        return 0 if self._queue is None else self._queue.lost
