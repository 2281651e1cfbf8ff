"""What the network sees of a page: ink and rules, whatever the paper and the resolution."""

from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from meshkit.model import Image

SIZE = 256
"""Side of the square the network takes, in pixels."""

_WORKING = 1024
"""Longest side in pixels at which rules are looked for; an A4 page has 87 dpi then."""
_RULE = 31
"""Shortest rule, in pixels of the working image: 9 mm on an A4 page."""


def page_features(image: Image) -> NDArray[np.float32]:
    """Layout of a page as three maps (3, SIZE, SIZE) in [0, 1].

    Ink (darkness against the paper around it), horizontal rules, vertical rules. The page keeps its
    aspect and lies at the top-left; the rest is empty. Nothing in it depends on other pages.

    Args:
        image: (height, width) grey or (height, width, 3) BGR, uint8.
    """
    grey = image if image.ndim == 2 else cv2.cvtColor(image, cv2.COLOR_BGR2GRAY)
    ink = _ink(_fit(np.asarray(grey), _WORKING))
    dark = np.asarray(ink > 0.4, dtype=np.uint8)
    across = cv2.morphologyEx(dark, cv2.MORPH_OPEN, np.ones((1, _RULE), np.uint8))
    down = cv2.morphologyEx(dark, cv2.MORPH_OPEN, np.ones((_RULE, 1), np.uint8))
    features = np.zeros((3, SIZE, SIZE), np.float32)
    for i, plane in enumerate((ink, across.astype(np.float32), down.astype(np.float32))):
        small = _fit(plane, SIZE)
        features[i, : small.shape[0], : small.shape[1]] = small
    return features


def _ink(grey: NDArray[Any]) -> NDArray[np.float32]:
    """How much darker than the paper around it each pixel is, stretched so that text is near 1."""
    height, width = grey.shape
    coarse = cv2.resize(
        grey, (max(1, width // 16), max(1, height // 16)), interpolation=cv2.INTER_AREA
    )
    paper = cv2.GaussianBlur(cv2.dilate(coarse, np.ones((5, 5), np.uint8)), (0, 0), 3)
    paper = cv2.resize(paper, (width, height), interpolation=cv2.INTER_LINEAR)
    ink = 1 - grey.astype(np.float32) / np.maximum(paper.astype(np.float32), 48)
    strength = max(float(np.quantile(ink[::4, ::4], 0.995)), 0.25)
    return np.asarray(np.clip(ink / strength, 0, 1), dtype=np.float32)


def _fit(plane: NDArray[Any], longest: int) -> NDArray[Any]:
    """Scale so that the longest side is `longest` pixels and the other at least one."""
    height, width = plane.shape
    scale = longest / max(height, width)
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    method = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
    return np.asarray(cv2.resize(plane, size, interpolation=method))
