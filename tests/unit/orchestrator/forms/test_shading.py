"""Combs whose cells stand in grey frames: the frames go, print and writing are told from them."""

from pathlib import Path

import cv2
import numpy as np
import pytest

from meshkit.model import Image
from orchestrator.forms.alignment import Alignment
from orchestrator.forms.blank import INK_DPI, BlankPage
from orchestrator.forms.definition import FieldDefinition, ValueType
from orchestrator.forms.frame import POINTS_PER_INCH, Rect
from orchestrator.forms.marks import Ink
from orchestrator.forms.overlay import Overlay
from orchestrator.forms.shading import print_of, shading_of
from orchestrator.forms.sheet import make_sheet

SCALE = INK_DPI / POINTS_PER_INCH
WIDTH, HEIGHT = 360.0, 180.0
COMB = Rect(30.0, 60.0, 150.0, 84.0)
CELLS, GREY = 5, 172


def blank_picture() -> Image:
    """White paper, a line of print, and a comb: white cells in a grey frame four points wide."""
    picture = np.full((round(HEIGHT * SCALE), round(WIDTH * SCALE)), 255, np.uint8)
    cv2.putText(picture, "Printed above", (60, 60), cv2.FONT_HERSHEY_SIMPLEX, 0.7, 0, 2)
    left, top, right, bottom = _pixels(COMB.grown(4, 4))
    picture[top:bottom, left:right] = GREY
    for cell in cells():
        left, top, right, bottom = _pixels(cell)
        picture[top:bottom, left:right] = 255
    return picture


def cells() -> list[Rect]:
    width = COMB.width / CELLS
    lefts = [COMB.left + width * place for place in range(CELLS)]
    return [Rect(left + 2, COMB.top + 2, left + width - 2, COMB.bottom - 2) for left in lefts]


def _pixels(zone: Rect) -> tuple[int, int, int, int]:
    left, top, right, bottom = (
        round(side * SCALE) for side in (zone.left, zone.top, zone.right, zone.bottom)
    )
    return left, top, right, bottom


def written(picture: Image, letters: str) -> Image:
    page = picture.copy()
    for letter, cell in zip(letters, cells(), strict=False):
        x, y = round((cell.left + 4) * SCALE), round((cell.bottom - 3) * SCALE)
        cv2.putText(page, letter, (x, y), cv2.FONT_HERSHEY_SIMPLEX, 0.8, 30, 2)
    return page


@pytest.fixture
def blank(tmp_path: Path) -> BlankPage:
    path = tmp_path / "blank.png"
    cv2.imwrite(str(path), blank_picture())
    return BlankPage(1, WIDTH, HEIGHT, (), path)


@pytest.fixture
def lying_still() -> Alignment:
    none = np.zeros((0, 2))
    return Alignment(np.diag([SCALE, SCALE, 1.0]), 10, 0.0, 1.0, 1.0, none, none)


def test_print_and_shading_are_told_apart() -> None:
    picture = blank_picture()
    shading = shading_of(picture)
    left, top, right, bottom = _pixels(COMB)
    assert (shading[top - 3, left:right] == GREY).all()
    assert (shading[30:70, 50:300] == 255).mean() > 0.95
    printed = print_of(picture, shading, 0.75)
    assert printed[30:70, 50:300].any()
    assert not printed[top - 6 : bottom + 6, left - 6 : right + 6].any()


@pytest.mark.parametrize("shift", [0, 1])
def test_sheet_shows_letters_without_the_frame(
    blank: BlankPage, lying_still: Alignment, shift: int
) -> None:
    zone = [COMB.left, COMB.top, COMB.width, COMB.height]
    comb = FieldDefinition(name="code", type=ValueType.TEXT, zone=zone, cells=CELLS)
    page = np.roll(written(blank_picture(), "HTLXE"), shift, axis=1)
    sheet = make_sheet([comb], Overlay(page, blank, lying_still))
    assert sheet is not None
    ((_, top, bottom),) = sheet.rows
    row = sheet.image[top:bottom]
    # Nothing grey is left, and what is dark falls into five letters.
    inked = np.flatnonzero(np.diff((row < 120).any(axis=0).astype(np.int8)) == 1)
    assert len(inked) == len("HTLXE")
    assert ((row > 120) & (row < 200)).mean() < 0.05


def test_ink_is_seen_between_grey_frames(blank: BlankPage, lying_still: Alignment) -> None:
    first, *others = cells()
    ink = Ink(Overlay(written(blank_picture(), "T"), blank, lying_still))
    assert ink.area(first.grown(2, 2)) > 6
    assert all(ink.area(cell.grown(2, 2)) == 0 for cell in others)


def test_ink_is_seen_on_grey(blank: BlankPage, lying_still: Alignment) -> None:
    page = blank_picture()
    left, top, _, _ = _pixels(COMB.grown(4, 4))
    frame = Rect(COMB.left, COMB.top - 4, COMB.right, COMB.top)
    assert Ink(Overlay(page, blank, lying_still)).share(frame) == 0
    page[top + 2 : top + 6, left + 40 : left + 80] = 20
    assert Ink(Overlay(page, blank, lying_still)).share(frame) > 0.1


def test_a_scan_in_black_and_white_has_no_shading(blank: BlankPage, lying_still: Alignment) -> None:
    page = np.where(written(blank_picture(), "T") < 200, 0, 255).astype(np.uint8)
    overlay = Overlay(page, blank, lying_still)
    assert (overlay.shading == 255).all()
    # The frame is print then: empty cells are empty.
    assert all(Ink(overlay).area(cell.grown(2, 2)) == 0 for cell in cells()[1:])
