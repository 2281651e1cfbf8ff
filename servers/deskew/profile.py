"""Text seen along its lines: points in the lines' frame, and their profile across them.

Angles are degrees clockwise, in image coordinates (x right, y down).
"""

import numpy as np
from numpy.typing import NDArray

from servers.deskew.text import TextEdges

Floats = NDArray[np.float64]
Singles = NDArray[np.float32]
Places = tuple[Singles, Singles]
"""Where points lie along the lines, and across them, in pixels from the page's centre."""


def sides_of(text: TextEdges, degrees: float, half_angle: float, most: int) -> list[Places]:
    """The lower and the upper edges of lines in this direction, at most so many points of each."""
    sides = []
    for facing in (90.0, -90.0):
        chosen = np.flatnonzero(text.facing(degrees + facing, half_angle))
        chosen = chosen[:: max(1, -(-len(chosen) // most))]
        sides.append(in_frame(text.points[chosen], degrees))
    return sides


def in_frame(points: Singles, degrees: float) -> Places:
    """Points as seen along and across lines of this direction."""
    radians = np.radians(degrees)
    cosine, sine = np.float32(np.cos(radians)), np.float32(np.sin(radians))
    x, y = points[:, 0], points[:, 1]
    return x * cosine + y * sine, y * cosine - x * sine


def profile_of(places: Singles, bins: int) -> Floats:
    """Points per pixel; every point is shared between its two nearest bins."""
    lower = places.astype(np.int32)
    part = places - lower
    profile = np.bincount(lower, minlength=bins).astype(np.float64)
    shared = np.bincount(lower, part, bins)
    profile -= shared
    profile[1:] += shared[:-1]
    return profile


def energy_of(sides: list[Places], degrees: float) -> float:
    """Energy of the profiles along lines that are turned by this little against the frame's.

    Every point's pair with itself counts: what says something is beyond the number of points.
    """
    slope = np.float32(np.tan(np.radians(degrees)))
    energy = 0.0
    for along, across in sides:
        if len(across):
            place = across - slope * along
            place -= place.min()
            energy += float(np.square(profile_of(place, int(place.max()) + 2)).sum())
    return energy


def vertex(places: Floats, values: Floats) -> float:
    """Place of the maximum, by the parabola through the five values around the largest.

    Args:
        places: (n,) evenly spaced.
        values: (n,) what was found there.
    """
    best = int(values.argmax())
    near = slice(max(0, best - 2), best + 3)
    if len(places[near]) < 3:
        return float(places[best])
    step = places[1] - places[0]
    curve, slope, _ = np.polyfit((places[near] - places[best]) / step, values[near], 2)
    if curve >= 0:
        return float(places[best])
    return float(places[best] + step * np.clip(-slope / (2 * curve), -1, 1))


def weighted_median(values: Floats, weights: Floats) -> float:
    """The value with half of the weight to either side of it.

    Args:
        values: (n,) one at least.
        weights: (n,) positive.
    """
    order = np.argsort(values, kind="stable")
    shares = np.cumsum(weights[order])
    return float(values[order][np.searchsorted(shares, shares[-1] / 2)])
