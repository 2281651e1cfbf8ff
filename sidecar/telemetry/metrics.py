"""Metrics of calls: histograms by method, status and caller, with a bounded number of each."""

from collections import Counter
from collections.abc import Callable, Iterable

from opentelemetry.metrics import CallbackOptions, Histogram, Meter, Observation
from opentelemetry.util.types import AttributeValue

from sidecar.proxy import Proxy
from sidecar.record import CallRecord
from sidecar.replies import Code
from sidecar.telemetry import names
from sidecar.telemetry.model_trailers import ModelReport
from sidecar.telemetry.names import Metric
from sidecar.telemetry.spans import code_name, span_context

OTHER = "_OTHER"
MAX_METHODS = 256
MAX_CALLERS = 64

Attributes = dict[str, AttributeValue]


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

    def __init__(self, meter: Meter, proxy: Proxy, lost_spans: Callable[[], int]) -> None:
        self._histograms: dict[str, Histogram] = {
            metric.name: meter.create_histogram(
                metric.name,
                metric.unit,
                metric.description,
                explicit_bucket_boundaries_advisory=metric.bounds,
            )
            for metric in names.HISTOGRAMS
        }
        pages = names.MODEL_PAGES
        self._pages = meter.create_counter(pages.name, pages.unit, pages.description)
        self._methods, self._callers = Known(MAX_METHODS), Known(MAX_CALLERS)
        self._seen_active: set[str] = set()
        self._proxy = proxy
        self._observe(meter, lost_spans)

    def record(self, record: CallRecord, report: ModelReport | None) -> None:
        """Count one call that is over."""
        call = self._attributes(record)
        status = call | {names.STATUS: code_name(record.status)}
        if record.status != Code.OK:
            status[names.ERROR] = code_name(record.status)
        context = span_context(record.context.trace_id, record.context.server_id)

        def put(metric: Metric, value: float, attributes: Attributes) -> None:
            self._histograms[metric.name].record(value, attributes, context)

        put(names.SERVER_DURATION, record.ended / 1e9, status)
        if record.forwarded is not None:
            answered = record.ended if record.answered is None else record.answered
            put(names.CLIENT_DURATION, (answered - record.forwarded) / 1e9, status)
            put(names.ADDED, record.added / 1e9, call)
        put(names.REQUEST_BYTES, record.request_size, call)
        put(names.RESPONSE_BYTES, record.response_size, call)
        put(names.REQUESTS, record.request_messages, call)
        put(names.RESPONSES, record.response_messages, call)
        if report is not None:
            self._record_model(report, call, put)

    def _record_model(
        self,
        report: ModelReport,
        attributes: Attributes,
        put: Callable[[Metric, float, Attributes], None],
    ) -> None:
        if report.batch_size:
            put(names.MODEL_BATCH, report.batch_size, attributes)
        if report.queue_seconds is not None:
            put(names.MODEL_QUEUE, report.queue_seconds, attributes)
        if report.inference_seconds is not None:
            put(names.MODEL_INFERENCE, report.inference_seconds, attributes)
        if report.pages:
            self._pages.add(report.pages, attributes)

    def _attributes(self, record: CallRecord) -> Attributes:
        # A method that the model does not have is a name that a caller made up.
        learn = record.status != Code.UNIMPLEMENTED and record.forwarded is not None
        attributes: Attributes = {
            names.SYSTEM: "grpc",
            names.METHOD: self._methods.name(record.method, learn=learn),
        }
        if record.caller:
            attributes[names.CALLER] = self._callers.name(record.caller)
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
