"""What counts as a checkbox or signature that was found."""

from typing import Any

import numpy as np
import pytest

from eval.labelled import Truth
from eval.scores.checkboxes import CheckboxScore, FoundBox
from eval.scores.signatures import FoundSignature, SignatureScore


def truth(*items: dict[str, Any], ignore: Any = (), complete: bool = True) -> Truth:
    rects = np.array([item["bbox"] for item in items], float).reshape(-1, 4)
    return Truth(list(items), rects, np.array(ignore, float).reshape(-1, 4), complete)


def box(x: float, checked: bool = False, score: float = 0.9) -> FoundBox:
    return FoundBox(np.array([x, 0.0, 40, 40]), checked, score)


def signature(x: float, score: float = 0.9) -> FoundSignature:
    return FoundSignature(np.array([x, 0.0, 100, 40]), score)


def label(x: float, checked: bool = False, **more: Any) -> dict[str, Any]:
    return {"bbox": [x, 0, 40, 40], "checked": checked, **more}


def test_boxes_are_found_once_and_read() -> None:
    score = CheckboxScore()
    score.add(
        truth(label(0, True), label(100, True), label(200, False), label(300, True)),
        [box(2, True), box(0, True, 0.5), box(100, False), box(200, True)],
    )
    figures = score.figures()
    # 4 labelled, 4 found, 3 of them right: one is a second box on the first label, one is missed.
    assert (figures["precision"], figures["recall"]) == (3 / 4, 3 / 4)
    assert figures["box F1"] == pytest.approx(3 / 4)
    assert figures["state"] == pytest.approx(1 / 3)
    # Of 3 called checked one is a checked box; 3 are labelled so.
    assert figures["checked F1"] == pytest.approx(2 * 1 / (3 + 3))
    assert score.mistakes == 1 + 1 + 2


def test_ambiguous_boxes_and_ignored_areas_count_neither_way() -> None:
    score = CheckboxScore()
    page = truth(label(0, True, ambiguous=True), label(100), ignore=[[500, 0, 90, 90]])
    score.add(page, [box(0), box(100), box(510)])
    assert (score.labelled, score.found, score.right) == (1, 1, 1)


def test_incomplete_labels_count_for_recall_only() -> None:
    score = CheckboxScore()
    score.add(truth(label(0), complete=False), [box(0), box(400)])
    assert (score.labelled, score.found, score.right) == (1, 1, 1)


def test_what_no_label_has_has_no_figure() -> None:
    boxes, signatures = CheckboxScore(), SignatureScore()
    boxes.add(truth(label(0)), [box(0, True)])
    assert (boxes.figures()["box F1"], boxes.figures()["checked F1"]) == (1, None)
    signatures.add(truth(), [signature(0)])
    figures = signatures.figures()
    assert (figures["presence F1"], figures["recall"], figures["AP@0.5"]) == (None, None, None)
    assert figures["precision"] == 0


def test_small_boxes_are_found_by_their_middle() -> None:
    score = CheckboxScore()
    small = {"bbox": [0, 0, 10, 10], "checked": False}
    score.add(truth(small), [FoundBox(np.array([-5.0, -5, 20, 20]), False, 0.9)])
    assert score.right == 1


def test_a_page_is_signed_from_a_score_of_a_half() -> None:
    score = SignatureScore()
    signed = truth({"bbox": [0, 0, 100, 40]})
    score.add(signed, [signature(0, 0.49)])
    score.add(signed, [signature(0, 0.5)])
    score.add(truth(), [signature(0, 0.4)])
    score.add(truth(), [signature(0, 0.6)])
    # 2 signed, 2 called so, 1 rightly.
    assert score.figures()["presence F1"] == pytest.approx(2 * 1 / (2 + 2))
    assert (score.figures()["recall"], score.figures()["precision"]) == (1 / 2, 1 / 2)


def test_average_precision_by_hand() -> None:
    score = SignatureScore()
    score.add(truth({"bbox": [0, 0, 100, 40]}), [signature(0, 0.9), signature(500, 0.8)])
    score.add(truth({"bbox": [0, 0, 100, 40]}), [signature(10, 0.3)])
    # Ranked: right, wrong, right (IoU 90 / 110). Precision 1 up to recall 1/2, then 2/3.
    assert score.figures()["AP@0.5"] == pytest.approx(1 / 2 * 1 + 1 / 2 * 2 / 3)


def test_overlap_wants_more_for_the_curve_than_for_recall() -> None:
    score = SignatureScore()
    score.add(truth({"bbox": [0, 0, 100, 40]}), [signature(40)])  # IoU 60 / 140
    assert score.figures()["recall"] == 1
    assert score.figures()["AP@0.5"] == 0


def test_incomplete_signature_labels_count_for_recall_only() -> None:
    score = SignatureScore()
    page = truth({"bbox": [0, 0, 100, 40]}, complete=False)
    score.add(page, [signature(0), signature(500)])
    assert (score.labelled, score.right, score.found, score.scores) == (1, 1, 0, [])
    assert (score.signed, score.rightly_signed) == (1, 1)
