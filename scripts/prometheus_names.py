"""OpenTelemetry's metric names as Prometheus has them.

After https://opentelemetry.io/docs/specs/otel/compatibility/prometheus_and_openmetrics/: dots
become underscores, the unit is appended, counters end in `_total`. `service.name` is a label where
the collector makes it one (`resource_to_telemetry_conversion`).
"""

from collections.abc import Iterable

from meshkit.telemetry.vocabulary import Metric

_UNITS = {"s": "seconds", "By": "bytes"}


def prometheus_name(metric: Metric) -> str:
    """The name; of a histogram without `_bucket`, `_sum`, `_count`."""
    name = metric.name.replace(".", "_")
    unit = _UNITS.get(metric.unit, "")
    if unit and not name.endswith(f"_{unit}"):
        name = f"{name}_{unit}"
    return f"{name}_total" if metric.kind == "counter" else name


def series_of(metrics: Iterable[Metric]) -> set[str]:
    """All names that Prometheus has of these metrics."""
    names = set()
    for metric in metrics:
        name = prometheus_name(metric)
        if metric.kind == "histogram":
            names |= {f"{name}_bucket", f"{name}_sum", f"{name}_count"}
        else:
            names.add(name)
    return names


def label(attribute: str) -> str:
    """An attribute as a label."""
    return attribute.replace(".", "_")
