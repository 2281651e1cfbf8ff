"""How a page lies: skew and quarter turns together."""

from dataclasses import dataclass

import cv2
import numpy as np

from meshkit.model import Image
from servers.deskew.orientation import Network, text_view, vote
from servers.deskew.skew import (
    Edge,
    LineDirection,
    find_direction,
    horizontal_edges,
    letter_height,
    refine,
)
from servers.deskew.text import TextMask, find_text
from servers.deskew.upright import split_turn, upright_transform

LEAST_SKEW_CONFIDENCE = 0.15
"""Below it the page can't tell its skew."""
LEAST_ORIENTATION_CONFIDENCE = 0.5
"""Below it the page can't tell which way up it stands."""
ENOUGH_LETTERS = 10
"""With fewer letters confidence falls in proportion."""
PROMINENCE_RANGE = (1.5, 4.5)
"""Prominence at which confidence is 0 and 1: pictures and noise stay below the first, most pages
of text are above the second."""
STRAIGHT_DEGREES = 3.0
"""Text that is turned by less is refined as it stands; other text is turned first."""


@dataclass(frozen=True, slots=True)
class Pose:
    """How a page lies, and the text that tells.

    Attributes:
        skew_degrees: clockwise, beyond the quarter turns; in [-45, 45], 0 when unknown.
        skew_confidence: in [0, 1].
        quarters: clockwise quarter turns in 0..3; None when unknown.
        orientation_confidence: in [0, 1].
        letter_height: of small letters, in pixels of the working copy; 0 when the skew is unknown.
    """

    skew_degrees: float
    skew_confidence: float
    quarters: int | None
    orientation_confidence: float
    letter_height: float


def find_pose(working: Image, network: Network, stretch: float = 1.0) -> Pose:
    """Skew and orientation of a page.

    Lines of text give the direction modulo 180 degrees, and now and then the wrong one of the two
    axes of a grid; the network says which of the four positions it is, and the direction is then
    refined along the lines it names.

    Args:
        working: the grey page at working size.
        network: tells quarter turns.
        stretch: the working copy's horizontal over its vertical scale. It is not quite 1, because
            both sides are whole pixels.
    """
    text = find_text(working)
    direction = find_direction(text.mask)
    skew_confidence = _confidence(direction, text.count)
    if skew_confidence < LEAST_SKEW_CONFIDENCE:
        return Pose(0.0, skew_confidence, None, 0.0, 0.0)
    view = text_view(working, text.mask, direction.degrees)
    probabilities = vote(network, view)
    turns = int(probabilities.argmax())
    confidence = float(probabilities[turns])
    known = confidence >= LEAST_ORIENTATION_CONFIDENCE
    coarse = direction.degrees + 90 * (turns if known else 0)
    straight, rest = _straightened(working, text, coarse)
    edges = horizontal_edges(straight)
    residual = refine(edges, rest)
    turn = coarse - rest + residual
    quarters, skew = split_turn(_unstretched(turn, stretch))
    return Pose(
        skew_degrees=skew,
        skew_confidence=skew_confidence,
        quarters=quarters if known else None,
        orientation_confidence=confidence,
        letter_height=_letter_height(straight, edges, residual),
    )


def _confidence(direction: LineDirection, letters: int) -> float:
    low, high = PROMINENCE_RANGE
    prominence = float(np.clip((direction.prominence - low) / (high - low), 0, 1))
    return prominence * min(1.0, letters / ENOUGH_LETTERS)


def _unstretched(turn: float, stretch: float) -> float:
    """A turn seen on a stretched copy as it is on the page."""
    radians = np.radians(turn)
    return float(np.degrees(np.arctan2(np.sin(radians) * stretch, np.cos(radians))))


def _straightened(working: Image, text: TextMask, turn: float) -> tuple[TextMask, float]:
    """The text turned back to within a few degrees, and the degrees that are left."""
    quarters, skew = split_turn(turn)
    if abs(skew) > STRAIGHT_DEGREES:
        return find_text(_turn_back(working, quarters, skew)), 0.0
    return text.turned_back(quarters), skew


def _letter_height(straight: TextMask, edges: list[Edge], degrees: float) -> float:
    """A small letter is hardly taller than the median component, dots and accents left out."""
    if not straight.count:
        return 0.0
    heights = straight.boxes[:, 1]
    median = float(np.median(heights[heights >= np.median(heights) / 2]))
    return letter_height(edges, degrees, 0.45 * median, 1.1 * median)


def _turn_back(working: Image, quarters: int, skew: float) -> Image:
    """The working copy set straight, new corners filled with the colour of the paper."""
    height, width = working.shape
    transform = upright_transform(width, height, quarters, skew)
    turned = cv2.warpPerspective(
        working,
        transform.matrix,
        (transform.width, transform.height),
        flags=cv2.INTER_LINEAR,
        borderMode=cv2.BORDER_CONSTANT,
        borderValue=float(np.median(working[::8, ::8])),
    )
    return np.asarray(turned, dtype=np.uint8)
