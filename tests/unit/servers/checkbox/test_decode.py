"""From the network's head to boxes."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from numpy.typing import NDArray

from servers.checkbox.decode import MAX_COVER, MAX_IOU, decode, reading_order, suppress

Head = NDArray[np.float32]


def head_with(*boxes: tuple[float, float, float, float, float, float]) -> Head:
    """A head of 64 x 64 cells with boxes of middle x and y, width, height, score, checked."""
    head = np.zeros((7, 64, 64), np.float32)
    for x, y, width, height, score, checked in boxes:
        row, column = int(y // 4), int(x // 4)
        offset = (x - (column + 0.5) * 4) / 8, (y - (row + 0.5) * 4) / 8
        size = np.log(width / 20), np.log(height / 20)
        head[:, row, column] = score, checked, 0.1, *offset, *size
    return head


def test_a_peak_becomes_its_rectangle() -> None:
    found = decode(head_with((101.5, 62.25, 24, 18, 0.9, 0.7)), 0.5)
    assert found.rects == pytest.approx(np.array([[89.5, 53.25, 113.5, 71.25]]), abs=1e-4)
    assert found.chances == pytest.approx(np.array([[0.9, 0.7, 0.1]]))


def test_of_overlapping_boxes_the_best_stays() -> None:
    head = head_with(
        (100, 100, 24, 24, 0.7, 0), (110, 100, 24, 24, 0.8, 0), (160, 100, 24, 24, 0.6, 0)
    )
    assert decode(head, 0.5).chances[:, 0] == pytest.approx([0.8, 0.6])


def test_a_box_inside_a_better_one_goes() -> None:
    head = head_with((100, 100, 80, 80, 0.9, 0), (120, 120, 16, 16, 0.8, 0))
    assert decode(head, 0.5).chances[:, 0] == pytest.approx([0.9])


def test_an_empty_head_has_no_boxes() -> None:
    found = decode(np.zeros((7, 8, 8), np.float32), 0.5)
    assert found.rects.shape == (0, 4)
    assert found.chances.shape == (0, 3)


@settings(max_examples=50, deadline=None)
@given(
    arrays.arrays(np.float32, (7, 12, 12), elements=st.floats(-50, 50, width=32)),
    st.floats(0.1, 0.9),
)
def test_any_head_gives_finite_boxes_best_first(head: Head, threshold: float) -> None:
    head[:3] = 1 / (1 + np.exp(-head[:3]))
    found = decode(head, threshold)
    assert np.isfinite(found.rects).all()
    assert (found.rects[:, 2:] > found.rects[:, :2]).all()
    assert (found.chances[:, 0] >= np.float32(threshold)).all()
    assert (np.diff(found.chances[:, 0]) <= 0).all()


rectangles = st.lists(
    st.tuples(st.integers(0, 90), st.integers(0, 90), st.integers(1, 60), st.integers(1, 60)),
    max_size=30,
)


def overlap(a: NDArray[np.float64], b: NDArray[np.float64]) -> tuple[float, float]:
    """Intersection over union, and over the smaller one."""
    width = max(0.0, min(a[2], b[2]) - max(a[0], b[0]))
    height = max(0.0, min(a[3], b[3]) - max(a[1], b[1]))
    area_a, area_b = (a[2] - a[0]) * (a[3] - a[1]), (b[2] - b[0]) * (b[3] - b[1])
    common = width * height
    return common / (area_a + area_b - common), common / min(area_a, area_b)


@settings(max_examples=50, deadline=None)
@given(rectangles)
def test_those_kept_are_apart_and_those_dropped_lie_on_a_better_one(
    boxes: list[tuple[int, int, int, int]],
) -> None:
    rects = np.array([(x, y, x + w, y + h) for x, y, w, h in boxes], float).reshape(-1, 4)
    kept = list(suppress(rects))
    for index in range(len(rects)):
        better = [overlap(rects[index], rects[other]) for other in kept if other < index]
        collides = any(iou > MAX_IOU or cover > MAX_COVER for iou, cover in better)
        assert collides == (index not in kept)


@settings(max_examples=50, deadline=None)
@given(rectangles)
def test_reading_order_is_a_permutation(boxes: list[tuple[int, int, int, int]]) -> None:
    rects = np.array([(x, y, x + w, y + h) for x, y, w, h in boxes], float).reshape(-1, 4)
    assert sorted(reading_order(rects)) == list(range(len(rects)))


def test_a_row_that_is_not_quite_level_is_read_from_left_to_right() -> None:
    rects = np.array(
        [[100, 12, 120, 32], [50, 10, 70, 30], [10, 14, 30, 34], [10, 60, 30, 80]], float
    )
    assert list(reading_order(rects)) == [2, 1, 0, 3]
