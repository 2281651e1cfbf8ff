"""Parts of composed documents with boxes to tick: rows, columns, answer grids."""

from collections.abc import Mapping

import numpy as np

from training.detectors.blocks import Block, words
from training.detectors.sheet import Rect, Sheet

QUESTIONS = ("Yes", "No", "N/A", "Other", "Male", "Female", "Single", "Married", "I agree", "None")


def _box_rect(sheet: Sheet, x: float, y: float, size: float, circle: bool) -> Rect:
    """A box's rectangle: mostly as wide as high, some wider."""
    wide = sheet.between(1.0, 1.75) if sheet.chance(0.15) else sheet.between(0.95, 1.08)
    return x, y, size * (max(1.0, wide) if circle else wide), size


def check_rows(sheet: Sheet, y: float) -> float:
    """Boxes in a row, each before or behind its word, the next row close below."""
    size = sheet.between(1.9, 6.5) * sheet.mm
    circle = sheet.chance(0.3)
    mark = sheet.choice((0.1, 0.4, 0.8))
    text_mm = float(np.clip(size / sheet.mm * sheet.between(0.6, 1.1), 2.2, 5))
    before = sheet.chance(0.8)
    for _ in range(int(sheet.rng.integers(1, 7))):
        x = sheet.between(8, 50) * sheet.mm
        if sheet.chance(0.4):
            _, _, w, _ = sheet.text(words(sheet, 5)[:45], x, y + size * 0.1, text_mm)
            x += w + sheet.between(2, 20) * sheet.mm
        while x < sheet.width - 25 * sheet.mm:
            label = sheet.choice(QUESTIONS) if sheet.chance(0.5) else words(sheet, 2)
            gap = sheet.between(0.5, 2.5) * sheet.mm
            if not before:
                _, _, w, _ = sheet.text(label, x, y + size * 0.1, text_mm)
                x += w + gap
            rect = _box_rect(sheet, x, y, size, circle)
            sheet.checkbox(rect, circle, mark=mark)
            x += rect[2] + gap
            if before:
                _, _, w, _ = sheet.text(label, x, y + size * 0.1, text_mm)
                x += w
            x += sheet.between(1.5, 30) * sheet.mm
        y += max(size, text_mm * sheet.mm) + sheet.between(0.6, 5) * sheet.mm
    return y + 2 * sheet.mm


def check_column(sheet: Sheet, y: float) -> float:
    """A column of boxes with their sentences, as in declarations and option lists."""
    size = sheet.between(1.9, 6) * sheet.mm
    circle = sheet.chance(0.25)
    x = sheet.between(8, 120) * sheet.mm
    step = size + sheet.between(0.3, 5) * sheet.mm
    leader = sheet.chance(0.25)
    for _ in range(int(sheet.rng.integers(2, 9))):
        rect = _box_rect(sheet, x, y, size, circle)
        sheet.checkbox(rect, circle)
        if leader:
            sheet.text("." * 20, x + size * 1.5, y + size * 0.3, 3)
        else:
            text = words(sheet, int(sheet.rng.integers(1, 8)))
            room = int((sheet.width - x) / (2 * sheet.mm)) - 6
            sheet.text(text[: max(4, room)], x + size * 1.5, y + size * 0.1, 3)
        y += step
    return y + 2 * sheet.mm


def likert_grid(sheet: Sheet, y: float) -> float:
    """Statements with a row of boxes each, in ruled cells or free, sometimes lettered inside."""
    size = sheet.between(2.2, 7) * sheet.mm
    circle = sheet.chance(0.35)
    letters = sheet.choice(("", "", "", "ABCDEFGH", "12345678"))
    ruled = sheet.chance(0.4)
    columns = int(sheet.rng.integers(2, 8))
    left = sheet.between(10, 90) * sheet.mm
    pitch = min(size * sheet.between(1.3, 4), (sheet.width - left - 5 * sheet.mm) / columns)
    size = min(size, pitch * 0.85)
    height = size * sheet.between(1.15, 2.2)
    for index in range(int(sheet.rng.integers(2, 9))):
        room = int(left / (2.2 * sheet.mm)) - 4
        text = f"{index + 1}. {words(sheet, 6)}"
        sheet.text(text[: max(2, room)], 6 * sheet.mm, y + height * 0.3, 2.8)
        chosen = int(sheet.rng.integers(columns))
        for column in range(columns):
            x = left + column * pitch
            if ruled:
                sheet.frame((x, y, pitch, height), 0.2)
            rect = _box_rect(
                sheet, x + (pitch - size) / 2, y + (height - size) / 2, size * 0.98, circle
            )
            letter = letters[column] if letters else ""
            sheet.checkbox(rect, circle, letter, 0.85 if column == chosen else 0.06)
        y += height
    return y + 4 * sheet.mm


CHECK_BLOCKS: Mapping[Block, float] = {check_rows: 2.0, check_column: 1.2, likert_grid: 1.4}
