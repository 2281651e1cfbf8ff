"""Spans in their file."""

import sqlite3
from pathlib import Path

import pytest

from meshkit.errors import NotFound
from pagemesh.traces.store import SpanStore, reading
from tests.unit.pagemesh.traces.spans import OTHER_TRACE, TRACE, document, span


def test_what_comes_out_is_what_went_in(tmp_path: Path) -> None:
    made = [
        *document(),
        span(
            "predict",
            3,
            2,
            service="ocr",
            links=((TRACE, 2),),
            events=(("pagemesh.step.skipped", {"pagemesh.step.name": "ocr"}),),
            pagemesh__batch__size=2,
        ),
    ]
    with_store = SpanStore(tmp_path / "spans.sqlite3")
    with_store.add(made)
    with_store.close()
    with reading(tmp_path / "spans.sqlite3") as store:
        way = store.way("r1")
    assert sorted(way.spans, key=lambda s: s.span_id) == made
    assert way.document == made[0]


def test_the_newest_and_the_beginning_of_an_id(tmp_path: Path) -> None:
    store = SpanStore(tmp_path / "spans.sqlite3")
    store.add(document("apple-1", trace=TRACE, start=0))
    store.add(document("apple-2", trace=OTHER_TRACE, start=50))
    store.add(document("apple", trace="0c" * 16, start=20))
    assert store.way().request_id == "apple-2"
    assert store.way("apple-1").document.trace_id == TRACE
    assert store.way("apple").request_id == "apple"
    with pytest.raises(NotFound, match="several requests begin with `appl`"):
        store.way("appl")
    with pytest.raises(NotFound, match="no spans of request `pear`"):
        store.way("pear")
    assert [s.attributes["pagemesh.request_id"] for s in store.requests(2)] == ["apple-2", "apple"]
    store.close()


def test_an_id_that_is_sent_again_gives_its_newest_work(tmp_path: Path) -> None:
    store = SpanStore(tmp_path / "spans.sqlite3")
    store.add(document("r", trace=TRACE, start=0))
    store.add(document("r", trace=OTHER_TRACE, start=50))
    assert store.way("r").document.trace_id == OTHER_TRACE
    store.close()


def test_a_batch_of_another_trace_belongs_to_the_way(tmp_path: Path) -> None:
    store = SpanStore(tmp_path / "spans.sqlite3")
    store.add(document())
    batch = span("predict", 9, 8, trace=OTHER_TRACE, links=((OTHER_TRACE, 8), (TRACE, 2)))
    store.add([batch])
    assert {s.trace_id for s in store.way("r1").spans} == {TRACE, OTHER_TRACE}
    store.close()


def test_the_file_is_bounded_and_the_oldest_go_as_a_whole(tmp_path: Path) -> None:
    path = tmp_path / "spans.sqlite3"
    store = SpanStore(path, max_spans=1000)
    for number in range(100):
        trace = f"{number + 1:032x}"
        rest = [span("open", n, 1, trace=trace, start=number) for n in range(3, 101)]
        store.add([*document(f"r{number}", trace=trace, start=number), *rest])
    assert store.count() <= 3000
    with pytest.raises(NotFound):
        store.way("r0")
    assert len(store.way("r99").spans) == 100
    assert len(store.requests(1000)) == store.count() / 100
    store.close()


def test_a_folder_without_spans(tmp_path: Path) -> None:
    with pytest.raises(NotFound, match="pagemesh up"), reading(tmp_path / "spans.sqlite3"):
        pass
    SpanStore(tmp_path / "spans.sqlite3").close()
    with (
        reading(tmp_path / "spans.sqlite3") as store,
        pytest.raises(NotFound, match="any document"),
    ):
        store.way()


def test_readers_do_not_hinder_the_writer(tmp_path: Path) -> None:
    path = tmp_path / "spans.sqlite3"
    store = SpanStore(path)
    store.add(document())
    reader = sqlite3.connect(path)
    rows = reader.execute("SELECT * FROM spans")
    rows.fetchone()
    store.add(document("r2", trace=OTHER_TRACE))
    assert store.way("r2").document.trace_id == OTHER_TRACE
    reader.close()
    store.close()
