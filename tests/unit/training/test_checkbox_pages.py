"""Pages and crops that the checkbox networks are trained on. Runs with the `train` extra."""

import numpy as np
import pytest
from numpy.typing import NDArray

pytest.importorskip("faker", reason="pages are composed with the extra `train`")

from training.detectors.checkbox_crops import page_samples, worn_page
from training.detectors.checkbox_pages import overshoot, turned
from training.detectors.sheet import BoxLabel, LabelledPage

Floats = NDArray[np.float64]


def page_with_box(rect: tuple[float, float, float, float] = (60, 40, 20, 24)) -> LabelledPage:
    """A white page with a black rectangle that is labelled as a ticked box."""
    image = np.full((200, 300), 255, np.uint8)
    x, y, w, h = map(int, rect)
    image[y : y + h, x : x + w] = 0
    return LabelledPage(image, [BoxLabel(rect, True, False)])


def ink_bounds(image: NDArray[np.uint8]) -> list[float]:
    """Left, top, width, height of what is dark."""
    rows, columns = np.nonzero(image < 128)
    return [
        columns.min(),
        rows.min(),
        columns.max() + 1 - columns.min(),
        rows.max() + 1 - rows.min(),
    ]


@pytest.mark.parametrize("quarters", [0, 1, 2, 3, 4])
def test_labels_turn_with_the_page(quarters: int) -> None:
    page = turned(page_with_box(), quarters)
    assert list(page.boxes[0].rect) == ink_bounds(page.image)


@pytest.mark.parametrize("seed", range(6))
def test_labels_stay_on_their_boxes_when_the_page_is_worn(seed: int) -> None:
    page = page_with_box((100, 60, 60, 70))
    worn = worn_page(page, 600, np.random.default_rng(seed))
    x, y, w, h = worn.boxes[0].rect
    inside = worn.image[int(y + 0.2 * h) : int(y + 0.8 * h), int(x + 0.2 * w) : int(x + 0.8 * w)]
    assert np.median(inside) < np.percentile(worn.image, 90) - 40


def test_strokes_from_outside_leave_the_labels_alone() -> None:
    page = page_with_box()
    page.boxes = page.boxes * 200
    before = page.image.copy()
    overshoot(page, np.random.default_rng(0))
    assert (page.image != before).any()
    assert {box.checked for box in page.boxes} == {True}


def test_proposals_are_right_wrong_or_left_out() -> None:
    page = page_with_box()
    page.ignore.append((200, 100, 30, 30))
    rects = np.array(
        [
            [60, 40, 80, 64],  # the box
            [61, 41, 81, 65],  # the box once more
            [120, 120, 140, 140],  # paper
            [205, 105, 225, 125],  # not known
            [68, 48, 88, 72],  # too much beside the box to say
        ],
        float,
    )
    chances = np.full((5, 3), 0.5)
    samples = page_samples(
        page, lambda _: (rects, chances), np.random.default_rng(0), complete=True, cuts=1
    )
    assert samples.truth.tolist() == [[1, 1, 0], [0, -1, -1]]
    assert samples.crops.shape == (2, 2, 48, 48)


def nothing(_: NDArray[np.uint8]) -> tuple[Floats, Floats]:
    """What a network proposes that sees no box anywhere."""
    return np.zeros((0, 4)), np.zeros((0, 3))


def test_a_box_that_was_not_proposed_is_a_sample_too() -> None:
    samples = page_samples(
        page_with_box(), nothing, np.random.default_rng(0), complete=True, cuts=2
    )
    assert samples.truth.tolist() == [[1, 1, 0], [1, 1, 0]]
    assert (samples.chances == 0).all()


def test_printed_shapes_are_samples_of_what_is_no_box() -> None:
    page = page_with_box()
    page.image[100:120, 200:216] = 0
    samples = page_samples(
        page,
        lambda _: (np.zeros((0, 4)), np.zeros((0, 3))),
        np.random.default_rng(0),
        complete=True,
    )
    assert samples.truth.tolist() == [[1, 1, 0], [0, -1, -1]] * 2
