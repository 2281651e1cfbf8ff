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

import cv2
import numpy as np
from numpy.typing import NDArray

from servers.deskew.text import Mask, TextMask, outline, places

Floats = NDArray[np.float64]

COARSE_STEP = 1.0
COARSE_POINTS = 12_000
COARSE_BIN = 3.0
"""Pixels per bin of the coarse profile."""
COARSE_STRIP = 400.0
"""Pixels along the line: short pieces of line keep the coarse peak wider than the step."""
EDGE_HALF_ANGLE = 40.0
"""An edge belongs to a direction when its normal is within this of the direction's normal."""

FINE_POINTS = 50_000
"""Most points of one kind of edge in the last search."""
COLUMN_GAP = 24
"""Pixels of white, from top to bottom, that part two columns of text."""
COLUMN_WIDTH = 320
"""Pixels that every column has at least; narrower ones, of a table say, belong together."""
COLUMN_BIN = 4.0
COLUMN_GAP_INK = 0.1
"""Share of the usual ink that is still white: a headline may cross the gap."""
FINE_SEARCHES = ((1.5, 0.1, 0.2), (0.16, 0.04, 1.0))
"""Half range and step in degrees, and share of the points, of each finer search."""


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


@dataclass(frozen=True, slots=True)
class Edge:
    """The upper or the lower edge of text.

    Attributes:
        points: (n, 2) x, y in pixels from the mask's centre.
        columns: (n,) number of the column of text that each lies in.
    """

    points: Floats
    columns: NDArray[np.int64]

    def every(self, stride: int) -> "Edge":
        """Every `stride`-th point."""
        return Edge(self.points[::stride], self.columns[::stride])

    def profile(self, degrees: float, reach: float) -> Floats:
        """Points per pixel across lines of this direction, column after column.

        Every point is shared between its two nearest bins.
        """
        bins = int(2 * reach) + 2
        place = self.points @ _across(degrees) + reach
        lower = place.astype(np.int64)
        part = place - lower
        lower += self.columns * bins
        count = bins * (int(self.columns.max(initial=0)) + 1)
        profile = np.bincount(lower, 1 - part, count) + np.bincount(lower + 1, part, count)
        return np.asarray(profile, dtype=np.float64)


def find_direction(mask: Mask) -> LineDirection:
    """Direction of the lines of text among all directions, to about half a degree.

    Text of few letters that happen to stand above each other may be taken for lines across: see
    `servers.deskew.orientation`.
    """
    points, normals = _edge_points(mask)
    if not len(points):
        return LineDirection(0.0, 1.0)
    reach = float(np.hypot(*mask.shape))

    def energies(angles: Floats) -> Floats:
        return np.array([_coarse_energy(points, normals, angle, reach) for angle in angles])

    angles = np.arange(-90.0, 90.0, COARSE_STEP)
    around = energies(angles)
    best = angles[around.argmax()] + COARSE_STEP * np.array([-0.5, -0.25, 0, 0.25, 0.5])
    peak = energies(best)
    degrees = (float(best[peak.argmax()]) + 90) % 180 - 90
    return LineDirection(degrees, max(1.0, float(peak.max() / max(np.median(around), 1.0))))


def horizontal_edges(text: TextMask) -> list[Edge]:
    """The lower and the upper edge of text.

    An edge lies where the depth between two rows passes through zero, which is a fraction of a
    pixel better than the mask.
    """
    above, below = text.mask[:-1], text.mask[1:]
    centre = np.array([text.mask.shape[1] - 1, text.mask.shape[0] - 1]) / 2
    edges = []
    for edge in (above & ~below, below & ~above):
        ys, xs = places(edge, FINE_POINTS).T
        upper = text.depth[ys, xs].astype(np.float64)
        lower = text.depth[ys + 1, xs].astype(np.float64)
        points = np.column_stack([xs, ys + upper / (upper - lower)]) - centre
        edges.append(Edge(points, np.zeros(len(points), np.int64)))
    return edges


def refine(edges: list[Edge], degrees: float) -> float:
    """Direction in degrees of nearly horizontal lines, to about a hundredth of a degree.

    Columns of text are projected apart: their lines need not meet, and nearly meeting lines of two
    columns would otherwise pull the maximum towards the angle at which they do.

    Args:
        edges: of lines within 4 degrees of horizontal.
        degrees: their direction to about one degree.
    """
    if not any(len(edge.points) for edge in edges):
        return degrees
    edges = _in_columns(edges, degrees)
    reach = _reach(edges)
    for half_range, step, share in FINE_SEARCHES:
        angles = degrees + np.arange(-half_range, half_range + step / 2, step)
        sample = [edge.every(round(1 / share)) for edge in edges]
        energies = np.array(
            [
                sum(np.square(edge.profile(angle, reach)).sum() for edge in sample)
                for angle in angles
            ]
        )
        degrees = _vertex(angles, energies)
    return degrees


def letter_height(edges: list[Edge], degrees: float, shortest: float, tallest: float) -> float:
    """Height of small letters in pixels: from the line on which their tops lie to the baseline.

    It is the distance at which the profile of upper edges fits that of lower edges best, so
    letters that touch do no harm, and ascenders and capitals do not count while they are fewer.

    Args:
        edges: of lines within 4 degrees of horizontal.
        degrees: their exact direction.
        shortest, tallest: bounds in pixels: more than a stroke is thick, less than two lines apart.
    """
    reach = _reach(edges)
    lower, upper = (edge.profile(degrees, reach) for edge in edges)
    heights = np.arange(max(2, round(shortest)), max(5, round(tallest) + 1))
    fits = np.array([float(upper[:-height] @ lower[height:]) for height in heights])
    return _vertex(heights.astype(np.float64), fits)


def _edge_points(mask: Mask) -> tuple[Floats, Floats]:
    """Points (n, 2) x, y on the edges of text and the directions (n,) of their outward normals.

    Directions are degrees clockwise from the x axis. Every point is there twice, the second time
    with 360 added to its direction, and all are sorted by direction, so that the edges that face
    any given way lie side by side.
    """
    ys, xs = places(outline(mask), COARSE_POINTS).T
    smooth = cv2.GaussianBlur(mask * np.uint8(255), (5, 5), 0)
    rise_x = cv2.Sobel(smooth, cv2.CV_16S, 1, 0)[ys, xs].astype(np.float64)
    rise_y = cv2.Sobel(smooth, cv2.CV_16S, 0, 1)[ys, xs].astype(np.float64)
    normals = np.degrees(np.arctan2(-rise_y, -rise_x)) % 360
    order = np.argsort(normals, kind="stable")
    points = np.column_stack([xs, ys])[order].astype(np.float64)
    normals = normals[order]
    return np.concatenate([points, points]), np.concatenate([normals, normals + 360])


def _coarse_energy(points: Floats, normals: Floats, angle: float, reach: float) -> float:
    """Energy of the profiles of the upper and of the lower edges of lines in this direction.

    The energy is that of the profile's differences, which depends less than that of the profile
    itself on the page's extent along the line.
    """
    bins = int(2 * reach / COARSE_BIN) + 2
    energy = 0.0
    for facing in (90.0, 270.0):
        first = (angle + facing - EDGE_HALF_ANGLE) % 360
        begin, end = np.searchsorted(normals, [first, first + 2 * EDGE_HALF_ANGLE])
        chosen = points[begin:end]
        place = ((chosen @ _across(angle) + reach) / COARSE_BIN).astype(np.int64)
        strip = ((chosen @ _along(angle) + reach) / COARSE_STRIP).astype(np.int64)
        profile = np.bincount(strip * bins + place).astype(np.float64)
        energy += float(np.square(np.diff(profile)).sum())
    return energy


def _reach(edges: list[Edge]) -> float:
    """Pixels from the mask's centre beyond which no point lies, whatever the direction."""
    return 2 + max(float(np.hypot(*edge.points.T).max(initial=0)) for edge in edges)


def _in_columns(edges: list[Edge], degrees: float) -> list[Edge]:
    """The edges with the column of every point, for lines of about this direction."""
    along = [edge.points @ _along(degrees) for edge in edges]
    first = min(place.min() for place in along if len(place))
    bins = [((place - first) / COLUMN_BIN).astype(np.int64) for place in along]
    amounts = np.bincount(np.concatenate(bins))
    starts = _column_starts(amounts < COLUMN_GAP_INK * amounts[amounts > 0].mean())
    columns = [np.searchsorted(starts, place, side="right") for place in bins]
    return [Edge(edge.points, column) for edge, column in zip(edges, columns, strict=True)]


def _column_starts(white: NDArray[np.bool_]) -> list[int]:
    """Bins at which a second, third, ... column starts.

    Args:
        white: (n,) whether a bin along the lines carries next to no text.
    """
    inked = np.flatnonzero(~white)
    wide = np.flatnonzero(np.diff(inked) > COLUMN_GAP / COLUMN_BIN)
    ends, begins = inked[wide], inked[wide + 1]
    narrowest = COLUMN_WIDTH / COLUMN_BIN
    starts: list[int] = []
    left = int(inked[0])
    for end, begin in zip(ends, begins, strict=True):
        if end - left >= narrowest and inked[-1] - begin >= narrowest:
            starts.append(int(begin))
            left = int(begin)
    return starts


def _along(degrees: float) -> Floats:
    """Unit vector in the direction of lines."""
    radians = np.radians(degrees)
    return np.array([np.cos(radians), np.sin(radians)])


def _across(degrees: float) -> Floats:
    """Unit vector from line to line, downwards."""
    return _along(degrees + 90)


def _vertex(angles: Floats, energies: Floats) -> float:
    """Angle of the maximum, by the parabola through the five values around the largest."""
    best = int(energies.argmax())
    near = slice(max(0, best - 2), best + 3)
    step = angles[1] - angles[0]
    curve, slope, _ = np.polyfit((angles[near] - angles[best]) / step, energies[near], 2)
    if curve >= 0:
        return float(angles[best])
    return float(angles[best] + step * np.clip(-slope / (2 * curve), -1, 1))
