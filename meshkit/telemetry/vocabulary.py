"""What is said about telemetry before any is made: spans, attributes, metrics, in words.

Rooms list theirs in a `names` module. `docs/observability.md` is made of these lists, and tests
hold what processes really send against them.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from opentelemetry.metrics import Counter, Histogram, Meter, UpDownCounter

MetricKind = Literal["counter", "updowncounter", "histogram"]

OTHER = "_OTHER"
"""Stands in metrics for names beyond the number that is kept."""

SECONDS = (
    *(0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5),
    *(1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0),
)
COUNTS = (1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0)


@dataclass(frozen=True, slots=True)
class Span:
    """A kind of span.

    Attributes:
        name: as it is sent; `{...}` stands for what varies, within few values.
        kind: SERVER, CLIENT, CONSUMER, PRODUCER or INTERNAL.
        description: what it covers.
        attributes: that it may carry.
    """

    name: str
    kind: str
    description: str
    attributes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Metric:
    """What is measured.

    Attributes:
        name: as it is sent.
        kind: of instrument.
        unit: by UCUM.
        description: what it means.
        attributes: that it is told apart by.
        bounds: upper bounds of a histogram's buckets.
    """

    name: str
    kind: MetricKind
    unit: str
    description: str
    attributes: tuple[str, ...] = ()
    bounds: tuple[float, ...] = ()


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """All that a room says.

    Attributes:
        spans, metrics: it makes.
        attributes: their meaning, by name.
    """

    spans: tuple[Span, ...]
    metrics: tuple[Metric, ...]
    attributes: Mapping[str, str]


def counter(meter: Meter, metric: Metric) -> Counter:
    """The instrument of a metric."""
    return meter.create_counter(metric.name, metric.unit, metric.description)


def up_down_counter(meter: Meter, metric: Metric) -> UpDownCounter:
    """The instrument of a metric."""
    return meter.create_up_down_counter(metric.name, metric.unit, metric.description)


def histogram(meter: Meter, metric: Metric) -> Histogram:
    """The instrument of a metric."""
    return meter.create_histogram(
        metric.name,
        metric.unit,
        metric.description,
        explicit_bucket_boundaries_advisory=metric.bounds,
    )


class KnownNames:
    """Names that may stand in metrics: the first so many; the rest are `_OTHER`."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._names: set[str] = set()

    def name(self, given: str) -> str:
        """The name itself, or `_OTHER` when there are too many already."""
        if given in self._names:
            return given
        if len(self._names) < self._most:
            self._names.add(given)
            return given
        return OTHER
