"""The direction of text lines, by the energy of projection profiles.

Text projected along its lines gives a profile of sharp peaks; along any other direction the peaks
run together. The profile's energy as a function of the angle therefore has its maximum at the
lines' direction (W. Postl, "Detection of linear oblique structures and skew scan in digitized
documents", ICPR 1986; D. Bloomberg, G. Kopec, L. Dasari, "Measuring document image skew and
orientation", SPIE 2422, 1995). Here only the upper and the lower edges of letters are projected,
apart from each other: they lie on the x-height line and on the baseline, which makes the peaks
sharper than ink does.

Angles are degrees clockwise, in image coordinates (x right, y down).
"""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from servers.deskew.profile import (
    Floats,
    Places,
    Singles,
    energy_of,
    in_frame,
    sides_of,
    vertex,
)
from servers.deskew.text import TextEdges

COARSE_STEP = 1.0
COARSE_POINTS = 12_000
COARSE_BIN = 3.0
"""Pixels per bin of the coarse profile."""
COARSE_STRIP = 400.0
"""Pixels along the line: short pieces of line keep the coarse peak wider than the step."""
EDGE_HALF_ANGLE = 40.0
"""An edge belongs to a direction when its normal is within this of the direction's normal."""
NEAR = 12.0
"""Degrees to either side in which the direction of the lines is looked for, once it is known about
where it lies."""
RIVAL = 0.6
"""Share of the energy's maximum that makes another direction worth a closer look: where every line
meets the next one at the strip's end, the coarse energy has a maximum too."""
MOST_RIVALS = 4

SEARCHES = ((0.8, 0.1, 6_000), (0.12, 0.04, 15_000))
"""Half range and step in degrees, and most points of one kind of edge, of each finer search."""


@dataclass(frozen=True, slots=True)
class LineDirection:
    """Direction of text lines.

    Attributes:
        degrees: clockwise from horizontal, in [-90, 90).
        prominence: the energy's maximum over its median over all directions; 1 at least, and about
            1 when nothing on the page lies in lines.
    """

    degrees: float
    prominence: float


def find_direction(text: TextEdges) -> LineDirection:
    """Direction of the lines of text among all directions, to about a twentieth of a degree.

    Text of few letters that happen to stand above each other may be taken for lines across: see
    `servers.deskew.orientation`.
    """
    if not len(text.points):
        return LineDirection(0.0, 1.0)
    edges = _Edges.of(text)
    angles = np.arange(-90.0, 90.0, COARSE_STEP)
    around = edges.energies(angles)
    peak = angles[around.argmax()] + COARSE_STEP * np.array([-0.5, -0.25, 0, 0.25, 0.5])
    highest = float(edges.energies(peak).max())
    prominence = max(1.0, highest / max(float(np.median(around)), 1.0))
    degrees = _sharpest_of(text, _rivals(angles, around))
    return LineDirection((degrees + 90) % 180 - 90, prominence)


def direction_near(text: TextEdges, degrees: float) -> float:
    """Direction of the lines of text within `NEAR` of this one, to about a twentieth of a degree.

    Args:
        text: the page's text, with at least one point.
        degrees: about where the lines' direction is.
    """
    angles = np.arange(degrees - NEAR, degrees + NEAR + COARSE_STEP / 2, COARSE_STEP)
    return _sharpest_of(text, _rivals(angles, _Edges.of(text).energies(angles)))


def _sharpest_of(text: TextEdges, rivals: "list[_Rival]") -> float:
    """The direction near any of these whose profiles are sharpest, in strips and across the page.

    Strips say little where rows meet the next ones at their ends; the whole page's profile says
    little where there are few letters.
    """
    found = [(_sharpest(text, each.degrees), each.energy) for each in rivals]
    (degrees, _), _ = max(found, key=lambda each: each[0][1] * each[1])
    return degrees


def _sharpest(text: TextEdges, degrees: float) -> tuple[float, float]:
    """The direction near `degrees` whose profile is sharpest, and that profile's energy.

    Args:
        text: the page's text.
        degrees: a direction to about three quarters of a degree.
    """
    for half_range, step, most in SEARCHES:
        frame = degrees
        sides = sides_of(text, frame, EDGE_HALF_ANGLE, most)
        offsets = np.arange(-half_range, half_range + step / 2, step)
        energies = np.array([energy_of(sides, offset) for offset in offsets])
        degrees += vertex(offsets, energies)
    return degrees, _of_all(float(energies.max()), text, frame, sides)


@dataclass(frozen=True, slots=True)
class _Edges:
    """A sample of a page's edges, those that face any given way side by side.

    Attributes:
        points: (2n, 2) every point twice; all x, then all y in memory.
        normals: (2n,) ascending; the second time with 360 added.
        reach: pixels from the page's centre to the farthest point.
    """

    points: Singles
    normals: Singles
    reach: float

    @classmethod
    def of(cls, text: TextEdges) -> "_Edges":
        """Of text with at least one point."""
        stride = -(-len(text.points) // COARSE_POINTS)
        points, normals = text.points[::stride], text.normals[::stride] % 360
        order = np.argsort(normals, kind="stable")
        points, normals = points[order], normals[order]
        return cls(
            np.asfortranarray(np.concatenate([points, points])),
            np.concatenate([normals, normals + 360]),
            float(np.hypot(*points.T).max()) + 1,
        )

    def energies(self, angles: Floats) -> Floats:
        """Energy of the profiles of upper and of lower edges of lines in each direction.

        It is that of the profiles' differences, which depends less than that of the profiles
        themselves on the page's extent along the line.
        """
        firsts = (angles[:, None] + (90.0, 270.0) - EDGE_HALF_ANGLE) % 360
        begins = np.searchsorted(self.normals, firsts)
        ends = np.searchsorted(self.normals, firsts + 2 * EDGE_HALF_ANGLE)
        return np.array(
            [
                sum(self._energy(angle, slice(*side)) for side in zip(*sides, strict=True))
                for angle, *sides in zip(angles, begins, ends, strict=True)
            ]
        )

    def _energy(self, angle: float, facing: slice) -> float:
        """That of the edges of one side."""
        bins = int(2 * self.reach / COARSE_BIN) + 2
        along, across = in_frame(self.points[facing], angle)
        place = ((across + self.reach) / COARSE_BIN).astype(np.int32)
        strip = ((along + self.reach) / COARSE_STRIP).astype(np.int32)
        steps = np.diff(np.bincount(strip * bins + place))
        return float(np.square(steps).sum())


class _Rival(NamedTuple):
    degrees: float
    energy: float


def _rivals(angles: Floats, energies: Floats) -> list[_Rival]:
    """The directions at which the energy has a maximum, those of the highest first."""
    peak = (energies >= np.roll(energies, 1)) & (energies >= np.roll(energies, -1))
    peak &= energies >= RIVAL * energies.max()
    found = np.flatnonzero(peak)
    highest = found[np.argsort(-energies[found], kind="stable")][:MOST_RIVALS]
    return [_Rival(float(angles[each]), float(energies[each])) for each in highest]


def _of_all(energy: float, text: TextEdges, degrees: float, sides: list[Places]) -> float:
    """The energy that all points would have, from that of a sample of them.

    Pairs of points in a bin grow with the square of the sample; each point's pair with itself does
    not, and says nothing.
    """
    sample = max(1, sum(len(along) for along, _ in sides))
    whole = sum(
        int(text.facing(degrees + facing, EDGE_HALF_ANGLE).sum()) for facing in (90.0, -90.0)
    )
    return (energy - sample) * (whole / sample) ** 2
