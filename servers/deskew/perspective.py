"""How far a page was photographed aslant: whether what is parallel on the paper is so in the image.

Seen aslant, parallel lines run towards a common point. So the direction of the letters' upper and
lower edges changes from the top of the page to the bottom, or that of their stems from left to
right, evenly. Letters are there on every page of text, whereas the paper's own edges often are not.
"""

import numpy as np

from servers.deskew.profile import Floats, in_frame
from servers.deskew.text import TextEdges

LEAST_POINTS = 400
LEAST_EXTENT = 200.0
"""Pixels over which edges must lie for their directions to be compared."""
HALF_ANGLE = 25.0
"""Edges that are compared face their direction within this."""
MOST_POINTS = 15_000
"""Of the edges that face one way."""
SPREAD = 5.0
"""Degrees by which edges differ: letters are round, and slant."""
OUTLYING = 4.0
"""Times `SPREAD` at which an edge has lost all its weight."""
POINTS_OF_A_LETTER = 10
"""Points of a letter share their error."""
SURE = 2.0
"""Standard errors that are taken off: a flat page has no perspective."""
FITS = 6


def convergence(text: TextEdges, degrees: float) -> float:
    """Degrees by which lines, or stems, turn from one side of the text to the other.

    Args:
        text: the page's text.
        degrees: the direction of its lines.
    """
    stems = _turn(text, degrees, 0.0)
    lines = _turn(text, degrees, 90.0)
    return max(stems, lines)


def _turn(text: TextEdges, degrees: float, facing: float) -> float:
    """The turn of edges over the way they face: stems face along the lines, lines across them."""
    turns: list[Floats] = []
    places: list[Floats] = []
    for side in (degrees + facing, degrees + facing + 180):
        chosen = np.flatnonzero(text.facing(side, HALF_ANGLE))
        chosen = chosen[:: max(1, -(-len(chosen) // MOST_POINTS))]
        if len(chosen):
            turn = (text.normals[chosen].astype(np.float64) - side + 180) % 360 - 180
            turns.append(turn - np.median(turn))
            place, _ = in_frame(text.points[chosen], degrees + facing)
            places.append(place.astype(np.float64))
    if sum(len(place) for place in places) < LEAST_POINTS:
        return 0.0
    return _trend(np.concatenate(places), np.concatenate(turns))


def _trend(places: Floats, degrees: Floats) -> float:
    """Degrees that a straight line through these points rises or falls over their extent.

    Least squares with Tukey's biweight, less what may be chance.

    Args:
        places: (n,) pixels.
        degrees: (n,) what was measured there.
    """
    low, high = np.percentile(places, [2, 98])
    if high - low < LEAST_EXTENT:
        return 0.0
    slope, level, error = 0.0, float(np.median(degrees)), 0.0
    for _ in range(FITS):
        far = (degrees - level - slope * places) / (OUTLYING * SPREAD)
        weight = np.square(np.maximum(1 - np.square(far), 0)) / SPREAD**2
        total = max(float(weight.sum()), 1e-12)
        # Not products of vectors: for long ones BLAS wakes all cores, which costs more than it
        # saves, and makes the sum depend on their number.
        middle = float((weight * places).sum()) / total
        mean = float((weight * degrees).sum()) / total
        off = places - middle
        extent = max(float((weight * np.square(off)).sum()), 1e-12)
        slope = float((weight * off * (degrees - mean)).sum()) / extent
        level = mean - slope * middle
        error = float(np.sqrt(POINTS_OF_A_LETTER / extent))
    return max(0.0, abs(slope) - SURE * error) * float(high - low)
