"""Where each word of a line begins and ends, in pixels of the line's crop.

The recogniser's steps say roughly where a character's middle is. The ink says where the gap
between two words is: it is the widest run of blank columns between the last character of the one
and the first of the next.
"""

from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from meshkit.model import Image
from servers.ocr.ctc import Span

Extent = tuple[float, float]
"""Left and right edge in pixels of the crop, left < right."""

Gaps = NDArray[np.float64]
"""(n, 2) start and end of runs of blank columns."""

FLAT = 24
"""A crop whose grey values span less than this has no ink to go by."""

RULED = 0.95
"""A rule between two cells is ink in this part of a column, from the crop's top to its bottom;
letters have paper above and below."""


def word_extents(words: Sequence[Span], ink: NDArray[np.bool_], step: float) -> list[Extent]:
    """One extent a word, in order, none overlapping.

    Args:
        words: the line's words, left to right.
        ink: (width,) true where a column of the crop holds ink.
        step: crop pixels a recogniser step.
    """
    lefts, rights = [_outer_left(words[0], ink, step)], []
    ends, starts = [word.end for word in words[:-1]], [word.start for word in words[1:]]
    for gap_start, gap_end in blanks_between(ends, starts, ink, step):
        rights.append(float(gap_start))
        lefts.append(float(gap_end))
    rights.append(_outer_right(words[-1], ink, step))
    return [(a, max(b, a + 1.0)) for a, b in zip(lefts, rights, strict=True)]


def blanks_between(
    ends: Sequence[int], starts: Sequence[int], ink: NDArray[np.bool_], step: float
) -> Gaps:
    """The widest run of blank columns between characters and those that follow them.

    Args:
        ends: the step behind each left character.
        starts: the first step of each right one.
        ink, step: as in `word_extents`.
    """
    width = len(ink)
    low = np.clip((np.asarray(ends, np.float64) - 0.5) * step, 0, width - 1).astype(np.intp)
    high = np.clip((np.asarray(starts, np.float64) + 0.5) * step, 0, width - 1).astype(np.intp)
    return widest_gaps(ink, low, np.maximum(high, low + 1))


def ink_columns(crop: Image) -> NDArray[np.bool_]:
    """Which columns of a line's crop hold ink, dark on light or light on dark.

    Rules that run along the top or the bottom of the crop are not looked at.
    """
    margin = crop.shape[0] // 6
    return np.asarray(_ink(crop[margin : crop.shape[0] - margin]).any(axis=0), np.bool_)


def ruled_columns(crop: Image) -> NDArray[np.bool_]:
    """Which columns of a line's crop belong to rules that stand across the line."""
    return np.asarray(_ink(crop).mean(axis=0) >= RULED, np.bool_)


def _ink(crop: Image) -> NDArray[np.bool_]:
    grey = cv2.cvtColor(crop, cv2.COLOR_BGR2GRAY) if crop.ndim == 3 else crop
    if int(grey.max()) - int(grey.min()) < FLAT:
        return np.zeros(grey.shape, np.bool_)
    _, white = cv2.threshold(grey, 0, 1, cv2.THRESH_BINARY | cv2.THRESH_OTSU)
    paper = 1 if white.mean() >= 0.5 else 0
    return np.asarray(white != paper, np.bool_)


def widest_gaps(ink: NDArray[np.bool_], starts: NDArray[np.intp], ends: NDArray[np.intp]) -> Gaps:
    """Start and end of the widest run of blank columns in each window of a line.

    Args:
        ink: (width,) true where a column holds ink.
        starts, ends: (n,) the windows [start, end). A window without a blank column has a gap of no
            width in its middle.
    """
    edges = np.flatnonzero(np.diff(ink, prepend=True, append=True))
    if len(edges) == 0:
        return np.repeat((starts + ends)[:, None] / 2, 2, axis=1)
    first = np.maximum(edges[::2], starts[:, None])
    last = np.minimum(edges[1::2], ends[:, None])
    widest = (np.arange(len(starts)), np.argmax(last - first, axis=1))
    gaps = np.stack([first[widest], last[widest]], axis=1).astype(np.float64)
    none = gaps[:, 1] <= gaps[:, 0]
    gaps[none] = ((starts + ends) / 2)[none, None]
    return gaps


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
