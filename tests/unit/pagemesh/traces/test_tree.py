"""Spans as a tree."""

import pytest

from pagemesh.traces.store import Way
from pagemesh.traces.tree import model_calls, roots_of
from tests.unit.pagemesh.traces.spans import OTHER_TRACE, TRACE, call, document, span


def way(*spans: object) -> Way:
    whole = [*document(), *spans]
    return Way("r1", whole[0], whole)  # type: ignore[arg-type]


def test_children_stand_in_the_order_of_time_whatever_order_they_came_in() -> None:
    late = span("step ocr", 4, 2, start=5, end=6)
    early = span("step deskew", 3, 2, start=1, end=2)
    (root,) = roots_of(way(late, early))
    assert [node.span.name for node in root.walk()] == [
        "document",
        "page",
        "step deskew",
        "step ocr",
    ]


def test_a_span_whose_parent_was_lost_is_still_shown() -> None:
    roots = roots_of(way(span("predict", 9, 77, start=3)))
    assert [root.span.name for root in roots] == ["document", "predict"]


def test_a_batch_stands_below_every_call_that_it_served() -> None:
    steps = [span("step ocr", 4, 2), span("step preread", 5, 2)]
    calls = [*call(10, 4, 1, 5), *call(20, 5, 1, 5)]
    batch = span("predict", 30, 13, service="ocr", links=((TRACE, 13), (TRACE, 23)))
    (root,) = roots_of(way(*steps, *calls, batch))
    found = [node for node in root.walk() if node.span.name == "predict"]
    assert [node.is_shared for node in found] == [False, True]


def test_a_batch_of_another_document_stands_below_its_call_alone() -> None:
    batch = span("predict", 30, 8, trace=OTHER_TRACE, links=((OTHER_TRACE, 8), (TRACE, 13)))
    (root,) = roots_of(way(span("step ocr", 4, 2), *call(10, 4, 1, 5), batch))
    (found,) = [node for node in root.walk() if node.span.name == "predict"]
    assert found.is_shared


def test_a_call_through_a_sidecar_tells_its_parts() -> None:
    (root,) = roots_of(way(span("step ocr", 4, 2), *call(10, 4, 1, 5)))
    step = next(node for node in root.walk() if node.span.name == "step ocr")
    (found,) = model_calls(step)
    assert found.way_seconds == pytest.approx(0.6)
    assert found.sidecar_seconds == pytest.approx(0.2)


def test_a_call_without_a_sidecar() -> None:
    client, _, _, server = call(10, 4, 1, 5)
    direct = span("m", 13, 10, service="ocr", kind=server.kind, start=1.5, end=4.5)
    (root,) = roots_of(way(span("step ocr", 4, 2), client, direct))
    step = next(node for node in root.walk() if node.span.name == "step ocr")
    (found,) = model_calls(step)
    assert found.sidecar is None
    assert found.way_seconds == pytest.approx(1.0)


def test_a_call_that_did_not_get_to_its_model() -> None:
    client, server, *_ = call(10, 4, 1, 5)
    for spans in ([client], [client, server]):
        (root,) = roots_of(way(span("step ocr", 4, 2), *spans))
        step = next(node for node in root.walk() if node.span.name == "step ocr")
        (found,) = model_calls(step)
        assert found.sidecar is None
