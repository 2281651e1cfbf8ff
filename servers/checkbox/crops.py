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
    pages = [page]
    for which, reach in enumerate((NEAR, FAR)):
        lengths = np.maximum(np.round(sides * reach), 1).astype(int)
        lows = np.round(middles - sides[:, None] * reach / 2).astype(int)
        halvings = np.log2(np.maximum(lengths / (2 * CROP_PX), 1)).astype(int)
        for index, (length, (left, top), level) in enumerate(
            zip(lengths.tolist(), lows.tolist(), halvings.tolist(), strict=True)
        ):
            while len(pages) <= level:
                pages.append(_halved(pages[-1]))
            part = _square(pages[level], left >> level, top >> level, length >> level)
            method = cv2.INTER_AREA if len(part) > CROP_PX else cv2.INTER_LINEAR
            cv2.resize(part, (CROP_PX, CROP_PX), crops[index, which], interpolation=method)
    return crops


def _halved(page: Image) -> Image:
    """The page at half its resolution: a big square is cut from it at a quarter of the cost."""
    height, width = (max(1, side // 2) for side in page.shape)
    return np.asarray(cv2.resize(page, (width, height), interpolation=cv2.INTER_AREA), np.uint8)


def _square(page: Image, left: int, top: int, length: int) -> Image:
    """A square of the page; what lies beyond the page is paper."""
    right, bottom = left + length, top + length
    part = page[max(0, top) : max(0, bottom), max(0, left) : max(0, right)]
    if part.shape == (length, length):
        return part
    whole = np.full((length, length), PAPER, np.uint8)
    if part.size:
        y, x = max(0, -top), max(0, -left)
        whole[y : y + part.shape[0], x : x + part.shape[1]] = part
    return whole
