"""Spans, attributes and metrics of the gateway, after OpenTelemetry's conventions for HTTP.

FastAPI makes those of requests; they are listed here as it makes them.
"""

from opentelemetry.semconv.attributes.error_attributes import ERROR_TYPE
from opentelemetry.semconv.attributes.http_attributes import (
    HTTP_REQUEST_METHOD,
    HTTP_REQUEST_METHOD_ORIGINAL,
    HTTP_RESPONSE_STATUS_CODE,
    HTTP_ROUTE,
)
from opentelemetry.semconv.attributes.network_attributes import NETWORK_PROTOCOL_VERSION
from opentelemetry.semconv.attributes.server_attributes import SERVER_ADDRESS, SERVER_PORT
from opentelemetry.semconv.attributes.url_attributes import URL_PATH, URL_QUERY, URL_SCHEME
from opentelemetry.semconv.metrics.http_metrics import HTTP_SERVER_REQUEST_DURATION

from meshkit.telemetry.vocabulary import SECONDS, Metric, Span, Vocabulary

DOCUMENT_STATUS = "pagemesh.document.status"

ATTRIBUTES = {
    HTTP_REQUEST_METHOD: "`GET`, `POST`, ...; `_OTHER` for one that HTTP does not know",
    HTTP_REQUEST_METHOD_ORIGINAL: "what stood in place of a method that HTTP does not know",
    HTTP_ROUTE: "the path's template, `/v1/documents/{id}`; absent where there is none",
    HTTP_RESPONSE_STATUS_CODE: "status code of the response",
    NETWORK_PROTOCOL_VERSION: "of HTTP",
    SERVER_ADDRESS: "the host that the client named",
    SERVER_PORT: "the port that the client named",
    URL_SCHEME: "`http` or `https`",
    URL_PATH: "the path that was asked for",
    URL_QUERY: "the query that was asked for",
    ERROR_TYPE: "why it failed: the exception, or the status code of 500 and above",
    DOCUMENT_STATUS: "`ready`, `partial`, `failed`, `cancelled`",
}

_REQUEST = (HTTP_REQUEST_METHOD, URL_SCHEME)
_RESPONSE = (HTTP_ROUTE, HTTP_RESPONSE_STATUS_CODE, NETWORK_PROTOCOL_VERSION, ERROR_TYPE)
_ADDRESS = (SERVER_ADDRESS, SERVER_PORT, URL_PATH, URL_QUERY, HTTP_REQUEST_METHOD_ORIGINAL)

SERVER_SPAN = Span(
    "{http.request.method} {http.route}",
    "SERVER",
    "A request, to the end of its response, in its caller's trace (W3C). A document that it sends "
    "is read in the same trace. `/healthz` and `/readyz` make none.",
    (*_REQUEST, *_RESPONSE, *_ADDRESS),
)
REQUEST_DURATION = Metric(
    HTTP_SERVER_REQUEST_DURATION,
    "histogram",
    "s",
    "Duration of HTTP server requests.",
    (*_REQUEST, *_RESPONSE),
)
ACTIVE_REQUESTS = Metric(
    "http.server.active_requests",
    "updowncounter",
    "{request}",
    "Number of active HTTP server requests.",
    _REQUEST,
)
DOCUMENTS = Metric(
    "pagemesh.gateway.documents",
    "counter",
    "{document}",
    "Documents that came to their end.",
    (DOCUMENT_STATUS,),
)
DOCUMENT_DURATION = Metric(
    "pagemesh.gateway.document.duration",
    "histogram",
    "s",
    "From when a document was sent to its end.",
    (DOCUMENT_STATUS,),
    SECONDS,
)

VOCABULARY = Vocabulary(
    (SERVER_SPAN,), (REQUEST_DURATION, ACTIVE_REQUESTS, DOCUMENTS, DOCUMENT_DURATION), ATTRIBUTES
)
