"""Finds the places to fill in on a blank page without fields of its own: cells of a grid, rules to
write on, small boxes to tick.
"""

from collections.abc import Iterator, Sequence
from dataclasses import replace

import cv2
import numpy as np
from numpy.typing import NDArray

from meshkit.model import Image
from orchestrator.forms.definition import ValueType
from orchestrator.forms.draft import DraftField, Labels, guess_type, snake, with_single_names
from orchestrator.forms.frame import Rect
from orchestrator.forms.pdf_form import PdfPage, PrintedWord

_LONG_RULE = 24.0
"""Points from which on a stroke is a rule."""
_BOX_SIDES = (5.0, 17.0)
_CELL_HEIGHTS = (9.0, 70.0)
_WRITING_HEIGHT = 13.0
_NARROWEST = 18.0
_FULLEST = 0.35
"""A cell with more of its area under printed words is no place to write."""


def draft_flat(pages: Sequence[PdfPage], pictures: Sequence[Image]) -> list[DraftField]:
    """The places of every page, in reading order.

    Args:
        pages: words.
        pictures: grey, of any resolution.
    """
    found = [
        field
        for number, (page, picture) in enumerate(zip(pages, pictures, strict=True), 1)
        for field in _draft_page(number, page, picture)
    ]
    return with_single_names(found)


def _draft_page(number: int, page: PdfPage, picture: Image) -> list[DraftField]:
    words = [word for word in page.words if not _is_rule(word)]
    scale = picture.shape[1] / page.width
    level, upright = _rules(picture, scale)
    regions = list(_regions(level | upright, scale))
    boxes = [r for r in regions if _is_box(r) and not _is_letter(r, words)]
    cells = [place for r in regions if (place := _place_in_cell(r, words)) is not None]
    rules = [*_level_rules(level, scale), *(word.box for word in page.words if _is_rule(word))]
    lines = [
        place
        for rule in rules
        if (place := _place_on_rule(rule, words)) is not None
        and not any(place.shared_area(cell) > 0.3 * place.width * place.height for cell in cells)
    ]
    places = _apart([*cells, *lines])
    labels = Labels(words, [*boxes, *places])
    drafted = [_field(number, box, ValueType.CHECKBOX, labels.of_box(box)) for box in boxes]
    for place in places:
        label = labels.of_entry(place)
        kind, identifier = guess_type(label)
        drafted.append(replace(_field(number, place, kind, label), id=identifier))
    return sorted(drafted, key=lambda field: (round(field.box.top / 4), field.box.left))


def _field(page: int, box: Rect, kind: ValueType, label: str) -> DraftField:
    name = snake(label) or f"{kind}_field"
    return DraftField(name=name, type=kind, label=label, page=page, box=box)


def _is_rule(word: PrintedWord) -> bool:
    return len(word.text) >= 4 and not word.text.strip("_.…")


def _rules(picture: Image, scale: float) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """Masks of level and upright rules."""
    _, dark = cv2.threshold(picture, 0, 255, cv2.THRESH_BINARY_INV | cv2.THRESH_OTSU)
    short = max(5, round(_BOX_SIDES[0] * scale))
    level = cv2.morphologyEx(dark, cv2.MORPH_OPEN, np.ones((1, short), np.uint8))
    upright = cv2.morphologyEx(dark, cv2.MORPH_OPEN, np.ones((short, 1), np.uint8))
    return np.asarray(level, np.uint8), np.asarray(upright, np.uint8)


def _regions(rules: NDArray[np.uint8], scale: float) -> Iterator[Rect]:
    """Rectangles that rules close in."""
    closed = cv2.morphologyEx(rules, cv2.MORPH_CLOSE, np.ones((3, 3), np.uint8))
    count, _, boxes, _ = cv2.connectedComponentsWithStats(
        np.asarray(closed == 0, np.uint8), connectivity=4
    )
    for index in range(1, count):
        left, top, wide, tall, area = (float(v) for v in boxes[index])
        if area >= 0.8 * wide * tall:
            yield Rect(left / scale, top / scale, (left + wide) / scale, (top + tall) / scale)


def _is_box(region: Rect) -> bool:
    low, high = _BOX_SIDES
    is_small = low <= region.width <= high and low <= region.height <= high
    return is_small and 0.75 <= region.width / region.height <= 1.33


def _is_letter(region: Rect, words: Sequence[PrintedWord]) -> bool:
    """Whether this is the inside of a large letter."""
    least = 0.5 * region.width * region.height
    return any(word.box.shared_area(region) > least for word in words)


def _words_in(region: Rect, words: Sequence[PrintedWord]) -> list[PrintedWord]:
    return [word for word in words if region.contains(*word.box.centre)]


def _place_in_cell(region: Rect, words: Sequence[PrintedWord]) -> Rect | None:
    """Where one writes in a cell: below its caption, or right of it."""
    low, high = _CELL_HEIGHTS
    if not low <= region.height <= high or region.width < _NARROWEST or _is_box(region):
        return None
    inside = _words_in(region, words)
    covered = sum(word.box.shared_area(region) for word in inside)
    if covered > _FULLEST * region.width * region.height:
        return None
    if not inside:
        return region
    below = replace(region, top=max(word.box.bottom for word in inside) - 1)
    if below.height >= 0.6 * _WRITING_HEIGHT:
        return below
    right = replace(region, left=max(word.box.right for word in inside) + 2)
    return right if right.width >= _NARROWEST else None


def _level_rules(level: NDArray[np.uint8], scale: float) -> Iterator[Rect]:
    count, _, boxes, _ = cv2.connectedComponentsWithStats(level, connectivity=8)
    for index in range(1, count):
        left, top, wide, tall, _ = (float(v) for v in boxes[index])
        if wide >= _LONG_RULE * scale and tall <= 3 * scale:
            yield Rect(left / scale, top / scale, (left + wide) / scale, (top + tall) / scale)


def _place_on_rule(rule: Rect, words: Sequence[PrintedWord]) -> Rect | None:
    """The free place above a rule, right of the words that stand on it."""
    place = Rect(rule.left, rule.bottom - _WRITING_HEIGHT, rule.right, rule.bottom)
    above = [word.box for word in words if word.box.shared_area(place) > 4.0]
    if above:
        place = replace(place, left=max(box.right for box in above) + 2)
    return place if place.width >= _LONG_RULE else None


def _apart(places: Sequence[Rect]) -> list[Rect]:
    """Places that do not lie on each other; of two the smaller stays."""
    kept: list[Rect] = []
    for place in sorted(places, key=lambda p: p.width * p.height):
        if all(place.shared_area(other) < 0.5 * other.width * other.height for other in kept):
            kept.append(place)
    return kept
