"""How tall a page's letters are, and text as tall as print.

Angles are degrees clockwise, in image coordinates (x right, y down).
"""

import dataclasses

import numpy as np

from servers.deskew.profile import (
    Floats,
    in_frame,
    profile_of,
    sides_of,
    vertex,
    weighted_median,
)
from servers.deskew.text import TextEdges

HALF_ANGLE = 30.0
"""Edges of letters' tops and of their baseline face the line's normal within this."""
MOST_POINTS = 40_000
"""Most points of one kind of edge that letters are measured by."""
PRINT_HEIGHT = 18.0
"""Pixels of the working copy that most pages' letters of print are tall at most."""


def as_tall_as_print(text: TextEdges, degrees: float) -> TextEdges:
    """The text, shrunk where its letters are taller than print: handwriting mostly is.

    How far points may lie from a line, and lines from each other, is told in pixels of print.

    Args:
        text: the page's text.
        degrees: the direction of its lines to about a degree.
    """
    tall, outlines = _heights(text, degrees)
    if not len(tall):
        return text
    factor = PRINT_HEIGHT / weighted_median(tall, outlines)
    if factor >= 1:
        return text
    return dataclasses.replace(text, points=text.points * np.float32(factor))


def letter_height(text: TextEdges, degrees: float) -> float:
    """Height of small letters in pixels: from the line on which their tops lie to the baseline.

    It is the distance at which the profile of upper edges fits that of lower edges best, so
    letters that touch do no harm, and ascenders and capitals do not count while they are fewer. It
    is looked for from what a stroke is thick to what lines are apart: a small letter is hardly
    taller than the median component. Each counts by the length of its outline, since the dots of
    leaders and of grain may be more than the letters.

    Args:
        text: the page's text.
        degrees: the exact direction of its lines.
    """
    tall, outlines = _heights(text, degrees)
    if not len(tall):
        return 0.0
    median = weighted_median(tall, outlines)
    sides = sides_of(text, degrees, HALF_ANGLE, MOST_POINTS)
    first = min(float(across.min(initial=0)) for _, across in sides) - 1
    bins = int(max(float(across.max(initial=0)) for _, across in sides) - first) + 3
    lower, upper = (profile_of(across - np.float32(first), bins) for _, across in sides)
    heights = np.arange(max(2, round(0.45 * median)), max(5, round(1.1 * median) + 1))
    heights = heights[heights < bins]
    fits = np.array([float(upper[:-height] @ lower[height:]) for height in heights])
    return vertex(heights.astype(np.float64), fits) if len(fits) else 0.0


def _heights(text: TextEdges, degrees: float) -> tuple[Floats, Floats]:
    """Pixels across lines of this direction that each letter measures, and points on its edges."""
    _, across = in_frame(text.points, degrees)
    top = np.full(text.count, np.inf, np.float32)
    bottom = np.full(text.count, -np.inf, np.float32)
    np.minimum.at(top, text.letters, across)
    np.maximum.at(bottom, text.letters, across)
    tall = bottom > top
    points = np.bincount(text.letters, minlength=text.count).astype(np.float64)
    return (bottom - top)[tall].astype(np.float64), points[tall]
