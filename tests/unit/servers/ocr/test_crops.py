import cv2
import numpy as np
import pytest

from servers.ocr.crops import HEIGHT, STEP, cut_out, stacked_rows, ways_to_read
from tests.unit.servers.ocr.pages import draw


def box(left: float, top: float, right: float, bottom: float) -> np.ndarray:
    return np.array([[left, top], [right, top], [right, bottom], [left, bottom]], np.float64)


def test_rows_that_stand_above_each_other_are_a_way_to_read_a_tall_box() -> None:
    page, words = draw(("3", "8", "4"), size=20, width=120, height=200)
    left, top = np.min([word.box[:2] for word in words], axis=0) - 4
    right, bottom = np.max([word.box[2:] for word in words], axis=0) + 4
    colour = np.stack([page] * 3, axis=2)
    rows = stacked_rows(colour, box(left, top, right, bottom))
    assert len(rows) == 3
    for row, word in zip(rows, words, strict=True):
        assert row[0, 1] == pytest.approx(word.box[1], abs=8)
        assert row[2, 1] == pytest.approx(word.box[3], abs=8)
    assert any(len(way) == 3 for way in ways_to_read(colour, box(left, top, right, bottom)))


def test_a_line_that_runs_up_the_page_is_no_stack_when_it_is_one_stroke() -> None:
    page = np.full((300, 60, 3), 255, np.uint8)
    cv2.line(page, (30, 20), (30, 280), (0, 0, 0), 8)
    assert stacked_rows(page, box(15, 10, 45, 290)) == []


def test_a_wide_box_is_one_line() -> None:
    page = np.full((100, 300, 3), 255, np.uint8)
    ((line,),) = ways_to_read(page, box(10, 10, 290, 40))
    assert len(line.pieces) == 1


@pytest.mark.parametrize("height", [10, 40, 100, 300])
def test_a_crop_has_the_networks_height_and_whole_steps(height: int) -> None:
    page = np.full((400, 900, 3), 255, np.uint8)
    crop = cut_out(page, box(5, 5, 5 + 2.9 * height, 5 + height))
    assert crop.shape[0] == HEIGHT
    assert crop.shape[1] % STEP == 0
