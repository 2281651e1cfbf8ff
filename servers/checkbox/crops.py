"""What the judge sees of a proposed box: two small pictures from the page at its own resolution.

The near one shows the box and what leaves it, so that faint strokes and boxes of a few pixels
survive; the far one shows the words and boxes around it, by which a box is told from a letter.
"""

import cv2
import numpy as np
from numpy.typing import NDArray

from meshkit.model import Image

CROP_PX = 48
NEAR = 2.0
"""Side of the near picture, in greater sides of the box."""
FAR = 6.0
MIN_SIDE_PX = 4.0
PAPER = 255


def crop_boxes(page: Image, rects: NDArray[np.float64]) -> NDArray[np.uint8]:
    """The pictures of the boxes on a page.

    Args:
        page: (h, w) grey.
        rects: (n, 4) left, top, right, bottom in pixels, counted from the page's outer edge.

    Returns:
        (n, 2, 48, 48): near and far; what lies beyond the page is paper.
    """
    crops = np.empty((len(rects), 2, CROP_PX, CROP_PX), np.uint8)
    middles = (rects[:, :2] + rects[:, 2:]) / 2
    sides = np.maximum((rects[:, 2:] - rects[:, :2]).max(axis=1), MIN_SIDE_PX)
    for index, (middle, side) in enumerate(zip(middles, sides, strict=True)):
        crops[index, 0] = _square(page, middle, side * NEAR)
        crops[index, 1] = _square(page, middle, side * FAR)
    return crops


def _square(page: Image, middle: NDArray[np.float64], side: float) -> Image:
    """The square of `side` pixels around `middle`, scaled to a crop."""
    low = np.round(middle - side / 2).astype(int)
    high = low + max(1, round(side))
    (x0, y0), (x1, y1) = np.maximum(low, 0), np.minimum(high, page.shape[::-1])
    part = page[max(0, y0) : max(0, y1), max(0, x0) : max(0, x1)]
    if part.shape != (high[1] - low[1], high[0] - low[0]):
        whole = np.full((high[1] - low[1], high[0] - low[0]), PAPER, np.uint8)
        if part.size:
            top, left = y0 - low[1], x0 - low[0]
            whole[top : top + part.shape[0], left : left + part.shape[1]] = part
        part = whole
    method = cv2.INTER_AREA if len(part) > CROP_PX else cv2.INTER_LINEAR
    return np.asarray(cv2.resize(part, (CROP_PX, CROP_PX), interpolation=method), np.uint8)
