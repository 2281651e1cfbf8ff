"""Metrics of calls: histograms by method, status and caller, with a bounded number of each."""

from collections import Counter
from collections.abc import Callable, Iterable

from opentelemetry.metrics import CallbackOptions, Meter, Observation

from sidecar.proxy import Proxy
from sidecar.record import CallRecord
from sidecar.replies import Code
from sidecar.telemetry import names
from sidecar.telemetry.histograms import Attributes, HistogramStore, Point
from sidecar.telemetry.model_trailers import ModelReport
from sidecar.telemetry.spans import code_name, is_kept

OTHER = "_OTHER"
MAX_METHODS = 256
MAX_CALLERS = 64
MAX_SERIES = 4096


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
        self._series: dict[tuple[str, str, int], _Series] = {}
        self._seen_active: set[str] = set()
        self._proxy = proxy
        self._observe(meter, lost_spans)

    def record(self, record: CallRecord, report: ModelReport | None) -> None:
        """Count one call that is over."""
        series = self._series_of(record)
        values: list[tuple[Point, float]] = [
            (series.server_duration, record.ended / 1e9),
            (series.request_bytes, record.request_size),
            (series.response_bytes, record.response_size),
            (series.requests, record.request_messages),
            (series.responses, record.response_messages),
        ]
        if record.forwarded is not None:
            answered = record.ended if record.answered is None else record.answered
            values.append((series.client_duration, (answered - record.forwarded) / 1e9))
            values.append((series.added, record.added / 1e9))
        if report is not None:
            values += series.of_model(report)
            if report.pages:
                self._pages.add(report.pages, dict(series.call))
        context = record.context
        span = (context.trace_id, context.server_id) if is_kept(record) else None
        self._histograms.record(values, span, record.started_at + record.ended)

    def _series_of(self, record: CallRecord) -> "_Series":
        # A method that the model does not have is a name that a caller made up.
        learn = record.status != Code.UNIMPLEMENTED and record.forwarded is not None
        method = self._methods.name(record.method, learn=learn)
        caller = self._callers.name(record.caller) if record.caller else ""
        key = (method, caller, record.status)
        series = self._series.get(key)
        if series is None:
            if len(self._series) >= MAX_SERIES:
                self._series.clear()
            series = self._series[key] = _Series(self._histograms, *key)
        return series

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


class _Series:
    """Where the values of calls with one method, caller and status go."""

    def __init__(self, histograms: HistogramStore, method: str, caller: str, status: int) -> None:
        call: Attributes = ((names.SYSTEM, "grpc"), (names.METHOD, method))
        if caller:
            call = (*call, (names.CALLER, caller))
        name = code_name(status)
        error: Attributes = ((names.ERROR, name),) if status != Code.OK else ()
        self.call = call
        status_too: Attributes = (*call, (names.STATUS, name), *error)
        point = histograms.point
        self.server_duration = point(names.SERVER_DURATION, status_too)
        self.client_duration = point(names.CLIENT_DURATION, status_too)
        self.added = point(names.ADDED, call)
        self.request_bytes = point(names.REQUEST_BYTES, call)
        self.response_bytes = point(names.RESPONSE_BYTES, call)
        self.requests = point(names.REQUESTS, call)
        self.responses = point(names.RESPONSES, call)
        self.batch = point(names.MODEL_BATCH, call)
        self.queue = point(names.MODEL_QUEUE, call)
        self.inference = point(names.MODEL_INFERENCE, call)

    def of_model(self, report: ModelReport) -> list[tuple[Point, float]]:
        """What the model told."""
        told = (
            (self.batch, report.batch_size or None),
            (self.queue, report.queue_seconds),
            (self.inference, report.inference_seconds),
        )
        return [(point, value) for point, value in told if value is not None]
