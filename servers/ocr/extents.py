"""Where each word of a line begins and ends, in pixels of the line's crop.

The recogniser's steps say roughly where a character's middle is. The ink says where the gap
between two words is: it is the widest run of blank columns between the last character of the one
and the first of the next.
"""

from collections.abc import Sequence
from itertools import pairwise

import cv2
import numpy as np
from numpy.typing import NDArray

from meshkit.model import Image
from servers.ocr.ctc import Span

Extent = tuple[float, float]
"""Left and right edge in pixels of the crop, left < right."""

FLAT = 24
"""A crop whose grey values span less than this has no ink to go by."""


def word_extents(words: Sequence[Span], ink: NDArray[np.bool_], step: float) -> list[Extent]:
    """One extent a word, in order, none overlapping.

    Args:
        words: the line's words, left to right.
        ink: (width,) true where a column of the crop holds ink.
        step: crop pixels a recogniser step.
    """
    width = len(ink)
    lefts, rights = [_outer_left(words[0], ink, step)], []
    for word, following in pairwise(words):
        last = _inside((word.end - 0.5) * step, width)
        first = max(_inside((following.start + 0.5) * step, width), last + 1)
        gap_start, gap_end = widest_gap(ink[last:first])
        rights.append(float(last + gap_start))
        lefts.append(float(last + gap_end))
    rights.append(_outer_right(words[-1], ink, step))
    return [(a, max(b, a + 1.0)) for a, b in zip(lefts, rights, strict=True)]


def ink_columns(crop: Image) -> NDArray[np.bool_]:
    """Which columns of a line's crop hold ink, dark on light or light on dark.

    Rules that run along the top or the bottom of the crop are not looked at.
    """
    grey = cv2.cvtColor(crop, cv2.COLOR_BGR2GRAY) if crop.ndim == 3 else crop
    band = grey[grey.shape[0] // 6 : grey.shape[0] - grey.shape[0] // 6]
    if int(band.max()) - int(band.min()) < FLAT:
        return np.zeros(grey.shape[1], np.bool_)
    _, white = cv2.threshold(band, 0, 1, cv2.THRESH_BINARY | cv2.THRESH_OTSU)
    paper = 1 if white.mean() >= 0.5 else 0
    return np.asarray((white != paper).any(axis=0), np.bool_)


def widest_gap(ink: NDArray[np.bool_]) -> Extent:
    """Start and end of the widest run of blank columns; the middle when there is none."""
    edges = np.flatnonzero(np.diff(np.r_[True, ink, True].astype(np.int8)))
    if len(edges) == 0:
        return len(ink) / 2, len(ink) / 2
    starts, ends = edges[::2], edges[1::2]
    widest = int(np.argmax(ends - starts))
    return float(starts[widest]), float(ends[widest])


def _outer_left(word: Span, ink: NDArray[np.bool_], step: float) -> float:
    """The first ink before the line's first character, else half a step before it."""
    first = _inside((word.start + 0.5) * step, len(ink))
    before = np.flatnonzero(ink[: first + 1])
    return float(before[0]) if len(before) else max(0.0, word.start * step)


def _outer_right(word: Span, ink: NDArray[np.bool_], step: float) -> float:
    last = _inside((word.end - 0.5) * step, len(ink))
    behind = np.flatnonzero(ink[last:])
    return float(last + behind[-1] + 1) if len(behind) else min(float(len(ink)), word.end * step)


def _inside(position: float, width: int) -> int:
    return min(max(int(position), 0), width - 1)
