"""eval/predict.py with the real models on sample pages."""

import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from eval.scores.words import tokens

REPOSITORY = Path(__file__).parents[2]
SAMPLES = REPOSITORY / "samples"
SIGNED = "ticked_and_signed.png"
ON_ITS_SIDE = "turned.png"
UPSIDE_DOWN = "upside_down.jpg"

Lines = dict[str, dict[str, Any]]


@pytest.fixture(scope="module")
def lines(tmp_path_factory: pytest.TempPathFactory) -> Lines:
    """What is said of a page, of itself turned clockwise, of one upside down, and of no image."""
    folder = tmp_path_factory.mktemp("set")
    for name in (SIGNED, UPSIDE_DOWN):
        shutil.copy(SAMPLES / name, folder / name)
    page = cv2.imread(str(SAMPLES / SIGNED), cv2.IMREAD_GRAYSCALE)
    assert page is not None
    cv2.imwrite(str(folder / ON_ITS_SIDE), cv2.rotate(page, cv2.ROTATE_90_CLOCKWISE))
    (folder / "broken.png").write_bytes(b"\x89PNG\r\n\x1a\nand no more")
    names = ["broken.png", SIGNED, ON_ITS_SIDE, UPSIDE_DOWN, "missing.png"]
    labels = "\n".join(json.dumps({"file": name}) for name in names)
    (folder / "labels.jsonl").write_text(labels, encoding="utf-8")
    out = folder / "out.jsonl"
    arguments = ["--data", str(folder), "--out", str(out), "--tier", "fast"]
    command = [sys.executable, "eval/predict.py", *arguments]
    subprocess.run(command, cwd=REPOSITORY, check=True, capture_output=True, timeout=110)
    said = [json.loads(line) for line in out.read_text(encoding="utf-8").splitlines()]
    assert [line["file"] for line in said] == names
    return {line["file"]: line for line in said}


def truth_of(name: str) -> dict[str, Any]:
    pages = json.loads((SAMPLES / "truth.json").read_text(encoding="utf-8"))[name]["pages"]
    return dict(pages[0])


def test_a_file_that_cannot_be_read_has_an_error_and_no_finding(lines: Lines) -> None:
    for name in ("broken.png", "missing.png"):
        assert lines[name].keys() == {"file", "error"}


@pytest.mark.parametrize("name", [SIGNED, ON_ITS_SIDE, UPSIDE_DOWN])
def test_a_line_has_what_is_promised(lines: Lines, name: str) -> None:
    line = lines[name]
    assert line.keys() >= {"file", "words", "skew_degrees", "orientation", "doc_class"}
    assert line.keys() >= {"checkboxes", "signatures"}
    assert all(len(word["quad"]) == 8 and word["text"] for word in line["words"])
    assert all(word.keys() >= {"text", "quad", "confidence"} for word in line["words"])
    assert all(box.keys() >= {"bbox", "checked", "score"} for box in line["checkboxes"])
    assert all(item.keys() >= {"bbox", "score"} for item in line["signatures"])


@pytest.mark.parametrize("name", [SIGNED, UPSIDE_DOWN])
def test_words_lie_on_the_words_and_turns_keep_the_labels_signs(lines: Lines, name: str) -> None:
    truth, line = truth_of(name), lines[name]
    assert (line["width"], line["height"]) == (truth["width"], truth["height"])
    assert line["orientation"] == truth["orientation"]
    assert line["skew_degrees"] == pytest.approx(truth["skew_degrees"], abs=0.15)
    found = sum(
        any(
            tokens(said["text"]) == tokens(word["text"]) and lies_on(said, word)
            for said in line["words"]
        )
        for word in truth["words"]
    )
    assert found >= 0.7 * len(truth["words"])


def test_a_page_on_its_side_gives_the_same_boxes_turned(lines: Lines) -> None:
    upright, side = lines[SIGNED], lines[ON_ITS_SIDE]
    assert (side["orientation"], side["width"]) == (90, upright["height"])
    assert side["skew_degrees"] == pytest.approx(upright["skew_degrees"], abs=0.05)
    wanted = [turned(box["bbox"], upright["height"]) for box in upright["checkboxes"]]
    said = np.array([box["bbox"] for box in side["checkboxes"]])
    assert wanted
    near = [np.abs(said - box).max(axis=1).min() <= 1.5 for box in wanted]
    assert sum(near) >= 0.9 * len(wanted)


def test_the_signature_is_where_it_is(lines: Lines) -> None:
    (label, *_) = truth_of(SIGNED)["signatures"]
    best = lines[SIGNED]["signatures"][0]
    assert best["score"] >= 0.5
    x, y, width, height = best["bbox"]
    centre = np.array(label["quad"]).reshape(4, 2).mean(axis=0)
    assert x <= centre[0] <= x + width
    assert y <= centre[1] <= y + height


def lies_on(said: dict[str, Any], word: dict[str, Any]) -> bool:
    """Whether the middles are less than a third of the word's height apart, each way of reading."""
    ours, theirs = (np.array(item["quad"]).reshape(4, 2) for item in (said, word))
    height = np.linalg.norm(theirs[3] - theirs[0])
    return bool(np.linalg.norm(ours.mean(axis=0) - theirs.mean(axis=0)) < height / 3)


def turned(bbox: list[float], height: float) -> NDArray[np.float64]:
    """A rectangle of an upright page of this height, on the page turned clockwise."""
    x, y, w, h = bbox
    return np.array([height - y - h, x, h, w])
