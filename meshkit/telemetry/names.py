"""Spans, attributes and metrics of every process that meshkit runs."""

from opentelemetry.semconv._incubating.attributes.rpc_attributes import (
    RPC_METHOD,
    RPC_RESPONSE_STATUS_CODE,
    RPC_SYSTEM_NAME,
)
from opentelemetry.semconv._incubating.metrics.rpc_metrics import (
    RPC_CLIENT_CALL_DURATION,
    RPC_SERVER_CALL_DURATION,
)
from opentelemetry.semconv.attributes.error_attributes import ERROR_TYPE
from opentelemetry.semconv.attributes.server_attributes import SERVER_ADDRESS, SERVER_PORT

from meshkit.telemetry.vocabulary import COUNTS, SECONDS, Metric, Span, Vocabulary

SYSTEM = RPC_SYSTEM_NAME
METHOD = RPC_METHOD
STATUS = RPC_RESPONSE_STATUS_CODE
ERROR = ERROR_TYPE
ADDRESS = SERVER_ADDRESS
PORT = SERVER_PORT
PAGE_ID = "pagemesh.page.id"
MODEL_NAME = "pagemesh.model.name"
MODEL_VERSION = "pagemesh.model.version"
DEVICE = "pagemesh.device"
BATCH_SIZE = "pagemesh.batch.size"
QUEUE_TIME = "pagemesh.queue.duration"
DECODE_TIME = "pagemesh.decode.duration"
INFERENCE_TIME = "pagemesh.inference.duration"
PAGES = "pagemesh.pages"

ATTRIBUTES = {
    SYSTEM: "always `grpc`",
    METHOD: "full name, `package.Service/Method`",
    STATUS: "gRPC status code, `OK`, `UNAVAILABLE`, ...",
    ERROR: "why it failed: the status code of a call, the reason of a step's error",
    ADDRESS: "host name or socket path that was called",
    PORT: "port that was called",
    PAGE_ID: "the page as calls name it, `<request id>/<number>`",
    MODEL_NAME: "the model that answered, as it says",
    MODEL_VERSION: "its version",
    DEVICE: "where inference ran: `cpu`, `cuda:0`, ...",
    BATCH_SIZE: "pages in the batch; of a call with several pages, the mean",
    QUEUE_TIME: "seconds that pages waited for a batch, summed up",
    DECODE_TIME: "seconds of getting at the pixels, summed up",
    INFERENCE_TIME: "seconds of inference, each page's share of its batch, summed up",
    PAGES: "pages answered",
}

_CALL = (SYSTEM, METHOD, STATUS, ERROR)
_COST = (
    *(MODEL_NAME, MODEL_VERSION, DEVICE, PAGES, BATCH_SIZE),
    *(QUEUE_TIME, DECODE_TIME, INFERENCE_TIME),
)

SERVER_SPAN = Span(
    "{rpc.method}",
    "SERVER",
    "A call, from when it comes in to its status. Health and reflection make none.",
    (*_CALL, *_COST),
)
CLIENT_SPAN = Span(
    "{rpc.method}", "CLIENT", "A call to another process, to its status.", (*_CALL, ADDRESS, PORT)
)
PAGE_SPAN = Span(
    "page", "INTERNAL", "One page of a stream of pages, in a model.", (PAGE_ID, *_COST)
)
BATCH_SPAN = Span(
    "predict",
    "INTERNAL",
    "A batch in the model, in the trace of its first page; links lead to the spans of all pages.",
    (MODEL_NAME, MODEL_VERSION, DEVICE, BATCH_SIZE),
)

SERVER_DURATION = Metric(
    RPC_SERVER_CALL_DURATION, "histogram", "s", "Calls that came in.", _CALL, SECONDS
)
CLIENT_DURATION = Metric(
    RPC_CLIENT_CALL_DURATION, "histogram", "s", "Calls to other processes.", _CALL, SECONDS
)
BATCH_PAGES = Metric(
    "pagemesh.batch.size", "histogram", "{page}", "Pages in a batch.", (MODEL_NAME, DEVICE), COUNTS
)
BATCH_DURATION = Metric(
    "pagemesh.batch.duration",
    "histogram",
    "s",
    "A batch in the model.",
    (MODEL_NAME, DEVICE),
    SECONDS,
)
QUEUE_DURATION = Metric(
    "pagemesh.queue.duration",
    "histogram",
    "s",
    "A page's wait for a batch.",
    (MODEL_NAME, DEVICE),
    SECONDS,
)

VOCABULARY = Vocabulary(
    (SERVER_SPAN, CLIENT_SPAN, PAGE_SPAN, BATCH_SPAN),
    (SERVER_DURATION, CLIENT_DURATION, BATCH_PAGES, BATCH_DURATION, QUEUE_DURATION),
    ATTRIBUTES,
)
