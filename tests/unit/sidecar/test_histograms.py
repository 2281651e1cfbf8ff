"""The histograms add up as the SDK's own do."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader, MetricsData

from sidecar.telemetry.histograms import MAX_POINTS, OVERFLOW, HistogramStore
from sidecar.telemetry.names import Metric

METRIC = Metric("some.duration", "s", "What it took.", (0.1, 1.0, 10.0))
OTHER = Metric("other.size", "By", "How much.", (1.0,))


def read(store: HistogramStore, *, take_exemplars: bool = True) -> dict[str, Any]:
    """The store's metrics by name, added to what an SDK with one counter reads."""
    reader = InMemoryMetricReader()
    provider = MeterProvider([reader])
    provider.get_meter("test").create_counter("calls").add(1)
    data = reader.get_metrics_data()
    assert data is not None
    provider.shutdown()
    metrics = by_name(store.added_to(data, take_exemplars=take_exemplars))
    assert metrics.pop("calls").data.data_points[0].value == 1
    return metrics


def by_name(data: MetricsData) -> dict[str, Any]:
    return {
        metric.name: metric
        for resource in data.resource_metrics
        for scope in resource.scope_metrics
        for metric in scope.metrics
    }


def test_the_same_as_the_sdk() -> None:
    @given(
        values=st.lists(
            st.tuples(st.sampled_from("ab"), st.sampled_from([0.05, 0.1, 0.5, 1.0, 7.0, 99.0])),
            min_size=1,
        )
    )
    def check(values: list[tuple[str, float]]) -> None:
        reader = InMemoryMetricReader()
        provider = MeterProvider([reader])
        theirs = provider.get_meter("test").create_histogram(
            METRIC.name,
            METRIC.unit,
            METRIC.description,
            explicit_bucket_boundaries_advisory=METRIC.bounds,
        )
        ours = HistogramStore([METRIC])
        for name, value in values:
            theirs.record(value, {"name": name})
            ours.record([(ours.point(METRIC, (("name", name),)), value)], None, 0)
        data = reader.get_metrics_data()
        assert data is not None
        provider.shutdown()
        expected, found = by_name(data)[METRIC.name], read(ours)[METRIC.name]
        assert (found.unit, found.description) == (expected.unit, expected.description)
        assert found.data.aggregation_temporality == expected.data.aggregation_temporality
        for one, other in zip(found.data.data_points, expected.data.data_points, strict=True):
            assert dict(one.attributes) == dict(other.attributes)
            assert list(one.explicit_bounds) == list(other.explicit_bounds)
            assert list(one.bucket_counts) == list(other.bucket_counts)
            assert (one.count, one.min, one.max) == (other.count, other.min, other.max)
            assert one.sum == pytest.approx(other.sum)

    check()


def test_exemplars_are_told_once_to_who_takes_them() -> None:
    store = HistogramStore([METRIC, OTHER])
    point = store.point(METRIC, ())
    store.record([(point, 0.5), (point, 5.0)], (7, 9), at=11)
    store.point(OTHER, ())  # without values it is not told
    assert OTHER.name not in read(store, take_exemplars=False)
    (shown,) = read(store, take_exemplars=False)[METRIC.name].data.data_points
    assert shown.exemplars == []
    (taken,) = read(store)[METRIC.name].data.data_points
    assert [(e.value, e.trace_id, e.span_id, e.time_unix_nano) for e in taken.exemplars] == [
        (0.5, 7, 9, 11),
        (5.0, 7, 9, 11),
    ]
    (again,) = read(store)[METRIC.name].data.data_points
    assert again.exemplars == []
    assert again.count == 2


def test_sets_of_attributes_are_bounded() -> None:
    store = HistogramStore([METRIC])
    for number in range(MAX_POINTS + 10):
        store.record([(store.point(METRIC, (("n", number),)), 1.0)], None, 0)
    points = read(store)[METRIC.name].data.data_points
    assert len(points) == MAX_POINTS + 1
    assert points[-1].count == 10
    assert dict(points[-1].attributes) == dict(OVERFLOW)
