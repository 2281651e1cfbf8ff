"""Makes the orchestrator's spans and metrics.

What models say that a page cost is added up for the page, its pipeline and the client for whom it
is read. Nothing here costs more than a few lookups while telemetry is off.
"""

import contextlib
import time
from collections import defaultdict
from collections.abc import Iterator

from google.protobuf.duration_pb2 import Duration
from google.rpc import status_pb2
from opentelemetry import metrics, trace
from opentelemetry.util.types import AttributeValue

from meshkit.errors import PagemeshError
from meshkit.status import error_of
from meshkit.telemetry import names as common
from meshkit.telemetry.vocabulary import KnownNames, Span, counter, histogram, up_down_counter
from orchestrator.pipeline import Step
from orchestrator.stages.base import StageResult
from orchestrator.telemetry import names
from pagemesh.orchestrator.v1.document_pb2 import (
    DOCUMENT_STATE_FAILED,
    PAGE_OUTCOME_FAILED,
    Document,
    DocumentState,
    PageOutcome,
    PageResult,
)

Costs = defaultdict[str, float]

_LONGEST_REASON = 300
_MOST_CLIENTS = 64
_MOST_PIPELINES = 256

_tracer = trace.get_tracer("orchestrator")
_meter = metrics.get_meter("orchestrator")
_documents = counter(_meter, names.DOCUMENTS)
_document_duration = histogram(_meter, names.DOCUMENT_DURATION)
_documents_active = up_down_counter(_meter, names.DOCUMENTS_ACTIVE)
_pages = counter(_meter, names.DOCUMENT_PAGES)
_page_duration = histogram(_meter, names.PAGE_DURATION)
_pages_active_size = up_down_counter(_meter, names.PAGES_ACTIVE_SIZE)
_step_duration = histogram(_meter, names.STEP_DURATION)
_cost_inference = counter(_meter, names.COST_INFERENCE)
_cost_queue = counter(_meter, names.COST_QUEUE)
_clients, _pipelines = KnownNames(_MOST_CLIENTS), KnownNames(_MOST_PIPELINES)


class DocumentTelemetry:
    """One document's span, and all that is told of its pages.

    Args:
        request_id: the piece of work.
        client: for whom.
        pipeline, version: that read it.

    Attributes:
        context: of the document's span, once it has begun.
    """

    def __init__(
        self, request_id: str = "", client: str = "", pipeline: str = "", version: str = ""
    ) -> None:
        self.context = trace.INVALID_SPAN_CONTEXT
        self._owner = {
            names.REQUEST_ID: request_id,
            names.CLIENT: client,
            names.PIPELINE: pipeline,
        }
        self._version = version
        self._labels = {
            names.PIPELINE: _pipelines.name(pipeline),
            names.CLIENT: _clients.name(client),
        }
        self._costs: Costs = defaultdict(float)
        self._begun = time.perf_counter()
        self._span: trace.Span = trace.INVALID_SPAN

    @contextlib.contextmanager
    def running(self) -> Iterator[None]:
        """Around all work on the document."""
        attributes = {**self._owner, names.PIPELINE_VERSION: self._version}
        _documents_active.add(1)
        try:
            with _tracer.start_as_current_span(
                names.DOCUMENT_SPAN.name, attributes=attributes
            ) as self._span:
                self.context = self._span.get_span_context()
                yield
        finally:
            _documents_active.add(-1)

    def ended(self, document: Document) -> None:
        """The document's end, as it was written down."""
        state = DocumentState.Name(document.state).removeprefix("DOCUMENT_STATE_")
        account = document.pages
        told: dict[str, AttributeValue] = {
            names.STATE: state,
            names.MEDIA_TYPE: document.media_type,
            names.PAGES_TOTAL: account.total,
            names.PAGES_OK: account.ok,
            names.PAGES_FAILED: account.failed,
            names.PAGES_SKIPPED: account.skipped,
            **self._costs,
        }
        self._span.set_attributes(told)
        if document.HasField("error"):
            self._span.set_attribute(common.ERROR, _reason(document.error))
        if document.state == DOCUMENT_STATE_FAILED:
            self._span.set_status(trace.StatusCode.ERROR)
        labels = {names.PIPELINE: self._labels[names.PIPELINE], names.STATE: state}
        _documents.add(1, {**self._labels, names.STATE: state})
        _document_duration.record(time.perf_counter() - self._begun, labels)

    @contextlib.contextmanager
    def page(self, number: int) -> Iterator["PageTelemetry"]:
        """Around all work on a page."""
        attributes: dict[str, AttributeValue] = {**self._owner, names.PAGE_NUMBER: number}
        with _tracer.start_as_current_span(names.PAGE_SPAN.name, attributes=attributes) as span:
            yield PageTelemetry(span, self._labels, self._costs)


@contextlib.contextmanager
def pixels_active(size_bytes: int) -> Iterator[None]:
    """Around the work on a page that was let in, with what its pixels count."""
    _pages_active_size.add(size_bytes)
    try:
        yield
    finally:
        _pages_active_size.add(-size_bytes)


class PageTelemetry:
    """One page's span."""

    def __init__(self, span: trace.Span, labels: dict[str, str], costs: Costs) -> None:
        self._span = span
        self._labels = labels
        self._document_costs = costs
        self._begun = time.perf_counter()

    def admitted(self) -> None:
        """There is room for it now."""
        self._span.set_attribute(names.PAGE_WAIT, time.perf_counter() - self._begun)

    def ended(self, result: PageResult) -> None:
        """What became of it, and what its steps cost."""
        outcome = PageOutcome.Name(result.outcome).removeprefix("PAGE_OUTCOME_")
        costs = self._costs(result)
        for name, seconds in costs.items():
            self._document_costs[name] += seconds
        told: dict[str, AttributeValue] = {
            names.PAGE_OUTCOME: outcome,
            names.PAGE_WIDTH: result.width,
            names.PAGE_HEIGHT: result.height,
            **costs,
        }
        self._span.set_attributes(told)
        if result.outcome == PAGE_OUTCOME_FAILED:
            self._span.set_attribute(common.ERROR, _reason(result.error))
            self._span.set_status(trace.StatusCode.ERROR)
        _pages.add(1, {**self._labels, names.PAGE_OUTCOME: outcome})
        labels = {names.PIPELINE: self._labels[names.PIPELINE], names.PAGE_OUTCOME: outcome}
        _page_duration.record(time.perf_counter() - self._begun, labels)

    def _costs(self, result: PageResult) -> Costs:
        """Seconds by attribute; counted in the metrics, too."""
        costs: Costs = defaultdict(float)
        for step in result.steps:
            if not (step.HasField("cost") and step.HasField("model")):
                continue
            queue, inference = (
                _seconds(step.cost.queue_duration),
                _seconds(step.cost.inference_duration),
            )
            device = step.model.device
            labels = {**self._labels, common.MODEL_NAME: step.model.name, common.DEVICE: device}
            _cost_inference.add(inference, labels)
            _cost_queue.add(queue, labels)
            costs[names.COST.format(device=device)] += inference
            costs[common.INFERENCE_TIME] += inference
            costs[common.QUEUE_TIME] += queue
            costs[common.DECODE_TIME] += _seconds(step.cost.decode_duration)
        return costs


class StepTelemetry:
    """One step's span on one page."""

    def __init__(self, span: trace.Span, labels: dict[str, str]) -> None:
        self._span = span
        self._labels = labels
        self._begun = time.perf_counter()

    def ended(self, result: StageResult | None, error: PagemeshError | None, attempts: int) -> None:
        """What the step found, or why it failed."""
        outcome = "FAILED" if error else "OK"
        self._span.set_attributes({names.STEP_OUTCOME: outcome, names.ATTEMPTS: attempts})
        if error is not None:
            self._span.set_attribute(common.ERROR, error.reason)
            self._span.set_status(trace.StatusCode.ERROR)
        if result is not None:
            self._span.set_attributes(_answer(result))
        labels = {**self._labels, names.STEP_OUTCOME: outcome}
        _step_duration.record(time.perf_counter() - self._begun, labels)


@contextlib.contextmanager
def step_span(pipeline: str, step: Step) -> Iterator[StepTelemetry]:
    """Around a step's work on a page."""
    labels = {names.PIPELINE: _pipelines.name(pipeline), names.STEP: step.name}
    attributes = {names.STEP: step.name, names.STAGE: step.stage}
    with _tracer.start_as_current_span(f"step {step.name}", attributes=attributes) as span:
        yield StepTelemetry(span, labels)


@contextlib.contextmanager
def part_span(part: Span) -> Iterator[trace.Span]:
    """Around one of the parts of a document's or a page's way that have no more to tell."""
    with _tracer.start_as_current_span(part.name) as span:
        yield span


def tell_skipped(step: Step, reason: str) -> None:
    """An event of the page: a step was not needed, or could not run."""
    attributes = {names.STEP: step.name, names.STEP_REASON: reason[:_LONGEST_REASON]}
    trace.get_current_span().add_event(names.SKIPPED_EVENT, attributes)


def tell_request(request_id: str, work: trace.SpanContext = trace.INVALID_SPAN_CONTEXT) -> None:
    """Which piece of work the active call is about.

    Args:
        request_id: names it.
        work: the document's span, when the call joins work that others began.
    """
    span = trace.get_current_span()
    span.set_attribute(names.REQUEST_ID, request_id)
    if work.is_valid:
        span.add_link(work)


def _answer(result: StageResult) -> dict[str, AttributeValue]:
    told: dict[str, AttributeValue] = {}
    if result.model is not None:
        told[common.MODEL_NAME] = result.model.name
        told[common.MODEL_VERSION] = result.model.version
        told[common.DEVICE] = result.model.device
    if result.cost is not None:
        told[common.BATCH_SIZE] = result.cost.batch_size
        told[common.QUEUE_TIME] = _seconds(result.cost.queue_duration)
        told[common.DECODE_TIME] = _seconds(result.cost.decode_duration)
        told[common.INFERENCE_TIME] = _seconds(result.cost.inference_duration)
    return told


def _seconds(duration: Duration) -> float:
    return duration.ToNanoseconds() / 1e9


def _reason(status: status_pb2.Status) -> str:
    return error_of(status).reason
