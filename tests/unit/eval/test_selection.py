"""Which lines of a set are looked at."""

import json
from pathlib import Path

import pytest

from eval.selection import as_part, read_labels
from eval.split import Part, detector_part_of, part_of


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    labels = [{"file": f"{i}.png", "words": [{"text": str(i)}]} for i in range(40)]
    lines = [json.dumps(label) for label in [{"file": "none.png"}, *labels]]
    (tmp_path / "labels.jsonl").write_text("\n".join(lines), encoding="utf-8")
    return tmp_path


def test_a_limit_spreads_over_what_is_wanted(folder: Path) -> None:
    chosen = read_labels(folder, lambda label: "words" in label, limit=3)
    assert [label["file"] for label in chosen] == ["0.png", "20.png", "39.png"]


@pytest.mark.parametrize("wrong", ['{"file": "a.png"', '{"words": []}', "[]"])
def test_a_line_that_is_no_label_is_named(folder: Path, wrong: str) -> None:
    (folder / "labels.jsonl").write_text('{"file": "a\u2028.png"}\n\n' + wrong, encoding="utf-8")
    with pytest.raises(ValueError, match=r"labels\.jsonl, line 3 is no"):
        read_labels(folder)
    (folder / "labels.jsonl").write_text('{"file": "a\u2028.png"}\n\n', encoding="utf-8")
    assert read_labels(folder) == [{"file": "a\u2028.png"}]


def test_parts_share_a_set_and_nothing_else(folder: Path) -> None:
    parts = [read_labels(folder, part=part) for part in Part]
    assert all(parts)
    assert sorted(label["file"] for part in parts for label in part) == sorted(
        label["file"] for label in read_labels(folder)
    )
    assert all(part_of(folder.name, label) is Part.TUNING for label in parts[0])
    assert (as_part("all"), as_part("tuning")) == (None, Part.TUNING)


def test_detectors_have_form_families_of_their_own_kept_aside() -> None:
    unseen, seen = {"file": "a.png", "doc_class": "d400"}, {"file": "b.png", "doc_class": "f1040"}
    assert detector_part_of("gov_forms_scansim", unseen) is Part.VALIDATION
    assert detector_part_of("gov_forms_scansim", seen) is Part.TUNING
    assert detector_part_of("checkbox_sdaps", seen) is Part.VALIDATION
