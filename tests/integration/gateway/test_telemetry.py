"""One trace from the REST call to the page, and what the gateway measures."""

from opentelemetry import trace

from gateway.telemetry import names
from orchestrator.testing import tiff
from tests.integration.gateway.conftest import RunningGateway
from tests.telemetry import Recorder
from tests.telemetry import recorded as recorded  # noqa: PLC0414 - a fixture

TRACE = "0af7651916cd43dd8448eb211c80319c"
SPAN = "b7ad6b7169203331"


async def test_a_document_is_read_in_the_trace_of_its_request(
    recorded: Recorder, gateway: RunningGateway
) -> None:
    ended = recorded.value(names.DOCUMENTS.name, pagemesh__document__status="ready")
    await gateway.http.post(
        "/v1/documents",
        files={"file": ("a.tiff", tiff(2))},
        data={"request_id": "traced", "pipeline": "text"},
        headers={"traceparent": f"00-{TRACE}-{SPAN}-01"},
    )
    await gateway.final("traced")
    sent = recorded.span("POST /v1/documents")
    assert sent.parent is not None
    assert trace.format_span_id(sent.parent.span_id) == SPAN
    assert sent.attributes is not None
    assert sent.attributes["http.response.status_code"] == 202
    here = [s for s in recorded.spans if s.context and s.context.trace_id == int(TRACE, 16)]
    assert {"document", "page"} <= {span.name for span in here}
    assert len([span for span in here if span.name == "page"]) == 2
    assert recorded.value(names.DOCUMENTS.name, pagemesh__document__status="ready") == ended + 1
    route = "/v1/documents/{id}"
    assert recorded.value(names.REQUEST_DURATION.name, http__route=route) >= 1


async def test_only_what_is_listed_is_told(recorded: Recorder, gateway: RunningGateway) -> None:
    await gateway.http.get("/v1/documents/nobody")
    await gateway.http.get("/v1/nowhere?a=b")
    await gateway.http.request("BREW", "/v1/documents")
    await gateway.http.get("/healthz")
    spans = [
        span
        for span in recorded.spans
        if span.instrumentation_scope and span.instrumentation_scope.name == "fastapi"
    ]
    assert len(spans) >= 3
    for span in spans:
        assert set(span.attributes or ()) <= set(names.SERVER_SPAN.attributes)
        assert "healthz" not in str(dict(span.attributes or {}))
    listed = {metric.name for metric in names.VOCABULARY.metrics}
    made = {name for name in recorded.metrics() if name.startswith(("pagemesh.gateway", "http."))}
    assert made <= listed
