"""Spans of a call that is over: the server's, and the client's below it."""

from collections.abc import Callable

from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.util.instrumentation import InstrumentationScope
from opentelemetry.trace import SpanContext, SpanKind, Status, StatusCode, TraceFlags
from opentelemetry.util.types import AttributeValue

from sidecar.record import CallRecord
from sidecar.replies import Code
from sidecar.telemetry import names
from sidecar.telemetry.model_trailers import ModelReport

_SCOPE = InstrumentationScope("sidecar")
_SAMPLED = TraceFlags(TraceFlags.SAMPLED)
_FAILED, _UNSET = Status(StatusCode.ERROR), Status(StatusCode.UNSET)
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


class SpanMaker:
    """Makes the two spans of a call, as the SDK has them once they have ended.

    Args:
        resource: whose spans they are.
        take: is given each span.
    """

    def __init__(self, resource: Resource, take: Callable[[ReadableSpan], None]) -> None:
        self._resource = resource
        self._take = take

    def make(self, record: CallRecord, report: ModelReport | None) -> None:
        """Make the spans of one call, if they are kept."""
        if not is_kept(record):
            return
        status = code_name(record.status)
        common: dict[str, AttributeValue] = {
            names.SYSTEM: "grpc",
            names.METHOD: record.method,
            names.STATUS: status,
        }
        if record.status != Code.OK:
            common[names.ERROR] = status
        context = record.context
        caller = _context(context.trace_id, context.parent_id, remote=True)
        server = _context(context.trace_id, context.server_id)
        attributes = common | _server_attributes(record)
        self._make(record, SpanKind.SERVER, (caller, server), (0, record.ended), attributes)
        if record.forwarded is not None:
            answered = record.ended if record.answered is None else record.answered
            times = (record.forwarded, answered)
            client = _context(context.trace_id, context.client_id)
            attributes = common | _model_attributes(report)
            self._make(record, SpanKind.CLIENT, (server, client), times, attributes)

    def _make(
        self,
        record: CallRecord,
        kind: SpanKind,
        contexts: tuple[SpanContext | None, SpanContext | None],
        times: tuple[int, int],
        attributes: dict[str, AttributeValue],
    ) -> None:
        failed = record.status in _SERVER_ERRORS or (
            kind is SpanKind.CLIENT and record.status != Code.OK
        )
        span = ReadableSpan(
            name=record.method or "unknown",
            context=contexts[1],
            parent=contexts[0],
            resource=self._resource,
            attributes=attributes,
            kind=kind,
            status=_FAILED if failed else _UNSET,
            start_time=record.started_at + times[0],
            end_time=record.started_at + times[1],
            instrumentation_scope=_SCOPE,
        )
        self._take(span)


def is_kept(record: CallRecord) -> bool:
    """Whether spans are made of a call: if it was sampled or went wrong.

    Health and reflection make none: probes would outnumber the calls that matter.
    """
    if record.method.startswith(_UNTOLD):
        return False
    return record.context.sampled or record.status != Code.OK


def _context(trace_id: int, span_id: int, *, remote: bool = False) -> SpanContext | None:
    if not span_id:
        return None
    return SpanContext(trace_id, span_id, is_remote=remote, trace_flags=_SAMPLED)


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
