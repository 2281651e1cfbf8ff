"""From the network's head to signatures."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from numpy.typing import NDArray

from servers.signature.decode import UNITS, decode, merge, widen

Head = NDArray[np.float32]


def mark(head: Head, rect: tuple[float, float, float, float], score: float, reach: int = 1) -> None:
    """Set the cells around the middle of a signature (left, top, right, bottom)."""
    left, top, right, bottom = rect
    row, column = int((top + bottom) / 16), int((left + right) / 16)
    for y in range(row - reach, row + reach + 1):
        for x in range(column - reach, column + reach + 1):
            middle_x, middle_y = (x + 0.5) * 8, (y + 0.5) * 8
            sides = (middle_x - left, middle_y - top, right - middle_x, bottom - middle_y)
            falling = score * (1 - 0.1 * (abs(y - row) + abs(x - column)))
            head[:, y, x] = falling, *np.log(np.array(sides) / UNITS)


def test_cells_that_agree_become_one_rectangle() -> None:
    head = np.zeros((5, 40, 60), np.float32)
    mark(head, (100, 80, 260, 140), 0.9)
    rects, scores = decode(head, 0.3)
    assert rects == pytest.approx(np.array([[92, 78.2, 268, 141.8]]), abs=1e-3)
    assert scores == pytest.approx([0.9])


def test_two_signatures_come_best_first() -> None:
    head = np.zeros((5, 40, 60), np.float32)
    mark(head, (30, 80, 190, 140), 0.6)
    mark(head, (230, 80, 390, 140), 0.8)
    rects, scores = decode(head, 0.3)
    assert scores == pytest.approx([0.8, 0.6])
    assert rects[0] == pytest.approx([222, 78.2, 398, 141.8], abs=1e-3)


def test_a_part_of_a_signature_goes() -> None:
    rects = np.array([[0, 0, 200, 60], [20, 10, 90, 50]], float)
    merged, scores = merge(rects, np.array([0.9, 0.8]), np.ones((2, 4)))
    assert merged == pytest.approx(rects[:1])
    assert scores == pytest.approx([0.9])


def test_each_side_is_told_by_the_cells_nearest_to_it() -> None:
    head = np.zeros((5, 40, 60), np.float32)
    mark(head, (100, 80, 300, 140), 0.9, reach=0)
    near_the_right = head[:, 13, 33]
    near_the_right[0] = 0.8
    # Middle (268, 108): knows the right side (310) well and misses the left one by far.
    sides = np.array([268 - 140, 108 - 80, 310 - 268, 140 - 108])
    near_the_right[1:] = np.log(sides / UNITS)
    ((left, top, right, bottom),), _ = decode(head, 0.3)
    margin = 0.05 * 210
    assert 100 - margin < left < 120 - margin
    assert (top, bottom) == pytest.approx((78.2, 141.8), abs=1e-3)
    assert 305 + margin < right < 310 + margin


def test_rectangles_are_widened_by_shares_of_their_size() -> None:
    rects = widen(np.array([[0, 0, 100, 100], [40, 20, 60, 30]], float))
    assert rects == pytest.approx(np.array([[-5, -3, 105, 103], [39, 19.7, 61, 30.3]]))
    assert widen(np.zeros((0, 4))).shape == (0, 4)


def test_an_empty_head_has_no_signatures() -> None:
    rects, scores = decode(np.zeros((5, 8, 8), np.float32), 0.5)
    assert rects.shape == (0, 4)
    assert scores.shape == (0,)


@settings(max_examples=50, deadline=None)
@given(
    arrays.arrays(np.float32, (5, 12, 12), elements=st.floats(-50, 50, width=32)),
    st.floats(0.1, 0.9),
)
def test_any_head_gives_finite_rectangles_best_first(head: Head, threshold: float) -> None:
    head[0] = 1 / (1 + np.exp(-head[0]))
    rects, scores = decode(head, threshold)
    assert np.isfinite(rects).all()
    assert (rects[:, 2:] > rects[:, :2]).all()
    assert (scores >= np.float32(threshold)).all()
    assert (np.diff(scores) <= 0).all()
