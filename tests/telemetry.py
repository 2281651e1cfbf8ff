"""What this process tells by OpenTelemetry, kept for a test to look at."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import Any

import pytest
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from meshkit.telemetry.process import configure_telemetry


@dataclass(frozen=True)
class Recorder:
    """Spans and metrics of this process."""

    exporter: InMemorySpanExporter
    reader: InMemoryMetricReader

    @property
    def spans(self) -> list[ReadableSpan]:
        """Those that ended, in order."""
        return list(self.exporter.get_finished_spans())

    def span(self, name: str, **attributes: Any) -> ReadableSpan:
        """The one of this name with these attributes, dots written as two underscores."""
        wanted = {key.replace("__", "."): value for key, value in attributes.items()}
        (found,) = [
            span
            for span in self.spans
            if span.name == name and wanted.items() <= (span.attributes or {}).items()
        ]
        return found

    def metrics(self) -> dict[str, Any]:
        """The state of every metric, by name; sums since the process began."""
        data = self.reader.get_metrics_data()
        return {
            metric.name: metric
            for resource in (data.resource_metrics if data else ())
            for scope in resource.scope_metrics
            for metric in scope.metrics
        }

    def value(self, metric: str, **attributes: Any) -> float:
        """Of all points with these attributes: the sum, or of a histogram how often."""
        wanted = {key.replace("__", "."): value for key, value in attributes.items()}
        points = self.metrics()[metric].data.data_points if metric in self.metrics() else ()
        found = [point for point in points if wanted.items() <= point.attributes.items()]
        return float(sum(p.value if hasattr(p, "value") else p.count for p in found))


@cache
def recorder() -> Recorder:
    """The process's; its providers can be set but once."""
    made = Recorder(InMemorySpanExporter(), InMemoryMetricReader())
    configure_telemetry(
        "test", {}, processors=[SimpleSpanProcessor(made.exporter)], readers=[made.reader]
    )
    return made


@pytest.fixture
def recorded() -> Iterator[Recorder]:
    """The process's recorder, without the spans of tests before."""
    made = recorder()
    made.exporter.clear()
    yield made
    made.exporter.clear()


def parent_of(span: ReadableSpan, spans: list[ReadableSpan]) -> ReadableSpan | None:
    """The span above, if it is among these."""
    ids = {other.context.span_id: other for other in spans}
    return ids.get(span.parent.span_id) if span.parent else None
