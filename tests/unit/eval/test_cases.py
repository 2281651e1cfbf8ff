"""Which pages a measure reads."""

import json
from pathlib import Path

import cv2
import numpy as np

from eval.cases import Case, Selection, cases, samples
from eval.measures import MEASURES

DESKEW = MEASURES[1]


def test_pages_are_turned_by_any_angle_for_us_and_a_little_for_everybody(tmp_path: Path) -> None:
    folder, scratch = tmp_path / "set", tmp_path / "scratch"
    folder.mkdir()
    scratch.mkdir()
    names = ["page.png", "other.png", "no_image.png"]
    for name in names[:2]:
        cv2.imwrite(str(folder / name), np.full((60, 40), 255, np.uint8))
    (folder / "no_image.png").write_bytes(b"no image")
    labels = [{"file": name, "skew_degrees": 1.0, "orientation": 90} for name in names]
    (folder / "labels.jsonl").write_text("\n".join(map(json.dumps, labels)), encoding="utf-8")
    selection = Selection(tmp_path, ["set"], part=None, limit=None, compared=2)
    made = list(cases(DESKEW, tmp_path, samples(DESKEW, selection), scratch))
    assert [(case.group.partition(", ")[2], case.compared) for case in made] == [
        ("", True),
        ("turned", False),
        ("turned <10", True),
        ("", False),
        ("turned", False),
        ("", True),
    ]
    page, turned, a_little = made[:3]
    assert (page.label["skew_degrees"], page.label["orientation"]) == (1.0, 90)
    assert abs(a_little.label["skew_degrees"]) <= 10
    assert [shape_of(turned), shape_of(a_little)] == [size_of(turned), size_of(a_little)]


def shape_of(case: Case) -> tuple[int, int]:
    image = cv2.imread(case.page.path, cv2.IMREAD_GRAYSCALE)
    assert image is not None
    height, width = image.shape
    return width, height


def size_of(case: Case) -> tuple[int, int]:
    """Width and height of a sheet of 60 x 40 pixels that lay at 91 degrees, as it lies now."""
    angle = case.label["orientation"] + case.label["skew_degrees"] - 91
    radians = np.radians(angle)
    turn = np.abs([[np.cos(radians), np.sin(radians)], [np.sin(radians), np.cos(radians)]])
    width, height = np.ceil(turn @ [40, 60] - 1e-6).astype(int).tolist()
    return width, height
