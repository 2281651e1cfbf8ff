"""The talk with readers, and their pages side by side."""

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from eval.__main__ import judge_all
from eval.cases import Selection
from eval.comparison import compare
from eval.measures import MEASURES, Measure
from eval.overlay import draw_worst
from eval.readers.child import PageFile
from eval.readers.process import ReaderError, ReaderName, running
from eval.record import Record
from eval.report import Figure, markdown_table
from eval.scores.words import WordScore

ECHO = """
import os, sys, time
from eval.readers.child import serve
class Echo:
    def prepare(self, page):
        print("what libraries print does not disturb")
        return page
    def read(self, page):
        path = page.path
        ended = time.process_time() + 0.05
        while time.process_time() < ended: pass
        if sys.argv[1] == "stuck": time.sleep(3600)
        if sys.argv[1] == "dying" and path.endswith("2.png"): os._exit(3)
        if path.endswith("1.png"): raise ValueError("unreadable")
        if sys.argv[1] == "helper": return {"width": 3}
        if page.upright: return {"words": [{"text": f"width {page.upright['width']}"}]}
        return {"words": [{"text": "alpha beta", "confidence": 0.5}]}
if sys.argv[1] == "absent": sys.exit("it is not installed")
serve(Echo())
"""


def reader(name: str, *, everywhere: bool = False) -> ReaderName:
    """The program above; not there under the name `absent`."""
    return ReaderName(name, ("-c", ECHO, name), everywhere)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    pages = [
        {"file": f"{i}.png", "words": [{"text": word, "quad": [0, 0, 9, 0, 9, 9, 0, 9]}]}
        for i, word in enumerate(["alpha", "beta", "gamma"])
    ]
    (tmp_path / "set").mkdir()
    for page in pages:
        cv2.imwrite(str(tmp_path / "set" / str(page["file"])), np.zeros((40, 60), np.uint8))
    lines = "\n".join(map(json.dumps, pages))
    (tmp_path / "set" / "labels.jsonl").write_text(lines, encoding="utf-8")
    return tmp_path


def measure(*readers: ReaderName, upright: ReaderName | None = None) -> Measure:
    return Measure(
        name="words",
        sets=("set",),
        readers=readers,
        wanted=lambda label: "words" in label,
        new_score=WordScore,
        judge=MEASURES[0].judge,
        baseline="theirs",
        upright=upright,
    )


def judged_by(judge: Any, *sets: str) -> Measure:
    """One reader, and a judge of one's own."""
    return replace(measure(reader("ours", everywhere=True)), judge=judge, sets=sets or ("set",))


def compared(folder: Path, scratch: Path, *readers: ReaderName) -> Any:
    selection = Selection(folder, None, part=None, limit=None, compared=2)
    return compare(measure(*readers), selection, scratch)


def test_all_pages_by_some_readers_and_some_pages_by_all(folder: Path, tmp_path: Path) -> None:
    ours = reader("ours", everywhere=True)
    result = compared(folder, tmp_path, ours, reader("theirs"))
    (whole,) = result.whole
    # Of three labelled words one is read; of the four tokens read (one page fails) one is right.
    assert (whole["reader"], whole["pages"], whole["failed"]) == ("ours", 3, 1)
    assert (whole["recall"], whole["precision"]) == (pytest.approx(1 / 3), 1 / 4)
    assert [(row["reader"], row["pages"], row["recall"]) for row in result.compared] == [
        ("ours", 2, 1 / 2),
        ("theirs", 2, 1 / 2),
    ]
    assert whole["CPU s/page"] >= 0.03
    assert whole["wall s/page"] < 60  # a page that failed counts with what it took
    assert result.failures == ["ours on set/1.png: ValueError: unreadable"]
    assert result.compared[1]["of theirs"] == 1
    assert 0.3 < result.compared[0]["of theirs"] < 3


def test_a_reader_that_is_not_there_is_named_and_the_others_go_on(
    folder: Path, tmp_path: Path
) -> None:
    absent = reader("absent")
    result = compared(folder, tmp_path, reader("ours", everywhere=True), absent)
    assert result.missing == {"absent": "it is not installed"}
    assert len(result.whole) == 1


def test_a_reader_that_dies_is_named_and_the_others_go_on(folder: Path, tmp_path: Path) -> None:
    dying, ours = reader("dying", everywhere=True), reader("ours", everywhere=True)
    result = compared(folder, tmp_path, dying, ours)
    assert list(result.missing) == ["dying"]
    assert [(row["reader"], row["pages"]) for row in result.whole] == [("dying", 2), ("ours", 3)]


def test_a_reader_that_died_is_an_error() -> None:
    with running(reader("absent")) as absent, pytest.raises(ReaderError):
        absent.ask(PageFile("0.png"))


def test_a_reader_that_takes_too_long_is_ended() -> None:
    with (
        running(reader("stuck"), page_seconds=0.2) as stuck,
        pytest.raises(ReaderError, match="it took more than 0 s for a page"),
    ):
        stuck.ask(PageFile("0.png"))


def test_a_page_that_nobody_can_set_upright_is_read_as_it_is(folder: Path, tmp_path: Path) -> None:
    selection = Selection(folder, None, part=None, limit=None, compared=None)
    ours = measure(reader("ours", everywhere=True), upright=reader("helper"))
    result = compare(ours, selection, tmp_path)
    assert [reading.line.get("words", [{}])[0].get("text") for reading in result.readings] == [
        "width 3",
        None,  # this page is unreadable for all
        "width 3",
    ]
    assert [failure.partition(":")[0] for failure in result.failures] == [
        "helper on set/1.png",
        "ours on set/1.png",
    ]


def test_sets_that_are_not_there_are_named_and_the_others_are_read(
    folder: Path, tmp_path: Path
) -> None:
    selection = Selection(folder, None, part=None, limit=2, compared=None)
    result = compare(judged_by(MEASURES[0].judge, "absent", "set"), selection, tmp_path)
    assert list(result.missing) == ["absent"]
    assert [sample.summary for sample in result.samples] == ["set: 2 of 3 pages"]
    assert result.as_json()["pages"] == {"set": ["0.png", "2.png"]}


def test_a_set_that_no_model_has_is_for_all_whose_labels_it_has(
    folder: Path, tmp_path: Path
) -> None:
    selection = Selection(folder, ["funsd_forms", "set"], part=None, limit=1, compared=None)
    ours = judged_by(MEASURES[0].judge, "sroie_receipts")
    result = compare(ours, selection, tmp_path)
    assert [(row["set"], row["pages"]) for row in result.whole] == [("set", 1)]
    assert not result.missing
    nothing = replace(ours, wanted=lambda label: "signatures" in label)
    assert not compare(nothing, selection, tmp_path).samples


def test_files_that_are_not_there_or_no_images_leave_the_others(
    folder: Path, tmp_path: Path
) -> None:
    (folder / "set" / "0.png").unlink()
    (folder / "set" / "2.png").write_bytes(b"no image")
    selection = Selection(folder, None, part=None, limit=None, compared=None)
    result = compare(judged_by(MEASURES[0].judge), selection, tmp_path)
    assert [sample.summary for sample in result.samples] == [
        "set: 2 of 2 pages; not there: 1 file of its labels, 0.png first"
    ]
    assert [row["pages"] for row in result.whole] == [2]
    assert [path.name for path in draw_worst(result.readings, tmp_path / "pictures", 2)] == [
        "set-1.png"
    ]


def test_an_interrupted_run_shows_what_it_has_and_a_failed_one_leaves_the_others(
    folder: Path, tmp_path: Path
) -> None:
    def fail(_score: Any, _set_name: str, label: Any, _line: Any) -> None:
        raise RuntimeError(f"no judgement of {label['file']}")

    def interrupt(score: Any, set_name: str, label: Any, line: Any) -> None:
        if label["file"] == "2.png":
            raise KeyboardInterrupt
        MEASURES[0].judge(score, set_name, label, line)

    measures = [
        replace(judged_by(fail), name="first"),
        replace(judged_by(MEASURES[0].judge), name="second"),
        replace(judged_by(interrupt), name="third"),
        replace(judged_by(MEASURES[0].judge), name="fourth"),
    ]
    selection = Selection(folder, None, part=None, limit=None, compared=None)
    record = Record(tmp_path / "results.json", "all", "python -m eval")
    assert judge_all(measures, selection, record, tmp_path / "pictures", worst=0) == 130
    results = json.loads((tmp_path / "results.json").read_text(encoding="utf-8"))
    assert results["first"] == {"error": "RuntimeError: no judgement of 0.png"}
    assert [row["pages"] for row in results["second"]["all pages"]] == [3]
    assert [row["pages"] for row in results["third"]["all pages"]] == [2]
    assert results["third"]["interrupted"]
    assert "fourth" not in results
    text = (tmp_path / "results.md").read_text(encoding="utf-8")
    assert "`first` failed: RuntimeError: no judgement of 0.png" in text
    assert "| set | ours | 3 |" in text
    assert "- interrupted: the rows are of the pages before" in text


def test_a_table_in_markdown() -> None:
    rows: list[dict[str, Figure]] = [{"set": "a", "F1": 0.98765}, {"set": "b", "pages": 12}]
    assert markdown_table(rows) == (
        "| set | F1 | pages |\n| --- | ---: | ---: |\n| a | 0.988 |  |\n| b |  | 12 |\n"
    )
    assert markdown_table([]) == ""


def test_readers_are_told_how_to_set_a_page_upright(folder: Path, tmp_path: Path) -> None:
    selection = Selection(folder, None, part=None, limit=1, compared=1)
    ours = measure(reader("ours", everywhere=True), upright=reader("helper"))
    (reading,) = compare(ours, selection, tmp_path).readings
    assert reading.line == {"words": [{"text": "width 3"}]}


def test_the_worst_pages_are_drawn(folder: Path, tmp_path: Path) -> None:
    result = compared(folder, tmp_path, reader("ours", everywhere=True))
    # alpha: 1 invented; beta: 1 missed; gamma: 1 missed and 2 invented.
    assert [reading.mistakes for reading in result.readings] == [1, 1, 3]
    readable = [r for r in result.readings if r.line]
    for reading in readable:
        reading.line["words"][0]["quad"] = [20, 20, 40, 20, 40, 30, 20, 30]
    (path,) = draw_worst(readable, tmp_path / "pictures", count=1)
    assert path.name == "set-2.png"
    picture = cv2.imread(str(path))
    assert picture is not None
    assert picture.shape == (80, 120, 3)  # so narrow a page is drawn at twice its size
    assert picture[40, 50].tolist() == [0, 0, 230]
    assert picture[18, 0].tolist() != [0, 0, 0]


def test_packages_are_run_by_a_program_that_knows_them() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "eval.readers.others", "nobody"],
        check=False,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 2
    for name in MEASURES[0].readers[4:]:
        assert name.name in done.stderr
