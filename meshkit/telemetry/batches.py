"""What a batch in the model tells."""

import contextlib
import time
from collections.abc import Iterator, Sequence

from opentelemetry import metrics, trace

from meshkit.model import ModelIdentity
from meshkit.telemetry import names
from meshkit.telemetry.vocabulary import histogram

_tracer = trace.get_tracer("meshkit")
_meter = metrics.get_meter("meshkit")
_pages = histogram(_meter, names.BATCH_PAGES)
_duration = histogram(_meter, names.BATCH_DURATION)
_waited = histogram(_meter, names.QUEUE_DURATION)


class BatchTelemetry:
    """Spans and metrics of one model's batches.

    Args:
        model: which; None says nothing of it.
    """

    def __init__(self, model: ModelIdentity | None = None) -> None:
        self._labels: dict[str, str] = {}
        self._attributes: dict[str, str] = {}
        if model is not None:
            self._labels = {names.MODEL_NAME: model.name, names.DEVICE: model.device}
            self._attributes = {**self._labels, names.MODEL_VERSION: model.version}

    @contextlib.contextmanager
    def running(self, pages: Sequence[trace.SpanContext], waits: Sequence[float]) -> Iterator[None]:
        """Around `predict`: a span that links to those of its pages, in the trace of the first.

        Args:
            pages: the span that each page was submitted in.
            waits: seconds that each page waited.
        """
        known = [page for page in pages if page.is_valid]
        parent = next((page for page in known if page.trace_flags.sampled), None)
        parent = parent or next(iter(known), trace.INVALID_SPAN_CONTEXT)
        started = time.perf_counter()
        with _tracer.start_as_current_span(
            names.BATCH_SPAN.name,
            context=trace.set_span_in_context(trace.NonRecordingSpan(parent)),
            links=[trace.Link(page) for page in known],
            attributes={**self._attributes, names.BATCH_SIZE: len(pages)},
        ):
            yield
        _duration.record(time.perf_counter() - started, self._labels)
        _pages.record(len(pages), self._labels)
        for wait in waits:
            _waited.record(wait, self._labels)
