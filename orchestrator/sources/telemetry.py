"""Makes the Kafka door's spans and metrics."""

import contextlib
import time
from collections.abc import Callable, Iterator, Mapping, Sequence

from opentelemetry import context as otel_context
from opentelemetry import metrics, propagate, trace
from opentelemetry.metrics import UpDownCounter

from meshkit.telemetry.names import ERROR
from meshkit.telemetry.process import is_measuring, is_tracing
from meshkit.telemetry.vocabulary import KnownNames, counter, histogram, up_down_counter
from orchestrator.sources import names
from orchestrator.sources.letters import Headers, Incoming, Outgoing
from orchestrator.telemetry.names import REQUEST_ID

Labels = dict[str, str]

_MOST_REASONS = 64
_KAFKA = {names.SYSTEM: "kafka"}

_tracer = trace.get_tracer("orchestrator")
_meter = metrics.get_meter("orchestrator")
_consumed = counter(_meter, names.CONSUMED)
_sent = counter(_meter, names.SENT)
_process_duration = histogram(_meter, names.PROCESS_DURATION)
_answer_duration = histogram(_meter, names.ANSWER_DURATION)
_documents = up_down_counter(_meter, names.DOCUMENTS_ACTIVE)
_retries = counter(_meter, names.RETRIES)
_dead_letters = counter(_meter, names.DEAD_LETTERS)
_reasons = KnownNames(_MOST_REASONS)
_NO_SPAN = contextlib.nullcontext(trace.INVALID_SPAN)


def tell_taken(incoming: Incoming, group: str) -> None:
    """A request was taken."""
    if not is_measuring():
        return
    labels = {names.TOPIC: incoming.topic, names.PARTITION: str(incoming.partition)}
    _consumed.add(1, {**_KAFKA, names.OPERATION: "poll", names.GROUP: group, **labels})


@contextlib.contextmanager
def processing(incoming: Incoming, group: str) -> Iterator[list[Outgoing]]:
    """Around all work on a request, in the trace that its headers name.

    Put the answer into the list that this yields.
    """
    labels = {
        **_KAFKA,
        names.OPERATION: "process",
        names.TOPIC: incoming.topic,
        names.GROUP: group,
    }
    answer: list[Outgoing] = []
    begun = time.perf_counter()
    with _process_span(incoming, labels) as span:
        yield answer
        errors = [each.error for each in answer if each.error]
        if errors:
            span.set_attribute(ERROR, errors[0])
            span.set_status(trace.StatusCode.ERROR)
            labels[ERROR] = _reasons.name(errors[0])
    _process_duration.record(time.perf_counter() - begun, labels)


def _process_span(
    incoming: Incoming, labels: Labels
) -> contextlib.AbstractContextManager[trace.Span]:
    """One that does nothing where there is nobody to tell and no context to pass on."""
    if not incoming.headers and not is_tracing():
        return _NO_SPAN
    return _tracer.start_as_current_span(
        f"process {incoming.topic}",
        context=propagate.extract(_carrier(incoming.headers)),
        kind=trace.SpanKind.CONSUMER,
        attributes={
            **labels,
            names.OPERATION_TYPE: "process",
            names.PARTITION: str(incoming.partition),
            names.OFFSET: incoming.offset,
            names.BODY_SIZE: len(incoming.value or b""),
        },
    )


@contextlib.contextmanager
def obeying(topic: str, headers: Headers, request_id: str) -> Iterator[None]:
    """Around what a command asks for, in the trace that its headers name."""
    with _tracer.start_as_current_span(
        f"process {topic}",
        context=propagate.extract(_carrier(headers)),
        kind=trace.SpanKind.CONSUMER,
        attributes={
            **_KAFKA,
            names.OPERATION: "process",
            names.OPERATION_TYPE: "process",
            names.TOPIC: topic,
            REQUEST_ID: request_id,
        },
    ):
        yield


@contextlib.contextmanager
def creating(topic: str) -> Iterator[Callable[[int], None]]:
    """Around the making of a record; what this yields is to be told its size in bytes."""
    if not is_tracing():
        yield _tell_nobody
        return
    attributes = {
        **_KAFKA,
        names.OPERATION: "create",
        names.OPERATION_TYPE: "create",
        names.TOPIC: topic,
    }
    with _tracer.start_as_current_span(
        f"create {topic}", kind=trace.SpanKind.PRODUCER, attributes=attributes
    ) as span:
        yield lambda size: span.set_attribute(names.BODY_SIZE, size)


def trace_headers() -> list[tuple[str, bytes]]:
    """Headers that name the active span."""
    if not otel_context.get_current():
        return []
    carrier: dict[str, str] = {}
    propagate.inject(carrier)
    return [(name, text.encode()) for name, text in carrier.items()]


@contextlib.contextmanager
def sending(outgoing: Sequence[Outgoing]) -> Iterator[None]:
    """Around a transaction."""
    headers = [each.headers for each in outgoing if each.headers]
    contexts = [context for each in headers if (context := _created(each)).is_valid]
    attributes: Mapping[str, str | int] = {
        **_KAFKA,
        names.OPERATION: "send",
        names.OPERATION_TYPE: "send",
        names.BATCH_COUNT: len(outgoing),
    }
    with _tracer.start_as_current_span(
        names.SEND_SPAN.name,
        kind=trace.SpanKind.CLIENT,
        links=[trace.Link(context) for context in contexts],
        attributes=attributes,
        record_exception=False,
    ) as span:
        try:
            yield
        except Exception as error:
            span.set_attribute(ERROR, type(error).__name__)
            raise


def tell_sent(outgoing: Outgoing) -> None:
    """A record was written."""
    if not is_measuring():
        return
    _sent.add(1, {**_KAFKA, names.OPERATION: "send", names.TOPIC: outgoing.topic})
    if outgoing.error:
        _dead_letters.add(1, {ERROR: _reasons.name(outgoing.error)})


def tell_answered(outgoing: Outgoing, asked_ms: int) -> None:
    """An answer is committed.

    Args:
        outgoing: the answer.
        asked_ms: its request's timestamp, milliseconds since the epoch; negative: it has none.
    """
    if asked_ms >= 0 and is_measuring():
        # Clocks differ: what came from the future took no time.
        seconds = max(0.0, time.time() - asked_ms / 1000)
        _answer_duration.record(seconds, {names.TOPIC: outgoing.topic})


def tell_retry(stage: str, reason: str) -> None:
    """A request is to be tried again."""
    _retries.add(1, {names.STAGE: stage, ERROR: _reasons.name(reason)})


@contextlib.contextmanager
def document_active() -> Iterator[None]:
    """Around a document's turn."""
    _documents.add(1)
    try:
        yield
    finally:
        _documents.add(-1)


class _Levels:
    """An up-down counter that is told values, of which it makes changes."""

    def __init__(self, instrument: UpDownCounter) -> None:
        self._instrument = instrument
        self._values: dict[tuple[tuple[str, str], ...], int] = {}

    def set(self, value: int, labels: Labels) -> None:
        key = tuple(labels.items())
        if change := value - self._values.get(key, 0):
            self._instrument.add(change, labels)
        self._values[key] = value

    def clear(self) -> None:
        for key in list(self._values):
            self.set(0, dict(key))


class SessionLevels:
    """What a session with the broker has at this moment. For one thread.

    Args:
        topic, group: of the requests.
    """

    def __init__(self, topic: str, group: str) -> None:
        self._labels = {names.TOPIC: topic, names.GROUP: group}
        self._told: set[int] = set()
        self._lag, self._waiting, self._paused = (
            _Levels(up_down_counter(_meter, metric))
            for metric in (names.LAG, names.WAITING, names.PAUSED)
        )

    def tell(self, *, waiting: int, paused: int) -> None:
        """So many records wait and so many partitions are paused."""
        self._waiting.set(waiting, self._labels)
        self._paused.set(paused, self._labels)

    def tell_lags(self, lags: Mapping[int, int]) -> None:
        """Records not done, by partition; of partitions not named others will tell."""
        gone = dict.fromkeys(self._told - lags.keys(), 0)
        self._told = set(lags)
        for partition, lag in {**lags, **gone}.items():
            self._lag.set(lag, {**self._labels, names.PARTITION: str(partition)})

    def clear(self) -> None:
        """The session is over."""
        for levels in (self._lag, self._waiting, self._paused):
            levels.clear()


def _tell_nobody(size: int) -> None:
    """Where nobody is told of records."""


def _carrier(headers: Headers) -> dict[str, str]:
    return {name: text.decode(errors="replace") for name, text in headers if text}


def _created(headers: Headers) -> trace.SpanContext:
    carrier = {name: text.decode() for name, text in headers}
    return trace.get_current_span(propagate.extract(carrier)).get_span_context()
