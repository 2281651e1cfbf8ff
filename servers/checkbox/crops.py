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


Crops = NDArray[np.uint8]


def crop_boxes(page: Image, rects: NDArray[np.float64]) -> Crops:
    """The pictures of the boxes on a page.

    Args:
        page: (h, w) grey.
        rects: (n, 4) left, top, right, bottom in pixels, counted from the page's outer edge.

    Returns:
        (n, 2, 48, 48): near and far; what lies beyond the page is paper.
    """
    crops = np.empty((len(rects), 2, CROP_PX, CROP_PX), np.uint8)
    Cutter(page, rects).cut(0, crops)
    return crops


class Cutter:
    """Cuts the pictures of a page's boxes, some at a time; several threads may cut at once.

    Args:
        page, rects: as `crop_boxes` takes them.
    """

    def __init__(self, page: Image, rects: NDArray[np.float64]) -> None:
        middles = (rects[:, :2] + rects[:, 2:]) / 2
        sides = np.maximum((rects[:, 2:] - rects[:, :2]).max(axis=1), MIN_SIDE_PX)
        reaches = sides[:, None] * np.array([NEAR, FAR])
        lengths = np.maximum(np.round(reaches), 1).astype(int)
        lows = np.round(middles[:, None] - reaches[..., None] / 2).astype(int)
        levels = np.log2(np.maximum(lengths / (2 * CROP_PX), 1)).astype(int)
        self._lengths: list[list[int]] = (lengths >> levels).tolist()
        self._lows: list[list[list[int]]] = (lows >> levels[..., None]).tolist()
        self._levels: list[list[int]] = levels.tolist()
        self._pages = [page]
        for _ in range(levels.max(initial=0)):
            self._pages.append(_halved(self._pages[-1]))

    def cut(self, first: int, crops: Crops) -> None:
        """Write the pictures (n, 2, 48, 48) of n boxes, from the `first` one on."""
        for index, pictures in enumerate(crops, first):
            squares = zip(
                pictures, self._lengths[index], self._lows[index], self._levels[index], strict=True
            )
            for picture, length, (left, top), level in squares:
                _shrink(_square(self._pages[level], left, top, length), picture)


def _shrink(part: Image, picture: Crops) -> None:
    """Fill the picture (48, 48) with a square of the page.

    A big square is averaged in two steps, of which the second is exact: half a grey level from what
    `INTER_AREA` makes of it at once, in a third of the time.
    """
    if len(part) > 2 * CROP_PX:
        part = np.asarray(cv2.resize(part, (2 * CROP_PX, 2 * CROP_PX)), np.uint8)
    method = cv2.INTER_AREA if len(part) > CROP_PX else cv2.INTER_LINEAR
    cv2.resize(part, (CROP_PX, CROP_PX), picture, interpolation=method)


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
