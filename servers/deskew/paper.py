"""The level of the paper under what is written on it."""

import cv2
import numpy as np
from numpy.typing import NDArray

from meshkit.model import Image

REDUCTION = 4
"""Pixels of the working copy a pixel of the paper's level, each way."""
BLOCK = 32
"""Pixels of the working copy over which the paper's level is followed: ink is thinner."""


def paper_of(working: Image) -> Image:
    """The level of the paper all over a grey page at working size, reduced by `REDUCTION`.

    The paper is the bright end of every neighbourhood, but keeps its edge before a brighter ground.
    """
    height, width = working.shape
    small = (max(1, width // REDUCTION), max(1, height // REDUCTION))
    reduced = cv2.resize(working, small, interpolation=cv2.INTER_AREA)
    block = cv2.getStructuringElement(cv2.MORPH_RECT, (BLOCK // REDUCTION | 1,) * 2)
    closed = cv2.morphologyEx(reduced, cv2.MORPH_CLOSE, block)
    return np.asarray(cv2.medianBlur(closed, 5), dtype=np.uint8)


def paper_beside(
    paper: Image, places: tuple[NDArray[np.int32], NDArray[np.int32]], shape: tuple[int, int]
) -> NDArray[np.int16]:
    """The darkest level (n,) of the paper beside these places.

    Args:
        paper: `paper_of` a page.
        places: (n,) y and (n,) x on it.
        shape: height and width of the page.
    """
    darkest = np.asarray(cv2.erode(paper, np.ones((3, 3), np.uint8)), np.int16)
    ys, xs = (places[axis] * paper.shape[axis] // shape[axis] for axis in (0, 1))
    return np.asarray(darkest[ys, xs], np.int16)
