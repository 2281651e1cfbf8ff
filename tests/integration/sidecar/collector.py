"""A receiver of OTLP over HTTP that keeps what it is sent."""

import contextlib
import gzip
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

import grpc
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import (
    ExportMetricsServiceRequest,
)
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest


class Collector(ThreadingHTTPServer):
    """What came in, in the order in which it did."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.spans: list[Any] = []
        self.metrics: dict[str, Any] = {}
        self.exemplars: dict[str, list[Any]] = {}
        self.status = 200
        self.seconds = 0.0

    @property
    def endpoint(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"

    def take(self, path: str, body: bytes) -> None:
        if path == "/v1/traces":
            for resource in ExportTraceServiceRequest.FromString(body).resource_spans:
                for scope in resource.scope_spans:
                    self.spans.extend(scope.spans)
        elif path == "/v1/metrics":
            for measured in ExportMetricsServiceRequest.FromString(body).resource_metrics:
                for metrics in measured.scope_metrics:
                    for metric in metrics.metrics:
                        self._keep(metric)

    def _keep(self, metric: Any) -> None:
        """The newest state of a metric; exemplars are told once only."""
        self.metrics[metric.name] = metric
        for point in getattr(metric, metric.WhichOneof("data")).data_points:
            self.exemplars.setdefault(metric.name, []).extend(point.exemplars)


class GrpcCollector(grpc.GenericRpcHandler):
    """The same by OTLP over gRPC."""

    def __init__(self, collector: Collector) -> None:
        self._collector = collector

    def service(self, details: grpc.HandlerCallDetails) -> Any:
        kind = "traces" if "Trace" in str(details.method) else "metrics"

        async def take(request: bytes, _context: Any) -> bytes:
            self._collector.take(f"/v1/{kind}", request)
            return b""

        return grpc.unary_unary_rpc_method_handler(take)


class _Handler(BaseHTTPRequestHandler):
    server: Collector

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        if self.headers.get("Content-Encoding") == "gzip":
            body = gzip.decompress(body)
        time.sleep(self.server.seconds)
        if self.server.status == 200:
            self.server.take(self.path, body)
        with contextlib.suppress(ConnectionError):  # who waited for it may have gone
            self.send_response(self.server.status)
            self.end_headers()

    def log_message(self, *_: Any) -> None:
        """Say nothing."""


def attributes(of: Any) -> dict[str, Any]:
    """The attributes of a span or a data point as plain values."""
    return {a.key: getattr(a.value, a.value.WhichOneof("value")) for a in of.attributes}


@contextlib.contextmanager
def collecting() -> Iterator[Collector]:
    """A collector that runs."""
    collector = Collector()
    thread = Thread(target=collector.serve_forever, daemon=True)
    thread.start()
    yield collector
    collector.shutdown()
    collector.server_close()
    thread.join()
