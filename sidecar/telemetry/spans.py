"""Spans of a call that is over, as OTLP has them: the server's, and the client's below it.

What calls of a method have in common is made once and copied. The SDK's way, a span in Python that
is then encoded attribute by attribute, takes ten times as long, and calls wait for it: they share
an interpreter.
"""

from collections.abc import Callable, Iterable

from opentelemetry.proto.common.v1.common_pb2 import AnyValue
from opentelemetry.proto.trace.v1.trace_pb2 import Span, SpanFlags, Status

from sidecar.record import CallRecord
from sidecar.replies import Code
from sidecar.telemetry import names
from sidecar.telemetry.model_trailers import ModelReport

MAX_TEMPLATES = 256
_LOCAL = SpanFlags.SPAN_FLAGS_CONTEXT_HAS_IS_REMOTE_MASK
_REMOTE = _LOCAL | SpanFlags.SPAN_FLAGS_CONTEXT_IS_REMOTE_MASK
_COUNTS = (
    names.REQUEST_MESSAGES,
    names.REQUEST_SIZE,
    names.RESPONSE_MESSAGES,
    names.RESPONSE_SIZE,
)
_UNTOLD = ("grpc.health.", "grpc.reflection.")
_SERVER_ERRORS = frozenset(
    {
        Code.UNKNOWN,
        Code.DEADLINE_EXCEEDED,
        Code.UNIMPLEMENTED,
        Code.INTERNAL,
        Code.UNAVAILABLE,
        Code.DATA_LOSS,
    }
)
"""Statuses that are the server's fault, by the conventions for gRPC."""
_NAMES = {code.value: code.name for code in Code}


class SpanMaker:
    """Makes the two spans of a call.

    Args:
        take: is given each span.
    """

    def __init__(self, take: Callable[[Span], None]) -> None:
        self._take = take
        self._templates: dict[tuple[str | int | None, ...], Span] = {}

    def make(self, record: CallRecord, report: ModelReport | None) -> None:
        """Make the spans of one call, if they are kept."""
        if not is_kept(record):
            return
        context = record.context
        self._take(self._server_span(record, context.parent_id))
        if record.forwarded is not None:
            answered = record.ended if record.answered is None else record.answered
            span = self._client_span(record, report)
            _place(span, record, context.client_id, context.server_id)
            span.start_time_unix_nano = record.started_at + record.forwarded
            span.end_time_unix_nano = record.started_at + answered
            self._take(span)

    def _server_span(self, record: CallRecord, parent_id: int) -> Span:
        key = (record.method, record.status, record.caller, record.refused, bool(parent_id))
        template = self._templates.get(key)
        if template is None:
            flags = _REMOTE if parent_id else _LOCAL
            failed = record.status in _SERVER_ERRORS
            template = _template(record, Span.SPAN_KIND_SERVER, flags, failed=failed)
            more = ((names.CALLER, record.caller), (names.REFUSED, record.refused))
            _add_texts(template, ((name, text) for name, text in more if text))
            self._keep(key, template)
        span = Span()
        span.CopyFrom(template)
        _place(span, record, record.context.server_id, parent_id)
        span.start_time_unix_nano = record.started_at
        span.end_time_unix_nano = record.started_at + record.ended
        counts = span.attributes
        counts[0].value.int_value = record.request_messages
        counts[1].value.int_value = record.request_size
        counts[2].value.int_value = record.response_messages
        counts[3].value.int_value = record.response_size
        return span

    def _client_span(self, record: CallRecord, report: ModelReport | None) -> Span:
        name, version = (report.name, report.version) if report else (None, None)
        key = (record.method, record.status, name, version)
        template = self._templates.get(key)
        if template is None:
            failed = record.status != Code.OK
            template = _template(record, Span.SPAN_KIND_CLIENT, _LOCAL, failed=failed)
            more = ((names.MODEL_NAME, name), (names.MODEL_VERSION, version))
            _add_texts(template, ((name, text) for name, text in more if text is not None))
            self._keep(key, template)
        span = Span()
        span.CopyFrom(template)
        if report is not None:
            _add_cost(span, report)
        return span

    def _keep(self, key: tuple[str | int | None, ...], template: Span) -> None:
        if len(self._templates) >= MAX_TEMPLATES:
            self._templates.clear()
        self._templates[key] = template


def is_kept(record: CallRecord) -> bool:
    """Whether spans are made of a call: if it was sampled or went wrong.

    Health and reflection make none: probes would outnumber the calls that matter.
    """
    if record.method.startswith(_UNTOLD):
        return False
    return record.context.sampled or record.status != Code.OK


def code_name(status: int) -> str:
    """`OK`, `UNAVAILABLE`, ...; the number as text when it is none of gRPC's."""
    return _NAMES.get(status) or str(status)


def _template(
    record: CallRecord, kind: "Span.SpanKind.ValueType", flags: int, *, failed: bool
) -> Span:
    """What spans of one kind have in common; a server's begins with its counts."""
    span = Span(name=record.method or "unknown", kind=kind, flags=flags)
    span.status.code = Status.STATUS_CODE_ERROR if failed else Status.STATUS_CODE_UNSET
    if kind == Span.SPAN_KIND_SERVER:
        for name in _COUNTS:
            span.attributes.add(key=name, value=AnyValue(int_value=0))
    status = code_name(record.status)
    texts = [(names.SYSTEM, "grpc"), (names.METHOD, record.method), (names.STATUS, status)]
    if record.status != Code.OK:
        texts.append((names.ERROR, status))
    _add_texts(span, texts)
    return span


def _place(span: Span, record: CallRecord, span_id: int, parent_id: int) -> None:
    span.trace_id = record.context.trace_id.to_bytes(16, "big")
    span.span_id = span_id.to_bytes(8, "big")
    if parent_id:
        span.parent_span_id = parent_id.to_bytes(8, "big")


def _add_texts(span: Span, texts: Iterable[tuple[str, str]]) -> None:
    for name, text in texts:
        span.attributes.add(key=name, value=AnyValue(string_value=text))


def _add_cost(span: Span, report: ModelReport) -> None:
    seconds = (
        (names.BATCH_SIZE, report.batch_size),
        (names.QUEUE_TIME, report.queue_seconds),
        (names.INFERENCE_TIME, report.inference_seconds),
    )
    for name, number in seconds:
        if number is not None:
            span.attributes.add(key=name, value=AnyValue(double_value=number))
    if report.pages is not None:
        span.attributes.add(key=names.PAGES, value=AnyValue(int_value=report.pages))
