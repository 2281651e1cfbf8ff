"""Histograms of calls, kept here and handed to OpenTelemetry when it reads.

The SDK's instruments take about 15 µs a value for each reader, and a call has ten values: more than
the rest of a small call's telemetry together. Here a value costs a search among the bounds; what is
handed out is the SDK's own data, so exporters know no difference. All are cumulative.
"""

import time
from bisect import bisect_left
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from threading import Lock

from opentelemetry.sdk.metrics import Exemplar
from opentelemetry.sdk.metrics.export import (
    AggregationTemporality,
    Histogram,
    HistogramDataPoint,
    MetricsData,
)
from opentelemetry.sdk.metrics.export import Metric as MetricData
from opentelemetry.util.types import AttributeValue

from sidecar.telemetry.names import Metric

Attributes = tuple[tuple[str, AttributeValue], ...]
MAX_POINTS = 2000
OVERFLOW: Attributes = (("otel.metric.overflow", True),)
"""Where values go once a metric has `MAX_POINTS` sets of attributes, as the SDK does it."""


@dataclass(slots=True)
class _Point:
    """The values of one set of attributes."""

    counts: list[int]
    sum: float = 0.0
    min: float = float("inf")
    max: float = float("-inf")
    exemplars: dict[int, Exemplar] = field(default_factory=dict)


class HistogramStore:
    """Takes values, gives out what they add up to. Safe for use by several threads."""

    def __init__(self, metrics: Iterable[Metric]) -> None:
        self._points: dict[Metric, dict[Attributes, _Point]] = {metric: {} for metric in metrics}
        self._lock = Lock()
        self._started = time.time_ns()

    def record(
        self,
        values: Iterable[tuple[Metric, float, Attributes]],
        span: tuple[int, int] | None,
        at: int,
    ) -> None:
        """Take values of one call, with the trace and span that show it, at a time of Unix's."""
        with self._lock:
            for metric, value, attributes in values:
                point = self._point(metric, attributes)
                bucket = bisect_left(metric.bounds, value)
                point.counts[bucket] += 1
                point.sum += value
                point.min, point.max = min(point.min, value), max(point.max, value)
                if span is not None:
                    point.exemplars[bucket] = Exemplar({}, value, at, span[1], span[0])

    def added_to(self, data: MetricsData, *, take_exemplars: bool) -> MetricsData:
        """What the SDK read, and these histograms; exemplars are told once to who takes them."""
        first, *resources = data.resource_metrics
        scope, *scopes = first.scope_metrics
        scope = replace(scope, metrics=[*scope.metrics, *self._data(take_exemplars)])
        return MetricsData([replace(first, scope_metrics=[scope, *scopes]), *resources])

    def _point(self, metric: Metric, attributes: Attributes) -> _Point:
        points = self._points[metric]
        point = points.get(attributes)
        if point is None:
            if len(points) >= MAX_POINTS:
                attributes = OVERFLOW
            point = points.setdefault(attributes, _Point([0] * (len(metric.bounds) + 1)))
        return point

    def _data(self, take_exemplars: bool) -> list[MetricData]:
        with self._lock:
            return [
                _as_data(metric, points, self._started, take_exemplars)
                for metric, points in self._points.items()
                if points
            ]


def _as_data(
    metric: Metric, points: dict[Attributes, _Point], started: int, take_exemplars: bool
) -> MetricData:
    now = time.time_ns()
    data_points = [
        HistogramDataPoint(
            attributes=dict(attributes),
            start_time_unix_nano=started,
            time_unix_nano=now,
            count=sum(point.counts),
            sum=point.sum,
            bucket_counts=tuple(point.counts),
            explicit_bounds=metric.bounds,
            min=point.min,
            max=point.max,
            exemplars=list(point.exemplars.values()) if take_exemplars else [],
        )
        for attributes, point in points.items()
    ]
    if take_exemplars:
        for point in points.values():
            point.exemplars.clear()
    histogram = Histogram(data_points, AggregationTemporality.CUMULATIVE)
    return MetricData(metric.name, metric.description, metric.unit, histogram)
