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
class Point:
    """The values of one set of attributes, and by bucket the last that a span shows: with the
    span's trace and number, and its time.
    """

    bounds: tuple[float, ...]
    counts: list[int]
    sum: float = 0.0
    min: float = float("inf")
    max: float = float("-inf")
    shown: dict[int, tuple[float, tuple[int, int], int]] = field(default_factory=dict)

    def exemplars(self) -> list[Exemplar]:
        """Values with the span that shows them."""
        return [Exemplar({}, value, at, *reversed(span)) for value, span, at in self.shown.values()]


class HistogramStore:
    """Takes values, gives out what they add up to. Safe for use by several threads."""

    def __init__(self, metrics: Iterable[Metric]) -> None:
        self._points: dict[Metric, dict[Attributes, Point]] = {metric: {} for metric in metrics}
        self._lock = Lock()
        self._started = time.time_ns()

    def record(
        self,
        values: Iterable[tuple[Point, float]],
        span: tuple[int, int] | None,
        at: int,
    ) -> None:
        """Take values of one call, with the trace and span that show it, at a time of Unix's."""
        with self._lock:
            for point, value in values:
                bucket = bisect_left(point.bounds, value)
                point.counts[bucket] += 1
                point.sum += value
                if value < point.min:  # noqa: PLR1730 - a call takes longer
                    point.min = value
                if value > point.max:  # noqa: PLR1730 - the same
                    point.max = value
                if span is not None:
                    point.shown[bucket] = (value, span, at)

    def point(self, metric: Metric, attributes: Attributes) -> Point:
        """Where values of a metric with these attributes go; it stays the same for ever."""
        with self._lock:
            points = self._points[metric]
            if attributes not in points and len(points) >= MAX_POINTS:
                attributes = OVERFLOW
            if attributes not in points:
                points[attributes] = Point(metric.bounds, [0] * (len(metric.bounds) + 1))
            return points[attributes]

    def added_to(self, data: MetricsData, *, take_exemplars: bool) -> MetricsData:
        """What the SDK read, and these histograms; exemplars are told once to who takes them."""
        first, *resources = data.resource_metrics
        scope, *scopes = first.scope_metrics
        scope = replace(scope, metrics=[*scope.metrics, *self._data(take_exemplars)])
        return MetricsData([replace(first, scope_metrics=[scope, *scopes]), *resources])

    def _data(self, take_exemplars: bool) -> list[MetricData]:
        with self._lock:
            found = {metric: _with_values(points) for metric, points in self._points.items()}
            return [
                _as_data(metric, points, self._started, take_exemplars)
                for metric, points in found.items()
                if points
            ]


def _with_values(points: dict[Attributes, Point]) -> dict[Attributes, Point]:
    return {attributes: point for attributes, point in points.items() if any(point.counts)}


def _as_data(
    metric: Metric, points: dict[Attributes, Point], started: int, take_exemplars: bool
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
            exemplars=point.exemplars() if take_exemplars else [],
        )
        for attributes, point in points.items()
    ]
    if take_exemplars:
        for point in points.values():
            point.shown.clear()
    histogram = Histogram(data_points, AggregationTemporality.CUMULATIVE)
    return MetricData(metric.name, metric.description, metric.unit, histogram)
