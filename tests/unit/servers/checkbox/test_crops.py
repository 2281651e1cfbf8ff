"""The pictures of proposed boxes."""

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from servers.checkbox.crops import CROP_PX, FAR, NEAR, crop_boxes


def test_the_box_fills_the_same_part_of_its_pictures_at_any_size() -> None:
    for side in (8, 24, 60):
        page = np.full((600, 600), 255, np.uint8)
        page[300 : 300 + side, 200 : 200 + side] = 0
        box = np.array([[200, 300, 200 + side, 300 + side]], float)
        (crops,) = crop_boxes(page, box)
        for crop, reach in zip(crops, (NEAR, FAR), strict=True):
            dark = np.argwhere(crop < 128)
            low, high = dark.min(axis=0), dark.max(axis=0) + 1
            assert (low + high) / 2 == pytest.approx([CROP_PX / 2] * 2, abs=2.5)
            assert high - low == pytest.approx([CROP_PX / reach] * 2, abs=2.5)


def test_beyond_the_page_lies_paper() -> None:
    page = np.zeros((40, 40), np.uint8)
    (crops,) = crop_boxes(page, np.array([[0, 0, 20, 20]], float))
    assert (crops[0, : CROP_PX // 4 - 1] == 255).all()
    assert (crops[0, CROP_PX // 2 :, CROP_PX // 2 :] == 0).all()


@pytest.mark.parametrize("side", [25, 31])
def test_a_big_square_is_averaged(side: int) -> None:
    noise = np.random.default_rng(side).integers(0, 256, (400, 400)).astype(np.uint8)
    page = np.asarray(cv2.GaussianBlur(noise, (0, 0), 2.0), np.uint8)
    (crops,) = crop_boxes(page, np.array([[180, 180, 180 + side, 180 + side]], float))
    length = round(side * FAR)
    low = round(180 + side / 2 - side * FAR / 2)
    part = page[low : low + length, low : low + length]
    averaged = cv2.resize(part, (CROP_PX, CROP_PX), interpolation=cv2.INTER_AREA)
    assert np.abs(crops[1].astype(int) - averaged).mean() < 0.5


@settings(max_examples=50, deadline=None)
@given(st.tuples(*[st.floats(-300, 300)] * 2), st.tuples(*[st.floats(0.01, 400)] * 2))
def test_any_rectangle_has_its_pictures(
    corner: tuple[float, float], size: tuple[float, float]
) -> None:
    page = np.full((90, 70), 200, np.uint8)
    rect = np.array([[*corner, corner[0] + size[0], corner[1] + size[1]]])
    assert crop_boxes(page, rect).shape == (1, 2, CROP_PX, CROP_PX)
