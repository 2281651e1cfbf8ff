"""Doubtful fields laid out on one sheet, to be read a second time.

A field's place is cut out of the page upright and at one size of letters; what the blank has
printed there as letters and upright lines is wiped; letters of a comb are moved together. Readers
do far better on such lines than on letters scattered over cells.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from meshkit.geometry import Points
from meshkit.model import Image
from orchestrator.forms.blank import INK_DPI
from orchestrator.forms.definition import FieldDefinition
from orchestrator.forms.frame import POINTS_PER_INCH, Rect
from orchestrator.forms.overlay import Overlay
from orchestrator.forms.shading import around, print_of
from orchestrator.forms.words import page_words
from orchestrator.forms.writing import WORDS, Writing, like_neighbours, without_borders
from pagemesh.ocr.v1.ocr_service_pb2 import OcrResult

_DPI = 240.0
_SCALE = _DPI / POINTS_PER_INCH
_MARGIN = 28
_ROW_GAP = 26
_WIDEST = 1600
_TALLEST = 60.0
"""Points; a taller place holds several lines and is left as it was read."""
_CLOSED_HOLE = 0.16
"""Between letters of a comb that were moved together, in heights of the strip."""
_DARK = 0.7
_PAPER = 0.92
"""Of the usual paper: what is lighter becomes white, noise with it."""
_DARKER = 0.75
"""Print on shading has at most this share of its brightness."""
_PRINT_REACH = 3
_SHADE_REACH = 7
"""Pixels of the strip by which print and shading may be displaced."""
_CROSSING = 9
"""Pixels that a stroke may cross on print."""
_SPECK = 6
_TOO_MUCH_PRINT = 0.12
"""Over a pattern, wiping would take the writing with it."""
_AROUND = 0.7
"""Points around a zone that are cut out with it."""


@dataclass(frozen=True)
class Sheet:
    """A picture of doubtful fields.

    Attributes:
        image: grey.
        rows: name of each field, and top and bottom of its row in pixels.
    """

    image: Image
    rows: tuple[tuple[str, int, int], ...]

    def writings(self, result: OcrResult, fields: Sequence[FieldDefinition]) -> dict[str, Writing]:
        """What was read in each row; fields with nothing in them are left out.

        Args:
            fields: those that the sheet was made of.
        """
        combs = {field.name: field for field in fields if field.cells}
        texts: dict[str, list[tuple[float, str, float]]] = {}
        for word in page_words(result):
            x, y = word.corners.mean(axis=0)
            for name, top, bottom in self.rows:
                if top - _ROW_GAP / 2 <= y < bottom + _ROW_GAP / 2:
                    texts.setdefault(name, []).append((float(x), word.text, word.confidence))
        found = {}
        for name, words in texts.items():
            parts = [text for _, text, _ in sorted(words)]
            comb = combs.get(name)
            text = " ".join(parts) if comb is None else _in_comb("".join(parts), comb)
            found[name] = Writing(text, min(confidence for _, _, confidence in words))
        return found


def _in_comb(text: str, field: FieldDefinition) -> str:
    letters = without_borders(text, field.cells)
    return like_neighbours(letters) if field.type in WORDS else letters


def make_sheet(fields: Sequence[FieldDefinition], overlay: Overlay) -> Sheet | None:
    """Doubtful fields, one a row; None when none of them can be laid out.

    Args:
        fields: those with a zone of one line.
        overlay: the page on its blank.
    """
    shading = overlay.shading
    printed = _wiped_print(overlay.picture, shading)
    strips: list[tuple[str, NDArray[np.uint8]]] = []
    for field in fields:
        zone = field.rect
        if zone is None or zone.height > _TALLEST:
            continue
        place = zone.grown(_AROUND, _AROUND)
        strip = _unshaded(upright_strip(overlay, place), _under(shading, place))
        strip = _without(strip, _print_under(printed, place))
        strip = _drawn_together(strip) if field.cells else _trimmed(strip)
        if strip.shape[1] <= _WIDEST:
            strips.append((field.name, strip))
    if not strips:
        return None
    width = max(strip.shape[1] for _, strip in strips) + 2 * _MARGIN
    height = sum(strip.shape[0] + _ROW_GAP for _, strip in strips) + 2 * _MARGIN
    sheet = np.full((height, width), 255, np.uint8)
    rows, top = [], _MARGIN
    for name, strip in strips:
        bottom = top + strip.shape[0]
        sheet[top:bottom, _MARGIN : _MARGIN + strip.shape[1]] = strip
        rows.append((name, top, bottom))
        top = bottom + _ROW_GAP
    return Sheet(sheet, tuple(rows))


def upright_strip(overlay: Overlay, zone: Rect) -> NDArray[np.uint8]:
    """A place on the blank, cut out of the page: upright, its paper white."""
    size = (max(8, round(zone.width * _SCALE)), max(8, round(zone.height * _SCALE)))
    corners = overlay.alignment.to_page(zone.corners).astype(np.float32)
    target: Points = np.array([(0, 0), (size[0], 0), size, (0, size[1])], np.float64)
    matrix = cv2.getPerspectiveTransform(corners, target.astype(np.float32))
    cut = cv2.warpPerspective(
        overlay.grey, matrix, size, flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE
    )
    paper = _PAPER * float(np.percentile(cut, 85))
    white = np.clip(cut.astype(np.float32) * (255 / max(paper, 1.0)), 0, 255)
    return np.asarray(white, np.uint8)


def _wiped_print(picture: Image, shading: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """1 where the blank has letters or upright lines; level lines stay, for writing stands on
    them."""
    dark = print_of(picture, shading, _DARKER).astype(np.uint8)
    level = cv2.morphologyEx(dark, cv2.MORPH_OPEN, np.ones((1, 25), np.uint8))
    return np.asarray((dark > 0) & (np.asarray(level) == 0), np.uint8)


def _under(picture: NDArray[np.uint8], zone: Rect) -> NDArray[np.uint8]:
    """What of a picture of the blank lies under a place, at the strips' size; a single
    pixel where it is beyond the page."""
    scale = INK_DPI / POINTS_PER_INCH
    left, top = round(zone.left * scale), round(zone.top * scale)
    right, bottom = round(zone.right * scale), round(zone.bottom * scale)
    part = picture[max(0, top) : bottom, max(0, left) : right]
    if part.size == 0:
        return np.zeros((1, 1), np.uint8)
    size = (max(8, round(zone.width * _SCALE)), max(8, round(zone.height * _SCALE)))
    return np.asarray(cv2.resize(part, size, interpolation=cv2.INTER_NEAREST), np.uint8)


def _print_under(printed: NDArray[np.uint8], zone: Rect) -> NDArray[np.bool_]:
    reach = np.ones((_PRINT_REACH, _PRINT_REACH), np.uint8)
    return np.asarray(cv2.dilate(_under(printed, zone), reach), bool)


def _unshaded(strip: NDArray[np.uint8], shading: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """The strip as on white paper: a grey area becomes white, strokes on it stay."""
    if shading.shape != strip.shape or (shading == 255).all():
        return strip
    nearby = around(shading, _SHADE_REACH).astype(np.float32)
    return np.asarray(np.clip(strip * (255 / nearby), 0, 255), np.uint8)


def _without(strip: NDArray[np.uint8], printed: NDArray[np.bool_]) -> NDArray[np.uint8]:
    """The strip with print wiped, and what is left of lines along its edges. Strokes that cross
    the print keep what lies on it."""
    if printed.shape != strip.shape:
        return strip
    if printed.mean() > _TOO_MUCH_PRINT:
        return strip
    own = ((strip < 255 * _DARK) & np.logical_not(printed)).astype(np.uint8)
    reach = np.ones((1, _CROSSING), np.uint8)
    from_left = cv2.dilate(own, reach, anchor=(_CROSSING - 1, 0))
    from_right = cv2.dilate(own, reach, anchor=(0, 0))
    wiped = strip.copy()
    crosses = (np.asarray(from_left) > 0) & (np.asarray(from_right) > 0)
    wiped[printed & np.logical_not(crosses)] = 255
    dark = (wiped < 255 * _DARK).astype(np.uint8)
    count, marks, boxes, _ = cv2.connectedComponentsWithStats(dark, connectivity=8)
    height, width = strip.shape
    for mark in range(1, count):
        left, top, wide, tall, area = boxes[mark]
        is_upright = tall > 0.85 * height and wide < 0.12 * height
        is_level = tall < 0.15 * height and not 0 < top < height - tall
        is_side = wide < 0.1 * height and not 0 < left < width - wide
        if area < _SPECK or is_upright or is_level or is_side:
            around = cv2.dilate((marks == mark).astype(np.uint8), np.ones((3, 3), np.uint8))
            wiped[around.astype(bool)] = 255
    return wiped


def _trimmed(strip: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """The strip without the empty paper before and after its ink."""
    inked = np.flatnonzero((strip < 255 * _DARK).any(axis=0))
    if not len(inked):
        return strip[:, :8]
    around = strip.shape[0] // 4
    return strip[:, max(0, inked[0] - around) : inked[-1] + around]


def _drawn_together(strip: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """The same letters with narrow holes between them."""
    height = strip.shape[0]
    core = strip[round(0.1 * height) : round(0.9 * height)]
    inked = (core < 255 * _DARK).sum(axis=0) > 0
    hole = np.full((height, max(2, round(_CLOSED_HOLE * height))), 255, np.uint8)
    parts = [hole]
    start: int | None = None
    for x, has_ink in enumerate([*inked, False]):
        if has_ink and start is None:
            start = x
        elif not has_ink and start is not None:
            parts += [strip[:, max(0, start - 1) : x + 1], hole]
            start = None
    return np.asarray(np.hstack(parts), np.uint8)
