"""The direction of text lines: by the energy of projection profiles, then by fitting the lines.

Text projected along its lines gives a profile of sharp peaks; along any other direction the peaks
run together. The profile's energy as a function of the angle therefore has its maximum at the
lines' direction (W. Postl, "Detection of linear oblique structures and skew scan in digitized
documents", ICPR 1986; D. Bloomberg, G. Kopec, L. Dasari, "Measuring document image skew and
orientation", SPIE 2422, 1995). Here only the upper and the lower edges of letters are projected,
apart from each other: they lie on the x-height line and on the baseline, which makes the peaks
sharper than ink does.

The peaks then are lines, and a straight line is fitted to the points of each, leaving out those
that lie beside it: ascenders, descenders, a line of the next column that nearly meets. The page's
direction is the robust mean of its lines' directions, in which long lines count as much as the
page's lines differ among themselves: a random-effects mean (R. DerSimonian, N. Laird,
"Meta-analysis in clinical trials", Controlled Clinical Trials 7, 1986) with Tukey's biweight.

Angles are degrees clockwise, in image coordinates (x right, y down).
"""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from servers.deskew.text import TextEdges

Floats = NDArray[np.float64]
Singles = NDArray[np.float32]
Places = tuple[Singles, Singles]
"""Where points lie along the lines, and across them, in pixels from the page's centre."""

COARSE_STEP = 1.0
COARSE_POINTS = 12_000
COARSE_BIN = 3.0
"""Pixels per bin of the coarse profile."""
COARSE_STRIP = 400.0
"""Pixels along the line: short pieces of line keep the coarse peak wider than the step."""
EDGE_HALF_ANGLE = 40.0
"""An edge belongs to a direction when its normal is within this of the direction's normal."""
RIVAL = 0.6
"""Share of the energy's maximum that makes another direction worth a closer look: where every line
meets the next one at the strip's end, the coarse energy has a maximum too."""
MOST_RIVALS = 4

SEARCHES = ((0.8, 0.1, 6_000), (0.12, 0.04, 15_000))
"""Half range and step in degrees, and most points of one kind of edge, of each finer search."""

LINE_HALF_ANGLE = 30.0
"""Edges of lines that are fitted face their line's normal within this."""
LINE_POINTS = 40_000
"""Most points of one kind of edge that lines are fitted to."""
LEAST_LINE_POINTS = 24
LEAST_LINE_SPAN = 60.0
"""Pixels along the line that its points stand for, at least."""
LINE_DISTANCE = 8.0
"""Pixels around a peak in which its line is looked for."""
LINE_WIDTH = 2.0
"""Pixels from the line beyond which a point does not count; twice as many when fitting begins."""
LINE_FITS = 4
STEEPEST = 0.02
"""Slope of a line against the direction found before, at most: a degree and a bit."""
POINT_ERROR = 0.7
"""Pixels by which a point lies off its line, one for each `POINTS_OF_A_LETTER`: the points of a
letter share their error."""
POINTS_OF_A_LETTER = 10
LINE_SPREAD = 0.05
"""Degrees by which the lines of one page differ, by print, by hand, and by the paper's way through
the scanner."""
OUTLYING = 4.0
"""Standard deviations at which a line has lost all its weight."""


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
    angles = np.arange(-90.0, 90.0, COARSE_STEP)
    around = _coarse_energies(text, angles)
    peak = angles[around.argmax()] + COARSE_STEP * np.array([-0.5, -0.25, 0, 0.25, 0.5])
    highest = float(_coarse_energies(text, peak).max())
    prominence = max(1.0, highest / max(float(np.median(around)), 1.0))
    found = [sharpest(text, angle) for angle in _rivals(angles, around)]
    degrees, _ = max(found, key=lambda each: each[1])
    return LineDirection((degrees + 90) % 180 - 90, prominence)


def sharpest(text: TextEdges, degrees: float) -> tuple[float, float]:
    """The direction near `degrees` whose profile is sharpest, and how sharp it is.

    Args:
        text: the page's text.
        degrees: a direction to about three quarters of a degree.
    """
    energy = 0.0
    for half_range, step, most in SEARCHES:
        sides = _sides(text, degrees, EDGE_HALF_ANGLE, most)
        offsets = np.arange(-half_range, half_range + step / 2, step)
        energies = np.array([_energy(sides, offset) for offset in offsets])
        points = max(1, sum(len(along) for along, _ in sides))
        energy = float(energies.max() / points**2)
        degrees += vertex(offsets, energies)
    return degrees, energy


def refine(text: TextEdges, degrees: float) -> float:
    """Direction in degrees of the lines of text, to about a hundredth of a degree.

    Args:
        text: the page's text.
        degrees: the direction to about a tenth of a degree.
    """
    slopes, variances = (
        np.concatenate(parts)
        for parts in zip(
            *(_lines(*side) for side in _sides(text, degrees, LINE_HALF_ANGLE, LINE_POINTS)),
            strict=True,
        )
    )
    return degrees + (_robust_mean(slopes, variances) if len(slopes) else 0.0)


def letter_height(text: TextEdges, degrees: float) -> float:
    """Height of small letters in pixels: from the line on which their tops lie to the baseline.

    It is the distance at which the profile of upper edges fits that of lower edges best, so
    letters that touch do no harm, and ascenders and capitals do not count while they are fewer. It
    is looked for from what a stroke is thick to what lines are apart: a small letter is hardly
    taller than the median component, dots and accents left out.

    Args:
        text: the page's text.
        degrees: the exact direction of its lines.
    """
    tall = _heights(text, degrees)
    if not len(tall):
        return 0.0
    median = float(np.median(tall[tall >= np.median(tall) / 2]))
    sides = _sides(text, degrees, EDGE_HALF_ANGLE, LINE_POINTS)
    first = min(float(across.min(initial=0)) for _, across in sides) - 1
    bins = int(max(float(across.max(initial=0)) for _, across in sides) - first) + 3
    lower, upper = (_profile(across - np.float32(first), bins) for _, across in sides)
    heights = np.arange(max(2, round(0.45 * median)), max(5, round(1.1 * median) + 1))
    heights = heights[heights < bins]
    fits = np.array([float(upper[:-height] @ lower[height:]) for height in heights])
    return vertex(heights.astype(np.float64), fits) if len(fits) else 0.0


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


def _coarse_energies(text: TextEdges, angles: Floats) -> Floats:
    """Energy of the profiles of upper and of lower edges of lines in each of these directions."""
    stride = -(-len(text.points) // COARSE_POINTS)
    points, normals = text.points[::stride], text.normals[::stride] % 360
    order = np.argsort(normals, kind="stable")
    # Every point twice, the second time with 360 added to its normal: the edges that face any
    # given way lie side by side.
    points = np.concatenate([points[order], points[order]])
    normals = np.concatenate([normals[order], normals[order] + 360])
    reach = float(np.hypot(*points.T).max()) + 1
    return np.array([_coarse_energy(points, normals, angle, reach) for angle in angles])


def _coarse_energy(points: Singles, normals: Singles, angle: float, reach: float) -> float:
    """The energy is that of the profile's differences, which depends less than that of the profile
    itself on the page's extent along the line."""
    bins = int(2 * reach / COARSE_BIN) + 2
    energy = 0.0
    for facing in (90.0, 270.0):
        first = (angle + facing - EDGE_HALF_ANGLE) % 360
        begin, end = np.searchsorted(normals, [first, first + 2 * EDGE_HALF_ANGLE])
        along, across = _frame(points[begin:end], angle)
        place = ((across + reach) / COARSE_BIN).astype(np.int32)
        strip = ((along + reach) / COARSE_STRIP).astype(np.int32)
        profile = np.bincount(strip * bins + place).astype(np.float64)
        energy += float(np.square(np.diff(profile)).sum())
    return energy


def _rivals(angles: Floats, energies: Floats) -> Floats:
    """The directions at which the energy has a maximum, those of the highest first."""
    peak = (energies >= np.roll(energies, 1)) & (energies >= np.roll(energies, -1))
    peak &= energies >= RIVAL * energies.max()
    found = np.flatnonzero(peak)
    highest = found[np.argsort(-energies[found], kind="stable")][:MOST_RIVALS]
    return np.asarray(angles[highest], np.float64)


def _sides(text: TextEdges, degrees: float, half_angle: float, most: int) -> list[Places]:
    """The lower and the upper edges of lines in this direction, at most so many points of each."""
    sides = []
    for facing in (90.0, -90.0):
        chosen = np.flatnonzero(text.facing(degrees + facing, half_angle))
        chosen = chosen[:: max(1, -(-len(chosen) // most))]
        sides.append(_frame(text.points[chosen], degrees))
    return sides


def _frame(points: Singles, degrees: float) -> Places:
    """Points as seen along and across lines of this direction."""
    radians = np.radians(degrees)
    cosine, sine = np.float32(np.cos(radians)), np.float32(np.sin(radians))
    x, y = points[:, 0], points[:, 1]
    return x * cosine + y * sine, y * cosine - x * sine


def _energy(sides: list[Places], degrees: float) -> float:
    """Energy of the profiles along lines that are turned by this little against the frame's."""
    slope = np.float32(np.tan(np.radians(degrees)))
    energy = 0.0
    for along, across in sides:
        if len(across):
            place = across - slope * along
            place -= place.min()
            energy += float(np.square(_profile(place, int(place.max()) + 2)).sum())
    return energy


def _profile(places: Singles, bins: int) -> Floats:
    """Points per pixel; every point is shared between its two nearest bins."""
    lower = places.astype(np.int32)
    part = places - lower
    profile = np.bincount(lower, minlength=bins).astype(np.float64)
    shared = np.bincount(lower, part, bins)
    profile -= shared
    profile[1:] += shared[:-1]
    return profile


def _lines(along: Singles, across: Singles) -> tuple[Floats, Floats]:
    """Directions of lines of points, and their variances: degrees, and degrees squared.

    Each line is fitted by least squares, weighted by Tukey's biweight of the distance.
    """
    peaks = _peaks(across)
    if not len(peaks):
        return np.zeros(0), np.zeros(0)
    line = _nearest(peaks, across)
    near = np.abs(across - peaks[line]) < LINE_DISTANCE
    along, across, line = along[near], across[near], line[near]
    count = len(peaks)
    slope, level = np.zeros(count), peaks.astype(np.float64)
    for fit in range(LINE_FITS):
        width = max(LINE_WIDTH, 2 * LINE_WIDTH / (fit + 1))
        distance = across - level[line] - slope[line] * along
        weight = np.square(np.maximum(1 - np.square(distance / width), 0))
        total = np.maximum(np.bincount(line, weight, count), 1e-9)
        middle = np.bincount(line, weight * along, count) / total
        height = np.bincount(line, weight * across, count) / total
        from_middle = along - middle[line]
        extent = np.bincount(line, weight * from_middle**2, count)
        slant = np.bincount(line, weight * from_middle * (across - height[line]), count)
        long = extent > LEAST_LINE_POINTS / 2 * LEAST_LINE_SPAN**2 / 12
        slope = np.where(long, slant / np.maximum(extent, 1e-9), 0.0).clip(-STEEPEST, STEEPEST)
        level = height - slope * middle
    long &= np.sqrt(12 * extent / total) > LEAST_LINE_SPAN
    variance = POINT_ERROR**2 * POINTS_OF_A_LETTER / extent[long]
    return np.degrees(slope[long]), np.degrees(np.degrees(variance))


def _peaks(across: Singles) -> Singles:
    """Where lines are: (n,) pixels across them, ascending."""
    if not len(across):
        return np.zeros(0, np.float32)
    pixel = np.floor(across).astype(np.int32)
    first = int(pixel.min()) - 1
    profile = np.bincount(pixel - first, minlength=int(pixel.max()) - first + 2)
    smooth = np.convolve(profile, [1, 2, 1], "same").astype(np.float32)
    column = smooth.reshape(-1, 1)
    highest = np.asarray(cv2.dilate(column, np.ones((7, 1), np.uint8))).ravel()
    enough = np.convolve(profile, [1, 1, 1], "same") >= LEAST_LINE_POINTS
    return (np.flatnonzero((smooth == highest) & enough) + first + 0.5).astype(np.float32)


def _nearest(peaks: Singles, across: Singles) -> NDArray[np.intp]:
    """Number of the peak that each point is nearest to."""
    between = (peaks[1:] + peaks[:-1]) / 2
    return np.searchsorted(between, across)


def _robust_mean(slopes: Floats, variances: Floats) -> float:
    """Random-effects mean: weights fall with a line's own error and with its distance."""
    spread = variances + LINE_SPREAD**2
    order = np.argsort(slopes, kind="stable")
    shares = np.cumsum(1 / spread[order])
    mean = float(slopes[order][np.searchsorted(shares, shares[-1] / 2)])
    for _ in range(8):
        distance = (slopes - mean) / (OUTLYING * np.sqrt(spread))
        weight = np.square(np.maximum(1 - np.square(distance), 0)) / spread
        mean = float((weight * slopes).sum() / weight.sum())
    return mean


def _heights(text: TextEdges, degrees: float) -> Singles:
    """Pixels across lines of this direction that each letter measures."""
    _, across = _frame(text.points, degrees)
    top = np.full(text.count, np.inf, np.float32)
    bottom = np.full(text.count, -np.inf, np.float32)
    np.minimum.at(top, text.letters, across)
    np.maximum.at(bottom, text.letters, across)
    return np.asarray((bottom - top)[bottom > top], np.float32)
