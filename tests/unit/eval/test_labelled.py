"""Labelled pages set upright."""

import json
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from eval.labelled import bounds, read_pages


def write_set(folder: Path, **label: Any) -> None:
    """A page of 60 x 100 px with a black rectangle at x 10, y 20, 8 px wide and 5 px high."""
    image = np.full((100, 60), 255, np.uint8)
    image[20:25, 10:18] = 0
    quarters = label.get("orientation", 0) // 90
    cv2.imwrite(str(folder / "page.png"), np.rot90(image, -quarters))
    line = {"file": "page.png", "checkboxes": [{"bbox": [10, 20, 8, 5], "checked": True}], **label}
    (folder / "labels.jsonl").write_text(json.dumps(line) + "\n", encoding="utf-8")


@pytest.mark.parametrize(
    ("orientation", "bbox"),
    [(0, [10, 20, 8, 5]), (90, [75, 10, 5, 8]), (180, [42, 75, 8, 5]), (270, [20, 42, 5, 8])],
)
def test_a_turned_page_comes_upright_with_its_boxes(
    tmp_path: Path, orientation: int, bbox: list[float]
) -> None:
    write_set(tmp_path, orientation=orientation, checkboxes=[{"bbox": bbox, "checked": True}])
    (page,) = read_pages(tmp_path, "checkboxes")
    assert page.image.shape == (100, 60)
    assert page.image[20:25, 10:18].max() == 0
    assert page.truth.rects.tolist() == [[10, 20, 8, 5]]


def test_a_stretched_page_gets_its_shape_back(tmp_path: Path) -> None:
    write_set(tmp_path, stretched=True, ignore=[[0, 0, 60, 100]])
    (page,) = read_pages(tmp_path, "checkboxes")
    assert page.image.shape == (round(60 * 11 / 8.5), 60)
    assert page.truth.ignore[0] == pytest.approx([0, 0, 60, 60 * 11 / 8.5])


def test_pages_that_are_not_labelled_so_are_left_out(tmp_path: Path) -> None:
    write_set(tmp_path)
    assert list(read_pages(tmp_path, "signatures")) == []


def test_rectangles_around_quads() -> None:
    quad = np.array([[9.5, 19.5], [17.5, 19.5], [17.5, 24.5], [9.5, 24.5]])
    assert bounds([quad]).tolist() == [[10, 20, 8, 5]]
    assert bounds([]).shape == (0, 4)
