import json
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from eval.ocr import Score, expected_calibration_error, labelled_pages, labels_of, tokens
from servers.ocr.domain import Engine, OcrResult, TextLine, Word

QUAD = np.zeros((4, 2))


def result(*words: tuple[str, float]) -> OcrResult:
    line = TextLine("", QUAD, 1.0, tuple(Word(text, QUAD, sure) for text, sure in words))
    return OcrResult((line,), Engine.PPOCR, None)


def test_tokens_are_lower_case_letters_and_digits() -> None:
    assert tokens("R&D No. 14-B_2: Größe") == ["r", "d", "no", "14", "b", "2", "größe"]


def test_words_count_as_often_as_they_are_labelled() -> None:
    score = Score()
    score.add(Counter(["to", "be", "to"]), result(("to", 0.9), ("to", 0.8), ("to", 0.7)), 1.5)
    assert score.recall == pytest.approx(2 / 3)
    assert score.precision == pytest.approx(2 / 3)
    assert score.truth == [True, True, False]
    assert score.cpu_seconds == 1.5


def test_an_empty_set_scores_nothing() -> None:
    assert (Score().recall, Score().precision) == (0, 0)


def test_calibration_error_is_the_distance_of_confidence_and_truth() -> None:
    sure = np.array([0.95, 0.95, 0.25, 0.25])
    assert expected_calibration_error(sure, np.array([1.0, 1, 0, 0])) == pytest.approx(0.15)
    assert expected_calibration_error(np.ones(3), np.ones(3)) == 0


def test_pages_without_text_labels_are_left_out_and_a_limit_spreads(tmp_path: Path) -> None:
    pages = [{"file": f"{i}.png", "words": [{"text": str(i)}]} for i in range(9)]
    lines = [json.dumps(page) for page in [{"file": "none.png"}, *pages]]
    (tmp_path / "labels.jsonl").write_text("\n".join(lines), encoding="utf-8")
    assert [page["file"] for page in labelled_pages(tmp_path, None)] == [p["file"] for p in pages]
    assert [page["file"] for page in labelled_pages(tmp_path, 3)] == ["0.png", "4.png", "8.png"]
    assert labels_of({"lines": [{"text": "To be"}]}) == Counter(["to", "be"])
