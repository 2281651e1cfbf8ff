"""Survey pages: boxes far from each other and from any word, and marks that scanners read.

In the corners and along the edges of such pages stand angles, squares, discs, bars and rows of
code cells by which a scanner finds the page and knows its number: none of them is to be ticked.
"""

from collections.abc import Mapping

import cv2
import numpy as np
from faker import Faker

from training.detectors.blocks import Block, comb_row, heading, paragraph, words
from training.detectors.check_blocks import check_column, check_rows, likert_grid
from training.detectors.checkbox_blocks import wide_grid
from training.detectors.composing import compose
from training.detectors.faces import Faces
from training.detectors.sheet import BoxLabel, LabelledPage, Sheet

BAND_MM = 10.0, 24.0
"""Height of the bands at the top and at the foot that are kept for marks."""
CORNER_MARKS = ("none", "angle", "angle", "square", "solid", "disc", "cross")
SEED_SHIFT = 1 << 62


def survey_page(seed: int, faces: Faces) -> LabelledPage:
    """A page of questions with a scanner's marks in its margins, reproduced by its seed."""
    page = compose(seed, faces, SURVEY_BLOCKS)
    faker = Faker("en_US")
    faker.seed_instance(seed)
    sheet = Sheet(np.random.default_rng(seed + SEED_SHIFT), faces, faker, page)
    clear_band(page, 0, sheet.between(*BAND_MM) * sheet.mm)
    clear_band(page, sheet.height - sheet.between(*BAND_MM) * sheet.mm, sheet.height)
    corner_marks(sheet)
    for foot in (False, True):
        if sheet.chance(0.5):
            page_code(sheet, foot=foot)
    if sheet.chance(0.2):
        timing_marks(sheet)
    return page


def clear_band(page: LabelledPage, top: float, bottom: float) -> None:
    """Leave the page blank from `top` to `bottom`; boxes that are cut in two count as unknown."""
    first, last = round(top), round(bottom)
    page.image[first:last] = 255
    kept: list[BoxLabel] = []
    for box in page.boxes:
        y, height = box.rect[1], box.rect[3]
        if y + height < first - 2 or y > last + 2:
            kept.append(box)
        elif y < first or y + height > last:
            page.ignore.append(box.rect)
    page.boxes = kept


def sparse_rows(sheet: Sheet, y: float) -> float:
    """Questions with a few boxes each, nothing near any of them."""
    size = sheet.between(2.0, 7.0) * sheet.mm
    circle = sheet.chance(0.15)
    columns = int(sheet.rng.integers(1, 7))
    left = sheet.between(8, 110) * sheet.mm
    room = (sheet.width - left - 6 * sheet.mm) / columns
    pitch = max(1.5 * size, min(size * sheet.between(4, 14), room))
    height = size * sheet.between(2.0, 7)
    beside = sheet.chance(0.5)
    rule = sheet.chance(0.25)
    for index in range(int(sheet.rng.integers(2, 8))):
        letters = int(left / (2.2 * sheet.mm)) - 6
        if beside and letters > 3:
            sheet.text(f"{index + 1}. {words(sheet, 6)}"[:letters], 6 * sheet.mm, y, 2.8)
        chosen = int(sheet.rng.integers(columns + 1))
        for column in range(columns):
            x = left + column * pitch
            if x + size < sheet.width - 2 * sheet.mm:
                mark = 0.85 if column == chosen else 0.05
                sheet.checkbox((x, y, size * sheet.between(0.97, 1.06), size), circle, mark=mark)
        y += height
        if rule:
            foot = y - height / 3
            sheet.line(5 * sheet.mm, foot, sheet.width - 5 * sheet.mm, foot, 0.15)
    return y + 3 * sheet.mm


def corner_marks(sheet: Sheet) -> None:
    """One kind of mark in each of the page's corners."""
    kind = sheet.choice(CORNER_MARKS)
    size = sheet.between(2, 9) * sheet.mm
    weight = sheet.between(0.2, 1.3)
    margin = sheet.between(2, 14) * sheet.mm
    inwards = 1 if sheet.chance(0.7) else -1
    for right in (False, True):
        for foot in (False, True):
            if sheet.chance(0.08):
                continue
            x = sheet.width - margin if right else margin
            y = sheet.height - margin if foot else margin
            along, down = inwards * size * (1 - 2 * right), inwards * size * (1 - 2 * foot)
            low = min(x, x + along), min(y, y + down)
            if kind == "angle":
                sheet.line(x, y, x + along, y, weight)
                sheet.line(x, y, x, y + down, weight)
            elif kind == "square":
                sheet.frame((*low, size, size), weight)
                if sheet.chance(0.3):
                    sheet.frame((*_inset(low, size), size / 2, size / 2), weight)
            elif kind == "solid":
                sheet.ink(np.full((round(size), round(size)), 255, np.uint8), *low, 0.95)
            elif kind == "disc":
                sheet.oval((*low, size, size), weight, filled=sheet.chance(0.6))
            elif kind == "cross":
                sheet.line(x - size / 2, y, x + size / 2, y, weight)
                sheet.line(x, y - size / 2, x, y + size / 2, weight)


def _inset(low: tuple[float, float], size: float) -> tuple[float, float]:
    return low[0] + size / 4, low[1] + size / 4


def page_code(sheet: Sheet, *, foot: bool) -> None:
    """Cells in a row or two, black or empty, mostly between rules; a bar code; or a page number."""
    y = sheet.between(2, 12) * sheet.mm
    if foot:
        y = sheet.height - y - 5 * sheet.mm
    kind = sheet.choice(("cells", "cells", "bars", "matrix", "number"))
    x = sheet.between(15, 150) * sheet.mm
    if kind == "cells":
        _code_cells(sheet, x, y)
    elif kind == "number":
        sheet.text(sheet.faker.numerify("[%#]  # / #"), x, y, sheet.between(2.2, 4))
    else:
        cells = sheet.rng.random((12, 12) if kind == "matrix" else (1, 60)) < 0.5
        side = sheet.between(6, 11) * sheet.mm
        shape = round(side * (1 if kind == "matrix" else 4)), round(side)
        grid = cells.astype(np.uint8) * 255
        mask = np.asarray(cv2.resize(grid, shape, interpolation=cv2.INTER_NEAREST), np.uint8)
        sheet.ink(mask, x, y, 0.95)


def _code_cells(sheet: Sheet, x: float, y: float) -> None:
    """Up to twenty cells of a code, touching or apart, some outlined."""
    size = sheet.between(1.8, 5) * sheet.mm
    pitch = size * sheet.choice((1.0, 1.0, 1.3, 2.0))
    count, rows = int(sheet.rng.integers(4, 21)), 1 + sheet.chance(0.25)
    outlined, ruled = sheet.chance(0.5), sheet.chance(0.6)
    weight = sheet.between(0.12, 0.5)
    solid = np.full((round(size), round(size)), 255, np.uint8)
    for row in range(rows):
        for index in range(count):
            place = x + index * pitch, y + row * pitch
            if sheet.chance(0.45):
                sheet.ink(solid, *place, 0.95)
            elif outlined:
                sheet.frame((*place, size, size), weight)
    if ruled:
        for edge in (y, y + (rows - 1) * pitch + size):
            sheet.line(x - size, edge, x + count * pitch + size, edge, weight)


def timing_marks(sheet: Sheet) -> None:
    """Short black bars down one edge, one for each row of answers."""
    width, height = sheet.between(1.5, 6) * sheet.mm, sheet.between(1, 4) * sheet.mm
    bar = np.full((max(1, round(height)), round(width)), 255, np.uint8)
    x = sheet.between(1, 4) * sheet.mm
    x = sheet.width - x - width if sheet.chance(0.5) else x
    y, step = sheet.between(25, 60) * sheet.mm, height * sheet.between(1.8, 4)
    while y < sheet.height - 25 * sheet.mm:
        sheet.ink(bar, x, y, 0.95)
        y += step


SURVEY_BLOCKS: Mapping[Block, float] = {
    sparse_rows: 3.0,
    wide_grid: 1.5,
    likert_grid: 1.0,
    check_column: 0.8,
    check_rows: 0.4,
    heading: 0.5,
    paragraph: 0.6,
    comb_row: 0.3,
}
