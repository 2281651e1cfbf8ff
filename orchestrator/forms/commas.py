"""Commas that were read as points.

In small or poor print a comma and a point look alike to a reader, and `39,033` becomes 39.033. Two
things prove the confusion: a mark that hangs below the line on which the digits stand, and a point
that can only group (`833.283.19`). A page with several proofs is one whose points group.
"""

import re
from collections.abc import Mapping

import cv2
import numpy as np
from numpy.typing import NDArray

from orchestrator.forms.frame import Rect
from orchestrator.forms.placing import letter_edges

_DARK = 0.62
"""Ink is darker than this share of white."""
_TAIL = 0.08
"""How far a comma hangs at least below the digits' line, in heights of a digit."""
_LEAST_TAIL = 2.0
"""The same in pixels."""
_LONGEST_TAIL = 0.5
_NEAR = 1.0
"""How far a tail may lie from where the mark is expected, in widths of a letter."""
_LEAST_DIGITS = 3
_PROOFS = 2
"""Numbers of one page that prove the confusion, for the others to be taken likewise."""
_DOUBTFUL = re.compile(r"[1-9]\d{0,2}\.\d{3}( ?\d{2})?")
_GROUPED = re.compile(r"[1-9]\d{0,2}(\.\d{3})+[., ]+\d{2}")


def is_doubtful(text: str) -> bool:
    """Whether the point of a number stands where a comma between groups would."""
    return bool(_DOUBTFUL.fullmatch(text))


def with_commas(
    texts: Mapping[str, str], strips: Mapping[str, NDArray[np.uint8]]
) -> dict[str, str]:
    """The numbers of one page, with commas for those of their points that are commas on paper.

    Args:
        texts: as read, by field.
        strips: of the doubtful ones (height, width), grey, white paper: the number upright, its
            left and right sides the strip's own, with a little paper below it.
    """
    hanging = {name for name, strip in strips.items() if _hangs(texts[name], strip)}
    grouped = sum(bool(_GROUPED.fullmatch(text)) for text in texts.values())
    proven = set(strips) if grouped + len(hanging) >= _PROOFS else hanging
    return {
        name: text.replace(".", ",", 1) if name in proven else text for name, text in texts.items()
    }


def _hangs(text: str, strip: NDArray[np.uint8]) -> bool:
    """Whether the first point goes on below the line of the digits, and ends soon."""
    height, width = strip.shape
    edges = letter_edges(text, Rect(0.0, 0.0, float(width), float(height)))
    place = text.index(".")
    middle = (edges[place] + edges[place + 1]) / 2
    near = _NEAR * width / len(text)
    return any(abs(tail - middle) <= near for tail in _tails(strip))


def _tails(strip: NDArray[np.uint8]) -> list[float]:
    """x of the narrow strokes that hang below the line of the digits."""
    dark = (strip < 255 * _DARK).astype(np.uint8)
    count, _, boxes, _ = cv2.connectedComponentsWithStats(dark, connectivity=8)
    height = strip.shape[0]
    digits = np.array([b for b in boxes[1:count] if 0.3 * height < b[3] < 0.8 * height])
    if len(digits) < _LEAST_DIGITS:
        return []
    size = float(np.median(digits[:, 3]))
    middles, bottoms = digits[:, 0] + digits[:, 2] / 2, digits[:, 1] + digits[:, 3]
    slope, start = np.polyfit(middles, bottoms, 1)
    lines = np.round(start + slope * np.arange(strip.shape[1])).astype(int)
    deep = np.array([_depth(column, line) for column, line in zip(dark.T, lines, strict=True)])
    is_tail = (deep >= max(_LEAST_TAIL, _TAIL * size)) & (deep <= _LONGEST_TAIL * size)
    steps = np.diff(np.concatenate([[0], is_tail.astype(int), [0]]))
    stretches = zip(np.flatnonzero(steps == 1), np.flatnonzero(steps == -1), strict=True)
    return [float(left + right) / 2 for left, right in stretches if right - left <= size / 2]


def _depth(column: NDArray[np.uint8], line: int) -> int:
    """Rows by which ink that reaches the line goes on below it."""
    if not column[max(0, line - 2) : line + 1].any():
        return 0
    empty = np.flatnonzero(column[line:] == 0)
    return int(empty[0]) if len(empty) else len(column) - line
