"""docs/observability.md says what the code says."""

import re

from scripts.describe_telemetry import DOCUMENT, described, rooms


def test_the_tables_are_fresh() -> None:
    text = DOCUMENT.read_text()
    assert described(text) == text


def test_every_attribute_has_a_meaning() -> None:
    known = {name for vocabulary in rooms().values() for name in vocabulary.attributes}
    for vocabulary in rooms().values():
        used = {name for span in vocabulary.spans for name in span.attributes}
        used |= {name for metric in vocabulary.metrics for name in metric.attributes}
        assert used <= known


def test_names_are_as_opentelemetry_wants_them() -> None:
    for vocabulary in rooms().values():
        for metric in vocabulary.metrics:
            assert re.fullmatch(r"[a-z][a-z0-9_]*(\.[a-z][a-z0-9_]*)+", metric.name)
            assert re.fullmatch(r"s|By|1|\{[a-z]+\}", metric.unit)
            assert metric.description.endswith(".")
            assert metric.kind != "histogram" or "." in metric.name


def test_one_name_is_one_metric() -> None:
    seen: dict[str, tuple[str, str]] = {}
    for vocabulary in rooms().values():
        for metric in vocabulary.metrics:
            kind = (metric.kind, metric.unit)
            assert seen.setdefault(metric.name, kind) == kind
