"""Metrics of calls: histograms by method, status and caller, with a bounded number of each."""

from collections import Counter
from collections.abc import Callable, Iterable

from opentelemetry.metrics import CallbackOptions, Meter, Observation

from sidecar.proxy import Proxy
from sidecar.record import CallRecord
from sidecar.replies import Code
from sidecar.telemetry import names
from sidecar.telemetry.histograms import Attributes, HistogramStore
from sidecar.telemetry.model_trailers import ModelReport
from sidecar.telemetry.names import Metric
from sidecar.telemetry.spans import code_name, is_kept

OTHER = "_OTHER"
MAX_METHODS = 256
MAX_CALLERS = 64


class Known:
    """Names that may stand in metrics: the first so many; the rest are `_OTHER`."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._names: set[str] = set()

    def name(self, given: str, *, learn: bool = True) -> str:
        """The name itself, or `_OTHER` when it is not known and may not be learnt."""
        if given in self._names:
            return given
        if learn and given and len(self._names) < self._most:
            self._names.add(given)
            return given
        return OTHER


class CallMetrics:
    """Records calls; what the proxy is in the midst of is asked of it when metrics are read."""

    def __init__(
        self, meter: Meter, histograms: HistogramStore, proxy: Proxy, lost_spans: Callable[[], int]
    ) -> None:
        self._histograms = histograms
        pages = names.MODEL_PAGES
        self._pages = meter.create_counter(pages.name, pages.unit, pages.description)
        self._methods, self._callers = Known(MAX_METHODS), Known(MAX_CALLERS)
        self._seen_active: set[str] = set()
        self._proxy = proxy
        self._observe(meter, lost_spans)

    def record(self, record: CallRecord, report: ModelReport | None) -> None:
        """Count one call that is over."""
        call = self._attributes(record)
        status: Attributes = (*call, (names.STATUS, code_name(record.status)))
        if record.status != Code.OK:
            status = (*status, (names.ERROR, code_name(record.status)))
        values = [
            (names.SERVER_DURATION, record.ended / 1e9, status),
            (names.REQUEST_BYTES, record.request_size, call),
            (names.RESPONSE_BYTES, record.response_size, call),
            (names.REQUESTS, record.request_messages, call),
            (names.RESPONSES, record.response_messages, call),
        ]
        if record.forwarded is not None:
            answered = record.ended if record.answered is None else record.answered
            values += [
                (names.CLIENT_DURATION, (answered - record.forwarded) / 1e9, status),
                (names.ADDED, record.added / 1e9, call),
            ]
        if report is not None:
            values += _model_values(report, call)
            if report.pages:
                self._pages.add(report.pages, dict(call))
        context = record.context
        span = (context.trace_id, context.server_id) if is_kept(record) else None
        self._histograms.record(values, span, record.started_at + record.ended)

    def _attributes(self, record: CallRecord) -> Attributes:
        # A method that the model does not have is a name that a caller made up.
        learn = record.status != Code.UNIMPLEMENTED and record.forwarded is not None
        method = self._methods.name(record.method, learn=learn)
        attributes: Attributes = ((names.SYSTEM, "grpc"), (names.METHOD, method))
        if record.caller:
            attributes = (*attributes, (names.CALLER, self._callers.name(record.caller)))
        return attributes

    def _observe(self, meter: Meter, lost_spans: Callable[[], int]) -> None:
        proxy = self._proxy

        def active(_: CallbackOptions) -> Iterable[Observation]:
            calls: Counter[str] = Counter()
            for method, number in proxy.in_flight.copy().items():
                calls[self._methods.name(method, learn=False)] += number
            self._seen_active |= calls.keys()
            for method in self._seen_active:  # a method that has no calls any more has 0
                yield Observation(calls[method], {names.METHOD: method})

        def dropped(_: CallbackOptions) -> Iterable[Observation]:
            yield Observation(proxy.records.dropped)

        def lost(_: CallbackOptions) -> Iterable[Observation]:
            yield Observation(lost_spans())

        def connected(_: CallbackOptions) -> Iterable[Observation]:
            yield Observation(int(proxy.upstream.connected))

        for metric, callback in ((names.ACTIVE, active), (names.CONNECTED, connected)):
            meter.create_observable_up_down_counter(
                metric.name, [callback], metric.unit, metric.description
            )
        for metric, callback in ((names.DROPPED, dropped), (names.LOST_SPANS, lost)):
            meter.create_observable_counter(
                metric.name, [callback], metric.unit, metric.description
            )


def _model_values(
    report: ModelReport, attributes: Attributes
) -> list[tuple[Metric, float, Attributes]]:
    told = (
        (names.MODEL_BATCH, report.batch_size or None),
        (names.MODEL_QUEUE, report.queue_seconds),
        (names.MODEL_INFERENCE, report.inference_seconds),
    )
    return [(metric, value, attributes) for metric, value in told if value is not None]
