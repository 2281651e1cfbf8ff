"""Every attribute and metric of the sidecar: OpenTelemetry's names where it has them.

`docs/observability.md` lists them from here.
"""

from dataclasses import dataclass

from opentelemetry.semconv._incubating.attributes.rpc_attributes import (
    RPC_METHOD,
    RPC_RESPONSE_STATUS_CODE,
    RPC_SYSTEM_NAME,
)
from opentelemetry.semconv._incubating.metrics.rpc_metrics import (
    RPC_CLIENT_CALL_DURATION,
    RPC_SERVER_CALL_DURATION,
    RPC_SERVER_REQUEST_SIZE,
    RPC_SERVER_REQUESTS_PER_RPC,
    RPC_SERVER_RESPONSE_SIZE,
    RPC_SERVER_RESPONSES_PER_RPC,
)
from opentelemetry.semconv.attributes.error_attributes import ERROR_TYPE

SYSTEM = RPC_SYSTEM_NAME
METHOD = RPC_METHOD
STATUS = RPC_RESPONSE_STATUS_CODE
ERROR = ERROR_TYPE
CALLER = "pagemesh.caller"
REFUSED = "pagemesh.sidecar.refusal"
MODEL_NAME = "pagemesh.model.name"
MODEL_VERSION = "pagemesh.model.version"
BATCH_SIZE = "pagemesh.batch.size"
QUEUE_TIME = "pagemesh.queue.duration"
INFERENCE_TIME = "pagemesh.inference.duration"
PAGES = "pagemesh.pages"
REQUEST_MESSAGES = "pagemesh.rpc.request.messages"
REQUEST_SIZE = "pagemesh.rpc.request.size"
RESPONSE_MESSAGES = "pagemesh.rpc.response.messages"
RESPONSE_SIZE = "pagemesh.rpc.response.size"

ATTRIBUTES: dict[str, str] = {
    SYSTEM: "always `grpc`",
    METHOD: "full name, `package.Service/Method`; `_OTHER` in metrics for names no model has",
    STATUS: "gRPC status code, `OK`, `UNAVAILABLE`, ...",
    ERROR: "the status code, of calls that are not OK",
    CALLER: "who called, as its metadata says; `_OTHER` beyond 64 names in metrics",
    REFUSED: "why the proxy itself ended the call: `MODEL_NOT_REACHED`, `RATE_EXCEEDED`, ...",
    MODEL_NAME: "the model that answered, as it says",
    MODEL_VERSION: "its version",
    BATCH_SIZE: "mean size of the batches that served the call's pages",
    QUEUE_TIME: "seconds that the call's pages waited for a batch, summed up",
    INFERENCE_TIME: "seconds of inference for the call's pages, summed up",
    PAGES: "pages answered",
    REQUEST_MESSAGES: "messages of the request",
    REQUEST_SIZE: "bytes of the request's messages, as they travelled",
    RESPONSE_MESSAGES: "messages of the response",
    RESPONSE_SIZE: "bytes of the response's messages, as they travelled",
}


@dataclass(frozen=True, slots=True)
class Metric:
    """What is measured: name, unit (UCUM), meaning, and bounds of a histogram's buckets."""

    name: str
    unit: str
    description: str
    bounds: tuple[float, ...] = ()


SECONDS = (
    *(0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5),
    *(1.0, 2.5, 5.0, 10.0, 30.0, 60.0),
)
SMALL_SECONDS = (*(5e-5, 1e-4, 2e-4, 3e-4, 5e-4, 7.5e-4), *(1e-3, 2e-3, 5e-3, 1e-2, 5e-2, 0.25))
BYTES = tuple(float(4**power) for power in range(3, 15))
COUNTS = (1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0, 256.0, 512.0, 1024.0)

SERVER_DURATION = Metric(
    RPC_SERVER_CALL_DURATION, "s", "A call as its caller sees it at the proxy.", SECONDS
)
CLIENT_DURATION = Metric(
    RPC_CLIENT_CALL_DURATION, "s", "A call from when the model was asked to its last word.", SECONDS
)
ADDED = Metric(
    "pagemesh.sidecar.added.duration",
    "s",
    "What the proxy itself took of a call, both ways.",
    SMALL_SECONDS,
)
REQUEST_BYTES = Metric(RPC_SERVER_REQUEST_SIZE, "By", "Bytes of a call's request.", BYTES)
RESPONSE_BYTES = Metric(RPC_SERVER_RESPONSE_SIZE, "By", "Bytes of a call's response.", BYTES)
REQUESTS = Metric(RPC_SERVER_REQUESTS_PER_RPC, "{count}", "Messages of a request.", COUNTS)
RESPONSES = Metric(RPC_SERVER_RESPONSES_PER_RPC, "{count}", "Messages of a response.", COUNTS)
MODEL_BATCH = Metric("pagemesh.model.batch.size", "{page}", "Mean batch of a call's pages.", COUNTS)
MODEL_QUEUE = Metric(
    "pagemesh.model.queue.duration", "s", "A call's pages' wait for a batch.", SECONDS
)
MODEL_INFERENCE = Metric(
    "pagemesh.model.inference.duration", "s", "Inference for a call's pages.", SECONDS
)
MODEL_PAGES = Metric("pagemesh.model.pages", "{page}", "Pages that the model answered.")
ACTIVE = Metric("pagemesh.sidecar.active_calls", "{call}", "Calls in flight, by method.")
DROPPED = Metric(
    "pagemesh.sidecar.telemetry.dropped", "{call}", "Calls of which no telemetry was made: no room."
)
LOST_SPANS = Metric(
    "pagemesh.sidecar.telemetry.lost_spans", "{span}", "Spans that the collector did not take."
)
CONNECTED = Metric("pagemesh.sidecar.model.connected", "1", "1 while the model is reached, else 0.")

HISTOGRAMS = (
    SERVER_DURATION,
    CLIENT_DURATION,
    ADDED,
    REQUEST_BYTES,
    RESPONSE_BYTES,
    REQUESTS,
    RESPONSES,
    MODEL_BATCH,
    MODEL_QUEUE,
    MODEL_INFERENCE,
)
METRICS = (*HISTOGRAMS, MODEL_PAGES, ACTIVE, DROPPED, LOST_SPANS, CONNECTED)
