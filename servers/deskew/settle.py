"""What a page's direction is where its lines do not agree on one.

Printed lines are straight and level with each other, and the profile's energy has a sharp peak:
there the direction of the fitted lines stands, to a hundredth of a degree. Handwriting wanders, and
what was typed may lie aslant of the form: the energy is then nearly the same over half a degree,
and on which direction the lines settle is chance. There the middle of what the energy allows is
told instead. One passes into the other, so that a small difference never makes a great one.

Angles are degrees clockwise, in image coordinates (x right, y down).
"""

import numpy as np

from servers.deskew.profile import Floats, energy_of, sides_of
from servers.deskew.text import TextEdges

HALF_ANGLE = 40.0
"""Edges that count face the lines' normal within this."""
MOST_POINTS = 6_000
"""Most points of one kind of edge."""
REACH, STEP = 1.2, 0.1
"""Degrees to either side in which the energy is looked at, and between one look and the next."""
OFFSETS = np.arange(-REACH, REACH + STEP / 2, STEP)
NEAR = 2.5 * STEP
"""Degrees from the lines' direction in which their peak of the energy is."""
SHARPNESS = 40
"""Power of the energy that is taken for a direction's weight."""
SPREAD = 0.1
"""Degrees of deviation of those weights at which the lines' direction and the energy's middle count
the same; print mostly has less than half of it."""
PASSAGE = 4
"""Power of the spread by which one passes into the other."""


def settled(text: TextEdges, degrees: float) -> float:
    """The direction between that of the lines and the middle of what the profile's energy allows.

    Args:
        text: the page's text.
        degrees: the direction that its fitted lines have together.
    """
    sides = sides_of(text, degrees, HALF_ANGLE, MOST_POINTS)
    points = sum(len(along) for along, _ in sides)
    energies = np.array([energy_of(sides, offset) for offset in OFFSETS]) - points
    if energies.max() <= 0:
        return degrees
    weights = _allowed(energies) ** SHARPNESS
    middle = float(np.average(OFFSETS, weights=weights))
    spread = float(np.sqrt(np.average((OFFSETS - middle) ** 2, weights=weights)))
    return degrees + middle * (1 - 1 / (1 + (spread / SPREAD) ** PASSAGE))


def _allowed(energies: Floats) -> Floats:
    """Of each direction the least energy on the way from the lines' peak, as a part of the peak's.

    So another direction's own peak, beyond a valley, has no say.
    """
    peak = int(np.where(np.abs(OFFSETS) < NEAR, energies, -np.inf).argmax())
    before = np.minimum.accumulate(energies[peak::-1])[::-1]
    after = np.minimum.accumulate(energies[peak:])
    least = np.concatenate([before, after[1:]]).clip(0)
    return np.asarray(least / max(energies[peak], 1e-9), np.float64)
