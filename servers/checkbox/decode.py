"""From the network's head to boxes.

The head has a cell for every 4 x 4 pixels of the canvas, with seven channels: chance of a box's
middle, chance that it is checked, chance that it is a circle, x and y from the cell's middle to
the box's (in 8 pixels), and the logarithms of its width and height (in 20 pixels). A box is a peak
of the first channel (as in CenterNet, Zhou et al. 2019); of boxes that overlap the best stays.

Rectangles are rows of left, top, right, bottom in canvas pixels, counted from the outer edge.
"""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

STRIDE = 4
OFFSET_UNIT = 8.0
SIZE_UNIT = 20.0
LOG_SIZE_LIMITS = -3.0, 4.0
"""From 1 px to over a thousand: beyond any box; keeps a wild head finite."""
MAX_IOU = 0.2
MAX_COVER = 0.6
"""Share of the smaller box that may lie inside a better one."""
MOST = 1500
"""No page has more boxes; noise may have more peaks."""


@dataclass(frozen=True, slots=True)
class Candidates:
    """Boxes found, n of them, best first.

    Attributes:
        rects: (n, 4) left, top, right, bottom in canvas pixels.
        chances: (n, 3) in [0, 1]: of being a box, of being checked, of being a circle.
    """

    rects: Floats
    chances: Floats


def decode(head: NDArray[np.float32], threshold: float) -> Candidates:
    """The boxes of one page.

    Args:
        head: (7, h, w) as described above.
        threshold: least score.
    """
    score = head[0]
    peak = score >= cv2.dilate(score, np.ones((3, 3), np.uint8))
    rows, columns = np.nonzero(peak & (score >= threshold))
    order = np.argsort(-score[rows, columns], kind="stable")[:MOST]
    rows, columns = rows[order], columns[order]
    cells = head[:, rows, columns].astype(np.float64)
    x = (columns + 0.5) * STRIDE + cells[3] * OFFSET_UNIT
    y = (rows + 0.5) * STRIDE + cells[4] * OFFSET_UNIT
    half_w, half_h = SIZE_UNIT / 2 * np.exp(np.clip(cells[5:7], *LOG_SIZE_LIMITS))
    rects = np.column_stack([x - half_w, y - half_h, x + half_w, y + half_h])
    keep = suppress(rects)
    return Candidates(rects[keep], cells[:3, keep].T)


def suppress(rects: Floats) -> NDArray[np.intp]:
    """Which of the rectangles (n, 4), given best first, don't lie on a better one."""
    areas = np.prod(rects[:, 2:] - rects[:, :2], axis=1)
    left, top, right, bottom = rects.T
    across, down = np.less.outer(left, right), np.less.outer(top, bottom)
    better, worse = np.nonzero(across & across.T & down & down.T)
    better, worse = better[better < worse], worse[better < worse]
    wide = np.minimum(right[better], right[worse]) - np.maximum(left[better], left[worse])
    high = np.minimum(bottom[better], bottom[worse]) - np.maximum(top[better], top[worse])
    common = wide * high
    both = areas[better] + areas[worse] - common
    smaller = np.minimum(areas[better], areas[worse])
    clash = (common > MAX_IOU * both) | (common > MAX_COVER * smaller)
    kept = np.ones(len(rects), bool)
    for one, other in zip(better[clash].tolist(), worse[clash].tolist(), strict=True):
        if kept[one]:
            kept[other] = False
    return np.flatnonzero(kept)


def reading_order(rects: Floats) -> NDArray[np.intp]:
    """Indices of the rectangles (n, 4) row after row, each row from left to right.

    A box belongs to the row above when its middle is higher than half the height of the row's
    first box below that one's middle.
    """
    middles = rects[:, [1, 3]].mean(axis=1)
    row_of = np.zeros(len(rects), np.intp)
    row, limit = -1, -np.inf
    for index in np.argsort(middles, kind="stable"):
        if middles[index] > limit:
            row += 1
            limit = middles[index] + (rects[index, 3] - rects[index, 1]) / 2
        row_of[index] = row
    return np.lexsort((rects[:, 0], row_of))
