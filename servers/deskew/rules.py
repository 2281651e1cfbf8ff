"""Printed rules and frames: how a sheet lies whose writing does not tell.

A hand climbs or falls across the sheet by degrees, each line by its own. The rules below a letter
head, a form's frames and the bars of a copied edge lie as the sheet does. They are asked only where
letters leave doubt: what is pasted, drawn or underlined by hand has edges as rules do.

Angles are degrees clockwise, in image coordinates (x right, y down).
"""

import cv2
import numpy as np

from meshkit.model import Image
from servers.deskew.lines import direction_of_lines, weight_along
from servers.deskew.skew import find_direction
from servers.deskew.text import (
    LONGEST_LETTER,
    MOST_POINTS,
    TextEdges,
    depth_of,
    outline,
    pixels_of,
    placed_edges,
)

LEAST_POINTS = 400
MOST_ERROR = 0.2
"""Degrees by which their common direction may be off: that of one rule's two edges may by more."""
LEAST_WEIGHT = 1.5e8
"""Of all lines along them, as `Lines` have it: what one rule has that is 970 pixels long."""


def direction_of_rules(working: Image) -> float | None:
    """The direction that the page's rules have together; None where they are few or do not agree.

    It is that of most of them, or across it: a frame has both.

    Args:
        working: the grey page at working size.
    """
    rules = find_rules(working)
    if len(rules.points) < LEAST_POINTS:
        return None
    found = direction_of_lines(rules, find_direction(rules).degrees)
    if found.error > MOST_ERROR or weight_along(rules, found.degrees) < LEAST_WEIGHT:
        return None
    return found.degrees


def find_rules(working: Image) -> TextEdges:
    """Edges of connected ink that is longer than letters are, each component as a letter.

    Args:
        working: the grey page at working size.
    """
    _, depth = depth_of(working)
    ink = (depth > 0).view(np.uint8)
    _, components, stats, _ = cv2.connectedComponentsWithStats(ink, connectivity=8)
    sides = stats[:, [cv2.CC_STAT_WIDTH, cv2.CC_STAT_HEIGHT]].max(axis=1)
    long = sides > LONGEST_LETTER * max(working.shape)
    long[0] = False
    height, width = working.shape
    pixels = pixels_of(outline(ink))
    component = np.asarray(components.ravel()[pixels], np.int32)
    ys, xs = np.divmod(pixels, width)
    inside = (ys > 0) & (ys < height - 1) & (xs > 0) & (xs < width - 1)
    chosen = np.flatnonzero(long[component] & inside)
    chosen = chosen[:: max(1, -(-len(chosen) // MOST_POINTS))]
    return placed_edges(pixels[chosen], component[chosen], depth, len(stats))
