"""Pages fitted to a network's input."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from meshkit.letterbox import LetterboxSize, fit_page, group_pages, stack_bytes, stack_pages

SIZE = LetterboxSize(long_side=320, multiple=64)


@settings(max_examples=50, deadline=None)
@given(height=st.integers(1, 900), width=st.integers(1, 900))
def test_the_page_fits_its_padded_shape(height: int, width: int) -> None:
    image = np.zeros((height, width), np.uint8)
    box = fit_page(image, SIZE)
    if box is None:
        assert max(height, width) > 320 * min(height, width)
        return
    assert box.canvas.shape == SIZE.padded(image)
    assert all(side % 64 == 0 for side in box.canvas.shape)
    assert max(box.canvas.shape) <= 320
    dark = np.argwhere(box.canvas < 128)
    rows, columns = dark.max(axis=0) + 1
    assert (rows, columns) == SIZE.scaled(image)
    assert (rows / height, columns / width) == pytest.approx((box.scale_y, box.scale_x))


def test_small_images_are_enlarged_twice_at_most() -> None:
    box = fit_page(np.full((40, 30), 255, np.uint8), SIZE)
    assert box is not None
    assert (box.scale_x, box.scale_y) == (2, 2)


def test_a_page_too_narrow_to_see_is_none() -> None:
    assert fit_page(np.zeros((5000, 3), np.uint8), SIZE) is None


def test_canvas_points_come_back_to_the_page() -> None:
    image = np.full((640, 480), 255, np.uint8)
    image[100:200, 300:400] = 0
    box = fit_page(image, SIZE)
    assert box is not None
    rows, columns = np.nonzero(box.canvas < 128)
    edges = np.array([[columns.min(), rows.min()], [columns.max() + 1, rows.max() + 1]], float)
    # From the outer edge of pixel 300 (-0.5 of its middle) to that of pixel 399 (+0.5).
    assert box.to_page(edges) == pytest.approx(np.array([[299.5, 99.5], [399.5, 199.5]]))


def test_colour_pages_become_grey() -> None:
    grey = np.random.default_rng(1).integers(0, 255, (500, 400)).astype(np.uint8)
    of_grey, of_colour = fit_page(grey, SIZE), fit_page(np.dstack([grey] * 3), SIZE)
    assert of_grey is not None
    assert of_colour is not None
    difference = of_grey.canvas.astype(int) - of_colour.canvas
    assert np.abs(difference).max() <= 1


def test_pages_of_one_shape_run_together_only_when_asked() -> None:
    tall, wide = np.zeros((320, 200), np.uint8), np.zeros((200, 320), np.uint8)
    narrow = np.zeros((5000, 3), np.uint8)
    fitted = [fit_page(image, SIZE) for image in (tall, wide, narrow, tall)]
    together = group_pages(fitted, together=True)
    assert [[index for index, _ in group] for group in together] == [[0, 3], [1]]
    alone = group_pages(fitted, together=False)
    assert [[index for index, _ in group] for group in alone] == [[0], [1], [3]]
    pages = [box for _, box in together[0]]
    assert stack_pages(pages).shape == (2, 1, 320, 256)
    assert np.array_equal(stack_pages(pages), stack_bytes(pages) / np.float32(255))
