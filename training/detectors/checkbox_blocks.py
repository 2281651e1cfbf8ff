"""Blocks for the checkbox detector alone: boxes as odd forms print them, and what resembles them.

The decoys are what the first detector took for boxes on real forms: line numbers in frames, arrow
heads, single letters, icons, hand-drawn loops, crosses typed beside no box, figures and headings
that run sideways.
"""

from collections.abc import Mapping

import cv2
import numpy as np

from training.detectors.blocks import Block, words
from training.detectors.sheet import Sheet
from training.detectors.strokes import Mask, Random, draw_path, glide, trim


def tiny_rows(sheet: Sheet, y: float) -> float:
    """Boxes of less than 2.4 mm in rows of small print, as on forms copied at half size."""
    size = sheet.between(1.4, 2.4) * sheet.mm
    text_mm = sheet.between(1.7, 2.6)
    circle = sheet.chance(0.15)
    mark = sheet.choice((0.1, 0.4, 0.8))
    for _ in range(int(sheet.rng.integers(1, 7))):
        x = sheet.between(8, 60) * sheet.mm
        while x < sheet.width - 25 * sheet.mm:
            sheet.checkbox((x, y, size * sheet.between(0.95, 1.3), size), circle, mark=mark)
            x += size * 1.5
            _, _, w, _ = sheet.text(words(sheet, int(sheet.rng.integers(1, 4))), x, y, text_mm)
            x += w + sheet.between(1.5, 25) * sheet.mm
        y += max(size, text_mm * sheet.mm) + sheet.between(0.5, 4) * sheet.mm
    return y + 2 * sheet.mm


def captioned_cells(sheet: Sheet, y: float) -> float:
    """Narrow ruled cells with a small caption and, close below it, boxes hemmed in by their words.

    So print claim forms: `SEX  M [ ]  F [ ]`, the words before the boxes as often as behind.
    """
    left, right = sheet.between(4, 20) * sheet.mm, sheet.width - sheet.between(4, 20) * sheet.mm
    text_mm = sheet.between(1.8, 2.8)
    size = text_mm * sheet.between(0.9, 1.6) * sheet.mm
    before = sheet.chance(0.5)
    for _ in range(int(sheet.rng.integers(1, 5))):
        height = size + text_mm * sheet.mm * sheet.between(1.3, 2.2)
        x = left
        while x < right - 12 * sheet.mm:
            width = min(sheet.between(14, 70) * sheet.mm, right - x)
            sheet.frame((x, y, width, height), sheet.between(0.12, 0.3))
            room = max(1, int(width / (text_mm * sheet.mm) * 1.5))
            sheet.text(words(sheet, 4).upper()[:room], x + 2, y + 2, text_mm * 0.8)
            at, end = x + sheet.between(0.5, 4) * sheet.mm, x + width - 1.2 * size
            while at < end - size and sheet.chance(0.85):
                label = sheet.choice(("YES", "NO", "M", "F", "Self", "Other", "(ID)", "SSN"))
                foot = y + height - size - 0.15 * text_mm * sheet.mm
                gap = sheet.between(0.05, 0.35) * size
                if before:
                    at += sheet.text(label, at, foot + 0.2 * size, text_mm)[2] + gap
                if at > end:
                    break
                sheet.checkbox((at, foot, size, size), False, mark=0.35)
                at += size + gap
                if not before:
                    at += sheet.text(label, at, foot + 0.2 * size, text_mm)[2]
                at += sheet.between(0.3, 4) * size
            x += width
        y += height
    return y + 2 * sheet.mm


def boxed_cells(sheet: Sheet, y: float) -> float:
    """A ruled table with a box in some cells, some of them grown together with the rules."""
    columns, rows = int(sheet.rng.integers(2, 7)), int(sheet.rng.integers(1, 7))
    size = sheet.between(1.8, 4.5) * sheet.mm
    left = sheet.between(6, 60) * sheet.mm
    cell_w = min(sheet.between(8, 40) * sheet.mm, (sheet.width - left - 4 * sheet.mm) / columns)
    cell_w = max(cell_w, size * 1.6)
    cell_h = size * sheet.between(1.2, 2.4)
    touching = sheet.chance(0.3)
    indent = 0.0 if touching else sheet.between(0.15, 0.35) * size
    for row in range(rows):
        for column in range(columns):
            x, top = left + column * cell_w, y + row * cell_h
            sheet.frame((x, top, cell_w, cell_h), sheet.between(0.15, 0.3))
            if sheet.chance(0.7):
                box_top = top + (cell_h - size if touching else (cell_h - size) / 2)
                sheet.checkbox((x + indent, box_top, size, size), False, mark=0.3)
                room = int((cell_w - size * 1.5) / (1.8 * sheet.mm))
                text = words(sheet, 2)[: max(0, room)]
                sheet.text(text, x + indent + size * 1.3, top + cell_h * 0.3, 2.3)
    return y + rows * cell_h + 3 * sheet.mm


def wide_grid(sheet: Sheet, y: float) -> float:
    """Boxes far apart in rows and columns, as in surveys: no word stands next to them."""
    size = sheet.between(2.2, 6.5) * sheet.mm
    circle = sheet.chance(0.25)
    columns = int(sheet.rng.integers(2, 8))
    left = sheet.between(8, 80) * sheet.mm
    pitch = min(size * sheet.between(3, 10), (sheet.width - left - 4 * sheet.mm) / columns)
    height = size * sheet.between(1.4, 5)
    ruled, lines = sheet.chance(0.3), sheet.chance(0.3)
    mark = sheet.choice((0.1, 0.3))
    if sheet.chance(0.7):
        for column in range(columns):
            room = max(1, int(pitch / (1.6 * sheet.mm)))
            sheet.text(words(sheet, 1)[:room], left + column * pitch + 2, y, 2.6)
        y += 5 * sheet.mm
    for _ in range(int(sheet.rng.integers(2, 7))):
        for column in range(columns):
            x = left + column * pitch
            if ruled:
                sheet.frame((x, y, pitch, height), 0.2)
            place = x + (pitch - size) / 2, y + (height - size) / 2, size, size
            sheet.checkbox(place, circle, mark=mark)
        room = int(left / (2.2 * sheet.mm)) - 4
        sheet.text(words(sheet, 4)[: max(1, room)], 5 * sheet.mm, y + height * 0.4, 2.8)
        if lines:
            sheet.line(5 * sheet.mm, y, left + columns * pitch, y, 0.15)
        y += height
    return y + 3 * sheet.mm


def register_marks(sheet: Sheet, y: float) -> float:
    """What scanners find a form by: angles in the corners, squares, discs, rows of code cells."""
    kind = sheet.choice(("angle", "angle", "square", "disc", "code"))
    size = sheet.between(2, 9) * sheet.mm
    width_mm = sheet.between(0.2, 1.2)
    for right in (False, True):
        margin = sheet.between(4, 18) * sheet.mm
        x = sheet.width - margin if right else margin
        if kind == "angle":
            down = sheet.chance(0.5)
            end = x - size if right else x + size
            sheet.line(x, y if down else y + size, end, y if down else y + size, width_mm)
            sheet.line(x, y, x, y + size, width_mm)
        elif kind == "square":
            sheet.ink(np.full((round(size), round(size)), 255, np.uint8), x - size * right, y, 0.95)
        elif kind == "disc":
            sheet.oval((x - size * right, y, size, size), width_mm, filled=sheet.chance(0.7))
        else:
            cell = size * 0.5
            for index in range(int(sheet.rng.integers(4, 17))):
                place = x + (-1 if right else 1) * index * cell - cell * right
                if sheet.chance(0.5):
                    ink = np.full((round(cell), round(cell)), 255, np.uint8)
                    sheet.ink(ink, place, y, 0.95)
                elif sheet.chance(0.3):
                    sheet.frame((place, y, cell, cell), 0.15)
    return y + size * sheet.between(0.5, 1.5)


def numbered_cells(sheet: Sheet, y: float) -> float:
    """Line numbers and codes in small frames beside fields: `[97]`, `[66F]`, `[3]`."""
    height = sheet.between(2.8, 6.5) * sheet.mm
    weight = sheet.between(0.15, 0.5)
    for _ in range(int(sheet.rng.integers(1, 8))):
        x = sheet.between(6, 150) * sheet.mm
        code = sheet.choice(("#", "##", "##", "##?", "##", "?")).replace("##", "%#")
        code = sheet.faker.bothify(code).upper()
        text_mm = height / sheet.mm * sheet.between(0.55, 0.85)
        mask = sheet.lettering(code, text_mm * sheet.mm)
        width = max(height, mask.shape[1] + 0.4 * height)
        if sheet.chance(0.85):
            sheet.frame((x, y, width, height), weight)
        sheet.ink(mask, x + (width - mask.shape[1]) / 2, y + (height - mask.shape[0]) / 2)
        value = sheet.faker.numerify("%##,###") if sheet.chance(0.6) else words(sheet, 4)
        sheet.text(value, x + width + sheet.mm, y + 0.2 * height, text_mm)
        y += height * sheet.choice((1.0, 1.05, 1.5))
    return y + 3 * sheet.mm


def arrow_heads(sheet: Sheet, y: float) -> float:
    """Solid triangles, as forms print before their lines, with numbers behind them."""
    size = sheet.between(2, 5) * sheet.mm
    for _ in range(int(sheet.rng.integers(1, 6))):
        x = sheet.between(8, 180) * sheet.mm
        down = sheet.chance(0.3)
        corners = [(0.0, 0.0), (size, 0.0), (size / 2, size)]
        points = np.array(corners if down else [(b, a) for a, b in corners]) + np.array([x, y])
        cv2.fillPoly(sheet.page.image, [points.round().astype(np.int32)], 30, cv2.LINE_AA)
        sheet.text(sheet.faker.numerify("%#."), x + 1.6 * size, y, size / sheet.mm * 0.9)
        y += size * sheet.between(1.2, 3)
    return y + 2 * sheet.mm


def lettered_list(sheet: Sheet, y: float) -> float:
    """Items behind single letters and figures: `E.`, `(b)`, `G`, `0`."""
    size = sheet.between(2.4, 4.5)
    left = sheet.between(8, 160) * sheet.mm
    form = sheet.choice(("{}.", "({})", "{}", "{})", "[{}]"))
    for _ in range(int(sheet.rng.integers(2, 9))):
        letter = sheet.choice("ABCDEFGOQ0368BbDdeo")
        sheet.text(form.format(letter), left, y, size)
        if sheet.chance(0.6):
            sheet.text(words(sheet, 4)[:40], left + size * 2 * sheet.mm, y, size)
        y += size * sheet.mm * sheet.between(1.3, 2.6)
    return y + 2 * sheet.mm


def icon_row(sheet: Sheet, y: float) -> float:
    """Buttons and icons: framed or ringed glyphs, clouds of lines, rounded plates."""
    size = sheet.between(3.5, 9) * sheet.mm
    x = sheet.between(8, 40) * sheet.mm
    while x < sheet.width - 20 * sheet.mm:
        rect = x, y, size, size
        inner = x + size * 0.25, y + size * 0.25, size * 0.5, size * 0.5
        kind = sheet.choice(("ring", "plate", "pages", "none"))
        if kind == "ring":
            sheet.oval(rect, sheet.between(0.2, 0.6), filled=sheet.chance(0.3))
        elif kind == "plate":
            sheet.frame((x - size * 0.4, y - size * 0.1, size * 1.8, size * 1.5), 0.3)
        elif kind == "pages":
            for step in range(3):
                sheet.frame((x + step * size * 0.12, y + step * size * 0.12, size, size), 0.2)
        glyph = sheet.choice("i?!xR@&%8BOSCG")
        if sheet.chance(0.7):
            sheet.text(glyph, inner[0], inner[1], size / sheet.mm * 0.6)
        else:
            sheet.oval(inner, 0.25)
        x += sheet.between(1.5, 8) * size
    return y + size * 1.6 + 2 * sheet.mm


def drawn_loops(sheet: Sheet, y: float) -> float:
    """Single loops, rings and curls of a pen on empty paper."""
    size = sheet.between(2, 7) * sheet.mm
    for _ in range(int(sheet.rng.integers(1, 5))):
        sheet.ink(
            _loop(sheet.rng, size), sheet.between(5, 190) * sheet.mm, y, sheet.between(0.4, 1)
        )
    return y + 1.3 * size


def _loop(rng: Random, size: float) -> Mask:
    """One loop of about `size` pixels."""
    turns = np.linspace(0, 2 * np.pi * rng.uniform(0.7, 1.6), int(rng.integers(6, 10)))
    radii = size / 2 * rng.uniform(0.7, 1.2, len(turns))
    targets = np.column_stack([np.cos(turns) * radii, np.sin(turns) * radii]) + 2 * size
    mask = np.zeros((int(4 * size), int(4 * size)), np.uint8)
    draw_path(mask, glide(rng, targets), max(1, round(size * rng.uniform(0.04, 0.15))))
    return trim(mask)


def typed_crosses(sheet: Sheet, y: float) -> float:
    """Crosses typed in blanks and brackets: marks, but no boxes."""
    size = sheet.between(2.4, 4.2)
    for _ in range(int(sheet.rng.integers(1, 6))):
        x = sheet.between(8, 120) * sheet.mm
        blank = sheet.choice(("(X)", "( )", "[X]", "__X__", "_____", "X", "x", "(  )"))
        _, _, w, _ = sheet.text(blank, x, y, size)
        sheet.text(words(sheet, 3), x + w + 2 * sheet.mm, y, size)
        y += size * sheet.mm * sheet.between(1.3, 2.2)
    return y + 2 * sheet.mm


def sideways_heading(sheet: Sheet, y: float) -> float:
    """Big bold words, and archive numbers, up or down the page."""
    size = sheet.between(3, 9) * sheet.mm
    text = sheet.faker.numerify("########") if sheet.chance(0.4) else words(sheet, 3)
    face = sheet.choice(sheet.faces.printed)
    mask = np.ascontiguousarray(
        np.rot90(sheet.lettering(text, size, face), sheet.choice((1, 1, 3)))
    )
    sheet.ink(mask, sheet.between(1, 198) * sheet.mm, y, sheet.between(0.6, 1.0))
    return y + float(mask.shape[0]) * sheet.between(0.0, 1.0)


def black_plates(sheet: Sheet, y: float) -> float:
    """White letters on black bars, across or down the page, and solid squares for scanners."""
    size = sheet.between(3, 8) * sheet.mm
    if sheet.chance(0.3):
        for _ in range(int(sheet.rng.integers(1, 4))):
            square = np.full((round(size), round(size * sheet.between(0.9, 1.1))), 255, np.uint8)
            sheet.ink(square, sheet.between(2, 195) * sheet.mm, y, sheet.between(0.8, 1.0))
        return y + size + 2 * sheet.mm
    text = words(sheet, int(sheet.rng.integers(1, 4)))
    text = text.upper() if sheet.chance(0.6) else text
    if sheet.chance(0.3):
        letters = [sheet.lettering(letter, size * 0.7) for letter in text[:14] if letter != " "]
        plate = np.full((round(size * len(letters)) + 4, round(size)), 255, np.uint8)
        for index, letter in enumerate(letters):
            _engrave(plate, letter, index * size + 0.15 * size, (size - letter.shape[1]) / 2)
    else:
        mask = sheet.lettering(text, size * 0.75)
        room = (
            mask.shape[0] + round(size * 0.5),
            mask.shape[1] + round(size * sheet.between(0.3, 2)),
        )
        plate = np.full(room, 255, np.uint8)
        _engrave(plate, mask, size * 0.2, size * 0.15)
        if sheet.chance(0.4):
            plate = np.ascontiguousarray(np.rot90(plate, sheet.choice((1, 3))))
    sheet.ink(plate, sheet.between(4, 120) * sheet.mm, y, sheet.between(0.7, 1.0))
    return y + float(plate.shape[0]) * sheet.between(0.6, 1.0) + 2 * sheet.mm


def _engrave(plate: Mask, letter: Mask, y: float, x: float) -> None:
    """Leave a letter out of a plate's ink."""
    top, left = max(0, round(y)), max(0, round(x))
    part = plate[top : top + letter.shape[0], left : left + letter.shape[1]]
    part -= np.minimum(part, letter[: part.shape[0], : part.shape[1]])


def ticked_lines(sheet: Sheet, y: float) -> float:
    """Printed ticks, bulls' eyes and pointing signs before lines, with no box about them."""
    size = sheet.between(2.4, 6)
    sign = sheet.choice("✓✓✔✗☞●◉◆★⊗")
    face = next((path for path in sheet.faces.printed if path.stem == "DejaVuSans"), None)
    for _ in range(int(sheet.rng.integers(1, 6))):
        x = sheet.between(8, 120) * sheet.mm
        _, _, w, _ = sheet.text(sign, x, y, size, face)
        sheet.text(words(sheet, 5), x + w + sheet.between(0.2, 2) * sheet.mm, y, size * 0.9)
        y += size * sheet.mm * sheet.between(1.3, 2.5)
    return y + 2 * sheet.mm


def blank_cells(sheet: Sheet, y: float) -> float:
    """Small framed rectangles to write in, too wide or too tall to tick."""
    for _ in range(int(sheet.rng.integers(1, 5))):
        height = sheet.between(3, 7) * sheet.mm
        width = height * (sheet.between(1.9, 4) if sheet.chance(0.8) else sheet.between(0.25, 0.5))
        x = sheet.between(10, 170) * sheet.mm
        sheet.frame((x, y, width, height), sheet.between(0.15, 0.4))
        if sheet.chance(0.4):
            value = sheet.faker.numerify(sheet.choice(("%", "%#", "%##")))
            sheet.text(value, x + width * 0.3, y + height * 0.2, height / sheet.mm * 0.7)
        sheet.text(words(sheet, 3), x + width + sheet.mm, y + height * 0.2, 2.8)
        y += height * sheet.between(1.0, 1.8)
    return y + 2 * sheet.mm


BOX_BLOCKS: Mapping[Block, float] = {
    tiny_rows: 1.0,
    boxed_cells: 1.0,
    captioned_cells: 1.0,
    wide_grid: 1.0,
}
DECOY_BLOCKS: Mapping[Block, float] = {
    numbered_cells: 0.9,
    arrow_heads: 0.3,
    lettered_list: 0.6,
    icon_row: 0.3,
    drawn_loops: 0.5,
    typed_crosses: 0.4,
    sideways_heading: 0.9,
    black_plates: 0.5,
    ticked_lines: 0.4,
    blank_cells: 0.5,
    register_marks: 0.7,
}
