"""Print on a blank page told from its grey areas, such as the frames between a comb's cells.

What is written on grey is as dark as elsewhere, so that grey can be taken out by dividing by it;
print cannot.
"""

import cv2
import numpy as np
from numpy.typing import NDArray

from meshkit.model import Image

_THIN = 3
"""Pixels of the blank's picture: a stroke of print is no wider than this or darker than shading."""
_SHADES = (110, 240)
"""Grey of shading, of 255: darker is print, lighter is paper."""


def shading_of(picture: Image) -> NDArray[np.uint8]:
    """The brightness of what print and writing stand on.

    Args:
        picture: the blank page in grey, at `blank.INK_DPI`.
    Returns:
        The same size: 255 on paper, less in grey areas.
    """
    square = np.ones((_THIN, _THIN), np.uint8)
    closed = cv2.morphologyEx(picture, cv2.MORPH_CLOSE, square)
    darkest, lightest = _SHADES
    is_shade = (closed >= darkest) & (closed < lightest)
    # The soft edges of thick print are grey, too, but narrow.
    is_area = cv2.morphologyEx(is_shade.astype(np.uint8), cv2.MORPH_OPEN, square)
    return np.asarray(np.where(np.asarray(is_area) > 0, closed, 255), np.uint8)


def print_of(picture: Image, shading: NDArray[np.uint8], share: float) -> NDArray[np.bool_]:
    """True where the blank has at most `share` of the brightness of what is around."""
    return np.asarray(picture < share * shading, bool)


def around(shading: NDArray[np.uint8], pixels: int) -> NDArray[np.uint8]:
    """The same with grey areas grown by half as many pixels: where they may lie on a scan."""
    return np.asarray(cv2.erode(shading, np.ones((pixels, pixels), np.uint8)), np.uint8)
