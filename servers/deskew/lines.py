"""The lines of a page, one by one: the exact direction that they have together.

The peaks of the profile are lines, and a straight line is fitted to the points of each, leaving out
those that lie beside it: ascenders, descenders, a line of the next column that nearly meets. The
page's direction is the median of its lines' directions, each weighted by the inverse of its
variance: half of all that is written lies to either side of it, and what runs astray does not pull.
Where a form and what was typed into it lie differently, lines are fitted along both directions, and
it is the one that more lines agree with. How far the lines agree, and how many they are, says how
sure it is.

Angles are degrees clockwise, in image coordinates (x right, y down).
"""

from dataclasses import dataclass

import cv2
import numpy as np

from servers.deskew.profile import Floats, Singles, sides_of, weighted_median
from servers.deskew.text import TextEdges

HALF_ANGLE = 30.0
"""Edges of lines that are fitted face their line's normal within this."""
MOST_POINTS = 40_000
"""Most points of one kind of edge that lines are fitted to."""
LEAST_POINTS = 24
LEAST_SPAN = 60.0
"""Pixels along the line that its points stand for, at least."""
REACH = 8.0
"""Pixels around a peak in which its line is looked for."""
WIDTH = 2.0
"""Pixels from the line beyond which a point does not count; twice as many when fitting begins."""
FITS = 4
STEEPEST = 0.02
"""Slope of a line against the direction found before, at most: a degree and a bit."""
AGREEING = 0.15
"""Degrees: deviation of the bell that counts which direction most lines agree with."""
FAR = 0.3
"""Degrees from that direction beyond which a line has no say."""
LINE_ERROR = 0.3
"""Degrees by which the direction of one line of text is off."""
RIVAL = 0.4
"""Share of the weight that agrees with the first direction, from which another is looked at too."""


@dataclass(frozen=True, slots=True)
class Lines:
    """Fitted lines, n of them.

    Attributes:
        slopes: (n,) degrees clockwise from the direction of the frame that they were fitted in.
        weights: (n,) sums of squared pixels from the middle of a line to its points, which is what
            the inverse of the slope's variance grows with.
    """

    slopes: Floats
    weights: Floats


@dataclass(frozen=True, slots=True)
class CommonDirection:
    """The direction that a page's lines have together.

    Attributes:
        degrees: clockwise.
        error: degrees by which it may be off: how far lines differ, and how few they are. Infinite
            where no line is.
    """

    degrees: float
    error: float


def direction_of_lines(text: TextEdges, degrees: float) -> CommonDirection:
    """The direction that the lines along the upper and the lower edges of text have together.

    Lines are told apart best along their own direction. Where some agree on another direction than
    most do, both are fitted before one is chosen: or the answer would depend on which came first.

    Args:
        text: the page's text.
        degrees: the lines' direction to about half a degree; it is the answer where no line is.
    """
    lines = _lines_along(text, degrees)
    if not len(lines.slopes):
        return CommonDirection(degrees, np.inf)
    candidates = [_fitted(text, degrees + slope) for slope in directions(lines)]
    return max(candidates, key=lambda each: each.support).direction


@dataclass(frozen=True, slots=True)
class _Candidate:
    """A direction, and the weight of the lines that agree with it, seen along it."""

    direction: CommonDirection
    support: float


def _fitted(text: TextEdges, degrees: float) -> _Candidate:
    """What the lines that lie about this way have for their direction."""
    lines = _lines_along(text, degrees)
    if not len(lines.slopes):
        return _Candidate(CommonDirection(degrees, np.inf), 0.0)
    slopes, weights = lines.slopes, lines.weights
    near = np.abs(slopes) <= FAR
    middle = weighted_median(slopes[near], weights[near]) if near.any() else 0.0
    support = float(_bell(slopes - middle) @ weights)
    error = _error(slopes - middle, weights)
    return _Candidate(CommonDirection(degrees + middle, error), support)


def weight_along(text: TextEdges, degrees: float) -> float:
    """The weight of all lines that lie about this way."""
    return float(_lines_along(text, degrees).weights.sum())


def directions(lines: Lines) -> list[float]:
    """The slope that most of the weight agrees with, then others that enough of it does.

    Args:
        lines: one at least.
    """
    slopes, weights = lines.slopes, lines.weights
    votes = _bell(slopes[:, None] - slopes) @ weights
    enough, found = RIVAL * votes.max(), []
    while len(votes) and votes.max() >= enough:
        middle = slopes[votes.argmax()]
        near = np.abs(slopes - middle) <= FAR
        found.append(weighted_median(slopes[near], weights[near]))
        votes = np.where(near, -np.inf, votes)
    return found


def _lines_along(text: TextEdges, degrees: float) -> Lines:
    """Lines along the lower and along the upper edges of text."""
    sides = [_fit(*side) for side in sides_of(text, degrees, HALF_ANGLE, MOST_POINTS)]
    return Lines(
        np.concatenate([side.slopes for side in sides]),
        np.concatenate([side.weights for side in sides]),
    )


def _bell(deviations: Floats) -> Floats:
    return np.asarray(np.exp(-np.square(deviations / AGREEING) / 2), np.float64)


def _error(deviations: Floats, weights: Floats) -> float:
    """Degrees by which lines differ from their direction, and by which so few lines are off."""
    count = weights.sum() ** 2 / np.square(weights).sum()
    return float(np.sqrt(np.average(deviations**2, weights=weights) + LINE_ERROR**2 / count))


def _fit(along: Singles, across: Singles) -> Lines:
    """Lines of points, each by least squares, weighted by Tukey's biweight of the distance."""
    peaks = _peaks(across)
    line = np.searchsorted((peaks[1:] + peaks[:-1]) / 2, across)
    near = np.abs(across - peaks[line]) < REACH if len(peaks) else np.zeros(len(across), bool)
    line, along, across = line[near], *(each[near].astype(np.float64) for each in (along, across))
    count = len(peaks)
    slope, level = np.zeros(count), peaks.astype(np.float64)
    long, extent = np.zeros(count, bool), np.ones(count)
    for fit in range(FITS):
        width = max(WIDTH, 2 * WIDTH / (fit + 1))
        distance = across - level[line] - slope[line] * along
        weight = np.square(np.maximum(1 - np.square(distance / width), 0))
        total = np.maximum(np.bincount(line, weight, count), 1e-9)
        middle = np.bincount(line, weight * along, count) / total
        height = np.bincount(line, weight * across, count) / total
        from_middle = along - middle[line]
        extent = np.maximum(np.bincount(line, weight * from_middle**2, count), 1e-9)
        slant = np.bincount(line, weight * from_middle * (across - height[line]), count)
        long = extent > LEAST_POINTS / 2 * LEAST_SPAN**2 / 12
        slope = np.where(long, slant / extent, 0.0).clip(-STEEPEST, STEEPEST)
        level = height - slope * middle
        long &= np.sqrt(12 * extent / total) > LEAST_SPAN
    return Lines(np.degrees(slope[long]), extent[long])


def _peaks(across: Singles) -> Singles:
    """Where lines are: (n,) pixels across them, ascending."""
    if not len(across):
        return np.zeros(0, np.float32)
    pixel = np.floor(across).astype(np.int32)
    first = int(pixel.min()) - 1
    profile = np.bincount(pixel - first, minlength=int(pixel.max()) - first + 2)
    smooth = np.convolve(profile, [1, 2, 1], "same").astype(np.float32)
    highest = np.asarray(cv2.dilate(smooth.reshape(-1, 1), np.ones((7, 1), np.uint8))).ravel()
    enough = np.convolve(profile, [1, 1, 1], "same") >= LEAST_POINTS
    return (np.flatnonzero((smooth == highest) & enough) + first + 0.5).astype(np.float32)
