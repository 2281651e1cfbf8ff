"""Spans as they come in, made for tests."""

from typing import Any

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue

from pagemesh.traces.span import CLIENT, SERVER, KeptSpan, spans_of

TRACE, OTHER_TRACE = "0a" * 16, "0b" * 16
SECOND = 1_000_000_000


def value(given: Any) -> AnyValue:
    kinds = {bool: "bool_value", int: "int_value", float: "double_value", str: "string_value"}
    return AnyValue(**{kinds[type(given)]: given})


def message(
    name: str,
    number: int,
    parent: int = 0,
    *,
    trace: str = TRACE,
    service: str = "orchestrator",
    kind: int = 1,
    start: float = 0.0,
    end: float = 1.0,
    links: tuple[tuple[str, int], ...] = (),
    events: tuple[tuple[str, dict[str, Any]], ...] = (),
    **attributes: Any,
) -> ExportTraceServiceRequest:
    """An OTLP message with one span; attributes with dots written as two underscores."""
    request = ExportTraceServiceRequest()
    resource = request.resource_spans.add()
    resource.resource.attributes.add(key="service.name", value=value(service))
    span = resource.scope_spans.add().spans.add(
        name=name,
        kind=kind,
        trace_id=bytes.fromhex(trace),
        span_id=number.to_bytes(8, "big"),
        parent_span_id=parent.to_bytes(8, "big") if parent else b"",
        start_time_unix_nano=int((1000 + start) * SECOND),
        end_time_unix_nano=int((1000 + end) * SECOND),
    )
    for key, given in attributes.items():
        span.attributes.add(key=key.replace("__", "."), value=value(given))
    for linked_trace, linked_span in links:
        span.links.add(trace_id=bytes.fromhex(linked_trace), span_id=linked_span.to_bytes(8, "big"))
    for event_name, told in events:
        event = span.events.add(name=event_name, time_unix_nano=1)
        for key, given in told.items():
            event.attributes.add(key=key, value=value(given))
    return request


def span(name: str, number: int, parent: int = 0, **rest: Any) -> KeptSpan:
    """The span of `message`."""
    (found,) = spans_of(message(name, number, parent, **rest))
    return found


def call(number: int, parent: int, start: float, end: float) -> list[KeptSpan]:
    """A call to the OCR model through its sidecar: four spans, each 0.1 s within the one before."""
    method = "pagemesh.ocr.v1.OcrService/RecognizePage"
    rest = [
        ("orchestrator", CLIENT),
        ("ocr-sidecar", SERVER),
        ("ocr-sidecar", CLIENT),
        ("ocr", SERVER),
    ]
    return [
        span(
            method,
            number + index,
            parent if index == 0 else number + index - 1,
            service=service,
            kind=kind,
            start=start + 0.1 * index,
            end=end - 0.1 * index,
        )
        for index, (service, kind) in enumerate(rest)
    ]


def document(request_id: str = "r1", *, trace: str = TRACE, start: float = 0.0) -> list[KeptSpan]:
    """A document of one page with one step, which another document's batch served."""
    return [
        span(
            "document",
            1,
            trace=trace,
            start=start,
            end=start + 10,
            pagemesh__request_id=request_id,
            pagemesh__document__state="SUCCEEDED",
            pagemesh__document__pages__total=1,
            pagemesh__document__pages__ok=1,
            pagemesh__pipeline__name="text",
            pagemesh__cost__cpu=5.5,
        ),
        span("page", 2, 1, trace=trace, start=start, end=start + 10, pagemesh__page__number=1),
    ]
