"""Takes OTLP by gRPC and by HTTP, and keeps spans with who sent them."""

import gzip
import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import grpc
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

_METHOD = "/opentelemetry.proto.collector.trace.v1.TraceService/Export"


@dataclass(frozen=True)
class Span:
    """A span that came.

    Attributes:
        service: `service.name` of who sent it.
        parent_id: empty for the first of a trace.
    """

    service: str
    name: str
    trace_id: str
    span_id: str
    parent_id: str
    attributes: dict[str, str]


class Collector(grpc.GenericRpcHandler):
    """A receiver for one test's mesh."""

    def __init__(self) -> None:
        self._spans: list[Span] = []
        self._grpc: Any = grpc.server(ThreadPoolExecutor(4), handlers=[self])
        self._http: ThreadingHTTPServer | None = None

    @property
    def spans(self) -> Sequence[Span]:
        """All that came so far."""
        return list(self._spans)

    def start(self, grpc_port: int, http_port: int) -> None:
        """Listen on ports of 127.0.0.1."""
        self._grpc.add_insecure_port(f"127.0.0.1:{grpc_port}")
        self._grpc.start()
        collector = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                if self.headers.get("Content-Encoding") == "gzip":
                    body = gzip.decompress(body)
                if self.path == "/v1/traces":
                    collector.take(body)
                self.send_response(200)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_: Any) -> None:
                """Say nothing."""

        self._http = ThreadingHTTPServer(("127.0.0.1", http_port), Handler)
        threading.Thread(target=self._http.serve_forever, daemon=True).start()

    def stop(self) -> None:
        self._grpc.stop(0).wait()
        if self._http is not None:
            self._http.shutdown()
            self._http.server_close()

    def service(self, details: grpc.HandlerCallDetails) -> Any:
        if details.method != _METHOD:
            return None

        def export(request: bytes, _context: Any) -> bytes:
            self.take(request)
            return b""

        return grpc.unary_unary_rpc_method_handler(export)

    def take(self, body: bytes) -> None:
        """Keep the spans of a request."""
        for resource in ExportTraceServiceRequest.FromString(body).resource_spans:
            service = _attributes(resource.resource).get("service.name", "")
            for scope in resource.scope_spans:
                for span in scope.spans:
                    ids = span.trace_id.hex(), span.span_id.hex(), span.parent_span_id.hex()
                    self._spans.append(Span(service, span.name, *ids, _attributes(span)))


def _attributes(of: Any) -> dict[str, str]:
    return {a.key: str(getattr(a.value, a.value.WhichOneof("value"))) for a in of.attributes}
