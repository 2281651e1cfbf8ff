"""Finds what looks like printed or written text on a page, letter by letter."""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from meshkit.model import Image

WORKING_SIDE = 1600
"""Longer side in pixels of the copy of the page on which text is looked for."""
MAX_ENLARGEMENT = 2.0
"""Smaller pages are enlarged to the working size, by this factor at most."""
NEIGHBOURHOOD = 25
"""Side in pixels of the square whose mean tells ink from paper."""
LEAST_DEPTH = np.int16(12)
"""Grey levels by which ink is darker than that mean."""

Mask = NDArray[np.uint8]
"""(height, width), 1 where something is."""


@dataclass(frozen=True, slots=True)
class TextMask:
    """Text of a page.

    Attributes:
        mask: (height, width) uint8, 1 on text.
        depth: (height, width) int16; by how many grey levels a pixel is darker than ink must be at
            this place. It changes its sign on the edges of text.
        boxes: (n, 2) int32 width and height in mask pixels of the n text components.
    """

    mask: Mask
    depth: NDArray[np.int16]
    boxes: NDArray[np.int32]

    @property
    def count(self) -> int:
        return len(self.boxes)

    def turned_back(self, quarters: int) -> "TextMask":
        """The text turned counter-clockwise by quarter turns."""
        return TextMask(
            np.ascontiguousarray(np.rot90(self.mask, quarters)),
            np.ascontiguousarray(np.rot90(self.depth, quarters)),
            self.boxes[:, ::-1] if quarters % 2 else self.boxes,
        )


def to_grey(image: Image) -> Image:
    """Grey (height, width) of a grey or BGR page."""
    if image.ndim == 2:
        return image
    return np.asarray(cv2.cvtColor(image, cv2.COLOR_BGR2GRAY), dtype=np.uint8)


def working_scale(height: int, width: int) -> float:
    """Factor from pixels of the page to pixels of its working copy."""
    return min(WORKING_SIDE / max(height, width), MAX_ENLARGEMENT)


def working_copy(grey: Image) -> Image:
    """`grey` at working size."""
    scale = working_scale(*grey.shape)
    if scale == 1:
        return grey
    size = [max(1, round(side * scale)) for side in grey.shape[::-1]]
    method = cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC
    return np.asarray(cv2.resize(grey, size, interpolation=method), dtype=np.uint8)


def find_text(working: Image) -> TextMask:
    """Connected ink of the size of letters, up to short words that run together.

    Ink is what is darker than the mean of its neighbourhood. Specks, rules, frames
    and pictures are dropped by their size: a letter is 4 pixels high at least, and neither side is
    longer than 1/12 of the page.

    Args:
        working: grey page at working size.
    """
    smooth = cv2.GaussianBlur(working, (3, 3), 0)
    around = cv2.blur(smooth, (NEIGHBOURHOOD, NEIGHBOURHOOD), borderType=cv2.BORDER_REPLICATE)
    depth = np.asarray(cv2.subtract(around, smooth, dtype=cv2.CV_16S), np.int16) - LEAST_DEPTH
    ink = (depth > 0).view(np.uint8)
    _, labels, stats, _ = cv2.connectedComponentsWithStats(ink, connectivity=8)
    width = stats[:, cv2.CC_STAT_WIDTH]
    height = stats[:, cv2.CC_STAT_HEIGHT]
    longest = max(working.shape) / 12
    keep = (
        (np.minimum(width, height) >= 2)
        & (np.maximum(width, height) >= 4)
        & (np.maximum(width, height) <= longest)
        & (stats[:, cv2.CC_STAT_AREA] >= 8)
    )
    keep[0] = False
    mask = keep.astype(np.uint8)[labels]
    return TextMask(mask, depth, np.column_stack([width[keep], height[keep]]).astype(np.int32))


def outline(mask: Mask) -> Mask:
    """The outermost pixels of what the mask shows."""
    inner = np.asarray(cv2.erode(mask, np.ones((3, 3), np.uint8)), dtype=np.uint8)
    return mask & ~inner


def places(mask: Mask, most: int) -> NDArray[np.intp]:
    """Pixels (n, 2) y, x that the mask shows; where they are more than `most`, every k-th."""
    found = cv2.findNonZero(mask)
    if found is None:
        return np.zeros((0, 2), np.intp)
    stride = -(-len(found) // most)
    return np.asarray(found, dtype=np.intp).reshape(-1, 2)[::stride, ::-1]
