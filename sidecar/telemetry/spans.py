"""Spans of a call that is over: the server's, and the client's below it."""

from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.id_generator import IdGenerator
from opentelemetry.trace import NonRecordingSpan, SpanContext, SpanKind, StatusCode, TraceFlags
from opentelemetry.util.types import AttributeValue

from sidecar.record import CallRecord
from sidecar.replies import Code
from sidecar.telemetry import names
from sidecar.telemetry.model_trailers import ModelReport

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


class GivenIds(IdGenerator):
    """Gives out the ids that the call already told its callee."""

    def __init__(self) -> None:
        self.trace_id = 0
        self.span_id = 0

    def generate_trace_id(self) -> int:
        return self.trace_id

    def generate_span_id(self) -> int:
        return self.span_id


class SpanMaker:
    """Makes the two spans of a call. Not for use by two threads at once.

    Args:
        provider: made with `ids`, and with a sampler that keeps everything: what is sampled was
            decided when the call began.
        ids: gives the spans their ids.
    """

    def __init__(self, provider: TracerProvider, ids: GivenIds) -> None:
        self._tracer = provider.get_tracer("sidecar")
        self._ids = ids

    def make(self, record: CallRecord, report: ModelReport | None) -> None:
        """Make and end the spans of one call, if it was sampled or went wrong.

        Health and reflection make none: probes would outnumber the calls that matter.
        """
        context = record.context
        if record.method.startswith(_UNTOLD):
            return
        if not context.sampled and record.status == Code.OK:
            return
        status = code_name(record.status)
        common: dict[str, AttributeValue] = {
            names.SYSTEM: "grpc",
            names.METHOD: record.method,
            names.STATUS: status,
        }
        if record.status != Code.OK:
            common[names.ERROR] = status
        self._ids.trace_id = context.trace_id
        server = self._span(
            record,
            SpanKind.SERVER,
            (context.parent_id, context.server_id),
            (0, record.ended),
            common | _server_attributes(record),
        )
        if record.forwarded is not None and server is not None:
            answered = record.ended if record.answered is None else record.answered
            self._span(
                record,
                SpanKind.CLIENT,
                (context.server_id, context.client_id),
                (record.forwarded, answered),
                common | _model_attributes(report),
            )

    def _span(
        self,
        record: CallRecord,
        kind: SpanKind,
        ids: tuple[int, int],
        times: tuple[int, int],
        attributes: dict[str, AttributeValue],
    ) -> trace.Span:
        parent_id, self._ids.span_id = ids
        span = self._tracer.start_span(
            record.method or "unknown",
            context=span_context(record.context.trace_id, parent_id),
            kind=kind,
            attributes=attributes,
            start_time=record.started_at + times[0],
        )
        failed = record.status in _SERVER_ERRORS or (
            kind is SpanKind.CLIENT and record.status != Code.OK
        )
        if failed:
            span.set_status(StatusCode.ERROR)
        span.end(end_time=record.started_at + times[1])
        return span


def span_context(trace_id: int, span_id: int) -> Context:
    """The context in which a span with these ids is the current one; empty without a span."""
    if not span_id:
        return Context()
    flags = TraceFlags(TraceFlags.SAMPLED)
    parent = NonRecordingSpan(SpanContext(trace_id, span_id, is_remote=True, trace_flags=flags))
    return trace.set_span_in_context(parent, Context())


def code_name(status: int) -> str:
    """`OK`, `UNAVAILABLE`, ...; the number as text when it is none of gRPC's."""
    try:
        return Code(status).name
    except ValueError:
        return str(status)


def _server_attributes(record: CallRecord) -> dict[str, AttributeValue]:
    attributes: dict[str, AttributeValue] = {
        names.REQUEST_MESSAGES: record.request_messages,
        names.REQUEST_SIZE: record.request_size,
        names.RESPONSE_MESSAGES: record.response_messages,
        names.RESPONSE_SIZE: record.response_size,
    }
    if record.caller:
        attributes[names.CALLER] = record.caller
    if record.refused:
        attributes[names.REFUSED] = record.refused
    return attributes


def _model_attributes(report: ModelReport | None) -> dict[str, AttributeValue]:
    if report is None:
        return {}
    told: dict[str, AttributeValue | None] = {
        names.MODEL_NAME: report.name,
        names.MODEL_VERSION: report.version,
        names.BATCH_SIZE: report.batch_size,
        names.QUEUE_TIME: report.queue_seconds,
        names.INFERENCE_TIME: report.inference_seconds,
        names.PAGES: report.pages,
    }
    return {key: value for key, value in told.items() if value is not None}
