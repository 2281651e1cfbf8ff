"""Which found rectangle is which labelled one."""

import numpy as np
import pytest
from numpy.typing import NDArray

from eval.matching import IGNORED, WRONG, average_precision, f1, match

NONE = np.zeros((0, 4))


def rects(*boxes: tuple[float, float, float, float]) -> NDArray[np.float64]:
    return np.array(boxes, float).reshape(-1, 4)


def test_the_best_takes_the_label_and_the_next_is_wrong() -> None:
    found = rects((0, 0, 40, 40), (2, 0, 40, 40), (200, 0, 40, 40))
    answer = match(found, rects((1, 0, 40, 40)), NONE, min_iou=0.3)
    assert list(answer) == [0, WRONG, WRONG]


def test_overlap_decides() -> None:
    # Half of a box: 0.5 of the union; a third of it: 20 x 40 / (2 x 40 x 40 - 20 x 40).
    label = rects((0, 0, 40, 40))
    assert list(match(rects((0, 0, 40, 20)), label, NONE, min_iou=0.5)) == [0]
    assert list(match(rects((20, 0, 40, 40)), label, NONE, min_iou=0.34)) == [WRONG]
    assert list(match(rects((20, 0, 40, 40)), label, NONE, min_iou=0.33)) == [0]


def test_small_boxes_are_found_by_their_middle() -> None:
    label, found = rects((100, 100, 17, 17)), rects((95, 95, 40, 40))
    assert list(match(found, label, NONE, min_iou=0.3)) == [WRONG]
    assert list(match(found, label, NONE, min_iou=0.3, small_by_middle=True)) == [0]
    large = rects((100, 100, 18, 18))
    assert list(match(found, large, NONE, min_iou=0.3, small_by_middle=True)) == [WRONG]


def test_what_lies_in_an_ignored_area_counts_neither_way() -> None:
    found = rects((10, 10, 20, 20), (300, 300, 20, 20))
    assert list(match(found, NONE, rects((0, 0, 100, 100)), min_iou=0.3)) == [IGNORED, WRONG]


def test_nothing_found_and_nothing_there() -> None:
    assert len(match(NONE, NONE, NONE, min_iou=0.3)) == 0
    assert f1(0, 0, 0) == 1
    assert f1(3, 4, 8) == pytest.approx(0.5)


def test_average_precision_is_the_area_under_the_curve() -> None:
    assert average_precision([0.9, 0.8], [True, True], 2) == pytest.approx(1)
    # Right, wrong, right of 2: precision 1 up to recall 0.5, then 2 / 3.
    assert average_precision([0.9, 0.8, 0.7], [True, False, True], 2) == pytest.approx(5 / 6)
    assert average_precision([0.9], [True], 4) == pytest.approx(0.25)
    assert average_precision([], [], 3) == 0
