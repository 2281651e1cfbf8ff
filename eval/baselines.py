"""The direction of text by the boxes around its words, whoever drew them.

Every word that has no descender stands with its box on the baseline. Along a line of text the
boxes' lower edges therefore rise as the line does: by less than a pixel a word, but a page has
hundreds of them. It takes boxes instead of edges or profiles of ink, so it shares no fault with
what is judged by it.

Angles are degrees clockwise, in image coordinates (x right, y down).
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.intp]

BELOW = frozenset("gjpqyQJ")
"""Letters that may hang below the baseline."""
LEAST_WORDS = 12
"""Words that share a line with another one, at least."""
OUTLYING = 4.0
"""Times the words' own deviation at which one has lost all its weight."""
LEAST_DEVIATION = 0.5
"""Pixels: boxes are whole pixels."""
FITS = 15
NEXT, BESIDE = 2.0, 0.4
"""Heights of a word within which the next one of its line begins, and stands higher or lower."""


@dataclass(frozen=True, slots=True)
class Box:
    """A word's box, upright, in pixels."""

    text: str
    left: float
    top: float
    right: float
    bottom: float


@dataclass(frozen=True, slots=True)
class Direction:
    """Of the baselines of a page.

    Attributes:
        degrees: clockwise.
        error: degrees; its standard error by how far the boxes lie from their lines.
    """

    degrees: float
    error: float


def direction_of_baselines(lines: Iterable[Sequence[Box]]) -> Direction | None:
    """The slope that all lines' words have together; None when they are too few.

    Least squares with a level for each line and Tukey's biweight, from the median slope of pairs.
    """
    standing = [[word for word in line if _stands(word.text)] for line in lines]
    kept = [line for line in standing if len(line) > 1]
    if sum(map(len, kept)) < LEAST_WORDS:
        return None
    line = np.repeat(np.arange(len(kept)), [len(words) for words in kept])
    x = np.array([(word.left + word.right) / 2 for words in kept for word in words])
    y = np.array([word.bottom for words in kept for word in words])
    slope = _median_slope(x, y, line)
    weight = np.ones(len(x))
    extent, deviation = 1.0, 1.0
    for _ in range(FITS):
        off_x, off_y = _from_mean(x, line, weight), _from_mean(y, line, weight)
        rest = off_y - slope * off_x
        deviation = max(LEAST_DEVIATION, 1.4826 * float(np.median(np.abs(rest))))
        weight = np.square(np.maximum(1 - np.square(rest / (OUTLYING * deviation)), 0))
        off_x, off_y = _from_mean(x, line, weight), _from_mean(y, line, weight)
        extent = max(1e-9, float((weight * off_x**2).sum()))
        slope = float((weight * off_x * off_y).sum()) / extent
    error = np.degrees(deviation / np.sqrt(extent))
    return Direction(float(np.degrees(np.arctan(slope))), float(error))


def chained(words: Sequence[Box], degrees: float) -> list[list[Box]]:
    """Words as lines: each is followed by the nearest one that stands level to its right.

    Args:
        words: of a page, in any order.
        degrees: the lines' direction, to about a degree.
    """
    slope = np.tan(np.radians(degrees))
    left = np.array([word.left for word in words])
    right = np.array([word.right for word in words])
    height = np.array([word.bottom - word.top for word in words])
    level = np.array([(word.top + word.bottom) / 2 for word in words]) - slope * (left + right) / 2
    lines: dict[int, list[Box]] = {}
    line_of = np.full(len(words), -1)
    for place in np.argsort(left, kind="stable"):
        if line_of[place] < 0:
            line_of[place] = place
        lines.setdefault(int(line_of[place]), []).append(words[place])
        gap = left - right[place]
        follows = (left > left[place]) & (np.abs(gap) < NEXT * height[place]) & (line_of < 0)
        follows &= np.abs(level - level[place]) < BESIDE * height[place]
        if follows.any():
            line_of[np.flatnonzero(follows)[gap[follows].argmin()]] = line_of[place]
    return list(lines.values())


def _stands(text: str) -> bool:
    """Whether all of a word stands on its baseline: letters and figures do, marks may not."""
    return len(text) > 1 and text.isascii() and text.isalnum() and not BELOW & set(text)


def _from_mean(values: Floats, line: Ints, weight: Floats) -> Floats:
    """Values less the weighted mean of their line's."""
    mean = np.bincount(line, weight * values) / np.maximum(np.bincount(line, weight), 1e-9)
    return np.asarray(values - mean[line], np.float64)


def _median_slope(x: Floats, y: Floats, line: Ints) -> float:
    """Of all pairs of words of a line, each weighted by their distance (after Theil and Sen)."""
    first, second = np.triu_indices(len(x), 1)
    pairs = (line[first] == line[second]) & (x[first] != x[second])
    run = x[second[pairs]] - x[first[pairs]]
    slopes = (y[second[pairs]] - y[first[pairs]]) / run
    order = np.argsort(slopes, kind="stable")
    shares = np.cumsum(np.abs(run)[order])
    return float(slopes[order][np.searchsorted(shares, shares[-1] / 2)]) if len(run) else 0.0
