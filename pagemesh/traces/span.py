"""A span as it is kept."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue
from opentelemetry.proto.trace.v1 import trace_pb2

SERVER, CLIENT = trace_pb2.Span.SPAN_KIND_SERVER, trace_pb2.Span.SPAN_KIND_CLIENT

REQUEST_ID = "pagemesh.request_id"
DOCUMENT = "document"
"""Name of the span that carries the request id and all work on the document below it."""


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happened at a moment of a span."""

    name: str
    time: int
    attributes: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class KeptSpan:
    """One span.

    Attributes:
        trace_id, span_id, parent_id: hexadecimal; the last is empty at the root.
        service: the process that made it.
        name, kind: `kind` as in `trace_pb2.Span.SpanKind`.
        start, end: nanoseconds of the Unix epoch.
        is_error: whether its status is an error.
        attributes: by name.
        events: in order.
        links: trace and span ids of spans that it links to.
    """

    trace_id: str
    span_id: str
    parent_id: str
    service: str
    name: str
    kind: int
    start: int
    end: int
    is_error: bool
    attributes: Mapping[str, Any]
    events: Sequence[Event] = ()
    links: Sequence[tuple[str, str]] = ()

    @property
    def seconds(self) -> float:
        """How long it took."""
        return (self.end - self.start) / 1e9


def spans_of(request: ExportTraceServiceRequest) -> Iterator[KeptSpan]:
    """The spans of an OTLP message."""
    for resource in request.resource_spans:
        service = str(_plain(resource.resource.attributes).get("service.name", "unknown"))
        for scope in resource.scope_spans:
            for span in scope.spans:
                yield _kept(span, service)


def _kept(span: trace_pb2.Span, service: str) -> KeptSpan:
    return KeptSpan(
        trace_id=span.trace_id.hex(),
        span_id=span.span_id.hex(),
        parent_id=span.parent_span_id.hex(),
        service=service,
        name=span.name,
        kind=span.kind,
        start=span.start_time_unix_nano,
        end=span.end_time_unix_nano,
        is_error=span.status.code == trace_pb2.Status.STATUS_CODE_ERROR,
        attributes=_plain(span.attributes),
        events=[Event(e.name, e.time_unix_nano, _plain(e.attributes)) for e in span.events],
        links=[(link.trace_id.hex(), link.span_id.hex()) for link in span.links],
    )


def _plain(attributes: Sequence[KeyValue]) -> dict[str, Any]:
    return {attribute.key: _value(attribute.value) for attribute in attributes}


def _value(value: AnyValue) -> Any:
    kind = value.WhichOneof("value")
    if kind == "array_value":
        return [_value(item) for item in value.array_value.values]
    if kind is None or kind in {"kvlist_value", "bytes_value"}:
        return None
    return getattr(value, kind)
