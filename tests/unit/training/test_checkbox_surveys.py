"""Survey pages that the checkbox networks are trained on. Runs with the `train` extra."""

from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("faker", reason="pages are composed with the extra `train`")

from faker import Faker

from training.detectors.checkbox_surveys import clear_band, corner_marks, timing_marks
from training.detectors.faces import Faces
from training.detectors.sheet import BoxLabel, LabelledPage, Rect, Sheet


def test_a_cleared_band_takes_its_boxes_along() -> None:
    above: Rect = (10, 10, 20, 20)
    cut: Rect = (40, 40, 20, 20)
    inside: Rect = (80, 60, 20, 20)
    page = LabelledPage(np.zeros((120, 120), np.uint8))
    page.boxes = [BoxLabel(rect, True, False) for rect in (above, cut, inside)]
    clear_band(page, 50, 100)
    assert [box.rect for box in page.boxes] == [above]
    assert page.ignore == [cut]
    rows = np.flatnonzero((page.image == 255).all(axis=1))
    assert (rows[0], rows[-1]) == (50, 99)


def blank_sheet(seed: int) -> Sheet:
    """An empty page of A4; nothing is written on it."""
    faces = Faces((Path("unused.ttf"),), (), (), ())
    page = LabelledPage(np.full((2970, 2100), 255, np.uint8))
    return Sheet(np.random.default_rng(seed), faces, Faker(), page)


@pytest.mark.parametrize("seed", range(12))
def test_a_scanners_marks_stand_at_the_edges_and_are_no_boxes(seed: int) -> None:
    sheet = blank_sheet(seed)
    corner_marks(sheet)
    timing_marks(sheet)
    rows, columns = np.nonzero(sheet.page.image < 128)
    assert len(rows) > 100
    middle = (rows > 400) & (rows < 2570) & (columns > 150) & (columns < 1950)
    assert not middle.any()
    assert not sheet.page.boxes
