"""Reading order of the lines of a page.

Lines are grouped into rows, rows are read from top to bottom, each from left to right: the order in
which a form is read. Only where a gutter parts blocks of running text is the left block read before
the right one. Lines that run up or down the page come last, from left to right.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from servers.ocr.domain import Quad

Boxes = NDArray[np.float64]
"""(n, 4) left, top, right, bottom in pixels of the levelled page."""

SAME_ROW = 0.5
"""Two lines share a row when they overlap by this part of the less high one's height,"""

SAME_PLACE = 0.75
"""or by this part where they stand above each other: lines that are set close reach into each
other, writing stands on what is printed."""

ABOVE = 0.5
"""Lines stand above each other that overlap by this part of the narrower one's width."""

COLUMN_LINES = 4
"""A column has at least this many lines,"""

COLUMN_FILL = 0.6
"""whose median fills at least this part of its width,"""

COLUMN_ASPECT = 6.0
"""and is at least this many times as wide as high: running text, not the labels of a form."""


def reading_order(quads: Sequence[Quad]) -> list[int]:
    """Indices of the lines in reading order."""
    along = np.array([quad[1] - quad[0] for quad in quads]).reshape(-1, 2)
    level = np.abs(along[:, 0]) >= np.abs(along[:, 1])
    flat = [index for index in range(len(quads)) if level[index]]
    upended = [index for index in range(len(quads)) if not level[index]]
    order: list[int] = []
    if flat:
        boxes = _level(np.stack([quads[index] for index in flat]))
        order = [flat[place] for place in _order(boxes, np.arange(len(flat)))]
    return order + sorted(upended, key=lambda index: float(quads[index][:, 0].mean()))


def _level(quads: NDArray[np.float64]) -> Boxes:
    """Boxes of the lines after the median slant of the longer half is taken out."""
    along = quads[:, 1] - quads[:, 0]
    length = np.linalg.norm(along, axis=1)
    along = along[length >= np.median(length)]
    slant = float(np.median(np.arctan2(along[:, 1], along[:, 0])))
    cosine, sine = np.cos(-slant), np.sin(-slant)
    turned = quads @ np.array([[cosine, sine], [-sine, cosine]])
    return np.concatenate([turned.min(axis=1), turned.max(axis=1)], axis=1)


def _order(boxes: Boxes, indices: NDArray[np.intp]) -> list[int]:
    gutter = _best_gutter(boxes[indices])
    if gutter is None:
        return _by_rows(boxes, indices)
    position, top, bottom = gutter
    centres = boxes[indices][:, [1, 3]].mean(axis=1)
    above, below = indices[centres < top], indices[centres > bottom]
    inside = indices[(centres >= top) & (centres <= bottom)]
    left = boxes[inside][:, 2] <= position
    return [
        index
        for part in (above, inside[left], inside[~left], below)
        if len(part)
        for index in _order(boxes, part)
    ]


def _best_gutter(boxes: Boxes) -> tuple[float, float, float] | None:
    """The gutter between the two columns with the most lines: its x, and the band from y to y."""
    best: tuple[int, tuple[float, float, float]] | None = None
    for position in _margins(boxes):
        crossing = (boxes[:, 0] < position) & (boxes[:, 2] > position)
        for band in _bands(boxes, crossing):
            inside = boxes[band]
            left = inside[:, 2] <= position
            lines = min(int(left.sum()), int((~left).sum()))
            if (best is None or lines > best[0]) and _is_column(inside[left], inside[~left]):
                centres = inside[:, [1, 3]].mean(axis=1)
                best = lines, (float(position), float(centres.min()), float(centres.max()))
    return best[1] if best else None


def _margins(boxes: Boxes) -> NDArray[np.float64]:
    """Where enough lines begin, within two line heights, to be a column."""
    lefts = np.sort(boxes[:, 0])
    reach = lefts + 2 * np.median(_heights(boxes))
    beginning = np.searchsorted(lefts, reach, side="right") - np.arange(len(lefts))
    return np.unique(lefts[beginning >= COLUMN_LINES])


def _bands(boxes: Boxes, crossing: NDArray[np.bool_]) -> list[NDArray[np.intp]]:
    """The lines beside a gutter, split where a line crosses it; only bands of two columns' size."""
    centres = boxes[:, [1, 3]].mean(axis=1)
    number = np.searchsorted(np.sort(centres[crossing]), centres)
    beside = np.flatnonzero(~crossing)
    large = np.flatnonzero(np.bincount(number[beside]) >= 2 * COLUMN_LINES)
    return [beside[number[beside] == band] for band in large]


def _is_column(left: Boxes, right: Boxes) -> bool:
    return all(
        len(column) >= COLUMN_LINES
        and np.median(_widths(column)) >= COLUMN_FILL * np.ptp(column[:, [0, 2]])
        and np.median(_widths(column) / np.maximum(_heights(column), 1e-9)) >= COLUMN_ASPECT
        for column in (left, right)
    )


def _by_rows(boxes: Boxes, indices: NDArray[np.intp]) -> list[int]:
    rows: list[list[int]] = []
    for index in sorted(indices, key=lambda i: (boxes[i, 1] + boxes[i, 3], boxes[i, 0])):
        if rows and _is_in_row(boxes[rows[-1]], boxes[index]):
            rows[-1].append(int(index))
        else:
            rows.append([int(index)])
    return [index for row in rows for index in sorted(row, key=lambda i: boxes[i, 0])]


def _is_in_row(row: Boxes, line: NDArray[np.float64]) -> bool:
    above = any(_shared(other[[0, 2]], line[[0, 2]]) >= ABOVE for other in row)
    shared = _shared(row.mean(axis=0)[[1, 3]], line[[1, 3]])
    return shared >= (SAME_PLACE if above else SAME_ROW)


def _shared(one: NDArray[np.float64], other: NDArray[np.float64]) -> float:
    """What two stretches [start, end] have in common, in parts of the shorter one."""
    shared = min(one[1], other[1]) - max(one[0], other[0])
    return float(shared / max(min(one[1] - one[0], other[1] - other[0]), 1e-9))


def _widths(boxes: Boxes) -> NDArray[np.float64]:
    return boxes[:, 2] - boxes[:, 0]


def _heights(boxes: Boxes) -> NDArray[np.float64]:
    return boxes[:, 3] - boxes[:, 1]
