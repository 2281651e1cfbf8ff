"""`python -m bench.sidecar.receiver`: takes OTLP over HTTP and gRPC, counts spans by service.

Prints its ports, HTTP's and gRPC's; `GET /counts` answers with the counts as JSON.
"""

import asyncio
from collections import Counter
from typing import Any

import grpc
from aiohttp import web
from opentelemetry.proto.collector.metrics.v1 import metrics_service_pb2 as metrics
from opentelemetry.proto.collector.trace.v1 import trace_service_pb2 as traces

_GRPC_TRACES = "/opentelemetry.proto.collector.trace.v1.TraceService/Export"
_LARGEST = 64 << 20


class Receiver(grpc.GenericRpcHandler):
    """Counts what it is sent by either protocol."""

    def __init__(self) -> None:
        self._spans: Counter[str] = Counter()

    def service(self, details: grpc.HandlerCallDetails) -> Any:
        if details.method != _GRPC_TRACES:
            return None
        return grpc.unary_unary_rpc_method_handler(self._by_grpc)

    def http(self) -> web.Application:
        """The same by HTTP."""
        app = web.Application(client_max_size=_LARGEST)
        app.router.add_post("/v1/traces", self._traces_by_http)
        app.router.add_post("/v1/metrics", self._metrics_by_http)
        app.router.add_get("/counts", self._counts)
        return app

    def _take(self, body: bytes) -> None:
        for resource in traces.ExportTraceServiceRequest.FromString(body).resource_spans:
            attributes = {a.key: a.value.string_value for a in resource.resource.attributes}
            count = sum(len(scope.spans) for scope in resource.scope_spans)
            self._spans[attributes.get("service.name", "")] += count

    async def _by_grpc(self, request: bytes, _context: Any) -> bytes:
        self._take(request)
        return b""

    async def _traces_by_http(self, request: web.Request) -> web.Response:
        self._take(await request.read())
        return web.Response()

    async def _metrics_by_http(self, request: web.Request) -> web.Response:
        metrics.ExportMetricsServiceRequest.FromString(await request.read())
        return web.Response()

    async def _counts(self, _request: web.Request) -> web.Response:
        return web.json_response(self._spans)


async def main() -> None:
    receiver = Receiver()
    runner = web.AppRunner(receiver.http())
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    server = grpc.aio.server()
    server.add_generic_rpc_handlers((receiver,))
    grpc_port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    print(runner.addresses[0][1], grpc_port, flush=True)
    await server.wait_for_termination()


if __name__ == "__main__":
    asyncio.run(main())
