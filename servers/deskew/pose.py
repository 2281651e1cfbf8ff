"""How a page lies: skew and quarter turns together."""

from dataclasses import dataclass

import numpy as np

from meshkit.model import Image
from servers.deskew.letters import as_tall_as_print, letter_height
from servers.deskew.lines import direction_of_lines
from servers.deskew.orientation import Network, text_view, vote
from servers.deskew.paper import paper_of
from servers.deskew.perspective import convergence
from servers.deskew.rules import direction_of_rules
from servers.deskew.settle import settled
from servers.deskew.skew import LineDirection, direction_near, find_direction
from servers.deskew.text import TextEdges, find_text, without_grain
from servers.deskew.upright import split_turn

LEAST_SKEW_CONFIDENCE = 0.15
"""Below it the page can't tell its skew."""
FAR, LEAST_FAR_CONFIDENCE = 15.0, 0.5
"""Degrees beyond which a page must be so sure of its skew, and know which way up it stands: scans
seldom lie so, and the strokes of handwriting slant in one direction, too."""
SURE_ORIENTATION = 0.75
"""Confidence in the orientation that makes a page as sure of its skew as one that lies far needs to
be: text that is straightened by a wrong direction can't be told up from down."""
DOUBTFUL, RULED_CONFIDENCE = 0.6, 0.5
"""Confidence of a page by its letters below which rules are asked, and that of one that lies as
they say."""
LEAST_ORIENTATION_CONFIDENCE = 0.5
"""Below it the page can't tell which way up it stands."""
ENOUGH_LETTERS = 10
"""With fewer letters confidence falls in proportion."""
PROMINENCE_RANGE = (1.5, 4.5)
"""Prominence at which confidence is 0 and 1: pictures and noise stay below the first, most pages
of text are above the second."""
GOOD_ERROR = 0.35
"""Degrees: lines that may be off by so much halve the confidence."""
MOST_LETTERS = 2500
"""A page that has more and can't tell is covered with grain."""


@dataclass(frozen=True, slots=True)
class Pose:
    """How a page lies, and the text that tells.

    Attributes:
        skew_degrees: clockwise, beyond the quarter turns; in [-45, 45], 0 when unknown.
        skew_confidence: in [0, 1].
        quarters: clockwise quarter turns in 0..3; None when unknown.
        orientation_confidence: in [0, 1].
        letter_height: of small letters, in pixels of the working copy; 0 when the skew is unknown.
        convergence: degrees by which lines or stems turn across the text; 0 when the skew is
            unknown.
    """

    skew_degrees: float
    skew_confidence: float
    quarters: int | None
    orientation_confidence: float
    letter_height: float
    convergence: float


def find_pose(working: Image, paper: Image, network: Network, stretch: float = 1.0) -> Pose:
    """Skew and orientation of a page.

    Lines of text give the direction modulo 180 degrees, and now and then the wrong one of the two
    axes of a grid; the network says which of the four positions it is, and the direction is then
    refined along the lines it names. Where lines of text leave doubt, printed rules are asked.

    Args:
        working: the grey page at working size.
        paper: `servers.deskew.paper.paper_of` it.
        network: tells quarter turns.
        stretch: the working copy's horizontal over its vertical scale. It is not quite 1, because
            both sides are whole pixels.
    """
    text = find_text(working, paper)
    direction = find_direction(text)
    skew_confidence = _confidence(direction, text.count)
    if skew_confidence < LEAST_SKEW_CONFIDENCE and text.count > MOST_LETTERS:
        melted = without_grain(working)
        text = find_text(melted, paper_of(melted))
        direction = find_direction(text)
        skew_confidence = _confidence(direction, text.count)
    if skew_confidence < LEAST_SKEW_CONFIDENCE:
        pose = _unknown(skew_confidence)
    else:
        pose = _by_letters(working, text, network, stretch, direction.degrees, skew_confidence)
    if pose.skew_confidence < DOUBTFUL:
        return _by_rules(working, text, network, stretch) or pose
    return pose


def _by_letters(
    working: Image,
    text: TextEdges,
    network: Network,
    stretch: float,
    degrees: float,
    skew_confidence: float,
) -> Pose:
    """How a page lies by its lines of text.

    Args:
        degrees: that the text has, or across it.
        skew_confidence: in it.
    """
    probabilities = vote(network, text_view(working, text, degrees))
    turns = int(probabilities.argmax())
    confidence = float(probabilities[turns])
    known = confidence >= LEAST_ORIENTATION_CONFIDENCE
    turn = degrees + 90 * (turns if known else 0)
    seen = as_tall_as_print(text, turn)
    if seen is not text or (known and turns % 2):
        turn = direction_near(seen, turn)
    lines = direction_of_lines(seen, turn)
    turn = settled(seen, lines.degrees)
    quarters, skew = split_turn(_unstretched(turn, stretch))
    skew_confidence = _with_lines(skew_confidence, lines.error)
    if abs(skew) > FAR:
        if confidence >= SURE_ORIENTATION:
            skew_confidence = max(skew_confidence, LEAST_FAR_CONFIDENCE)
        if not known or skew_confidence < LEAST_FAR_CONFIDENCE:
            return _unknown(skew_confidence * LEAST_SKEW_CONFIDENCE)
    return Pose(
        skew_degrees=skew,
        skew_confidence=skew_confidence,
        quarters=quarters if known else None,
        orientation_confidence=confidence,
        letter_height=letter_height(text, turn),
        convergence=convergence(text, turn),
    )


def _by_rules(working: Image, text: TextEdges, network: Network, stretch: float) -> Pose | None:
    """How a page lies by its rules; None where they do not tell, or not which way up it stands."""
    if text.count < ENOUGH_LETTERS or (degrees := direction_of_rules(working)) is None:
        return None
    probabilities = vote(network, text_view(working, text, degrees))
    turns = int(probabilities.argmax())
    if probabilities[turns] < SURE_ORIENTATION:
        return None
    turn = degrees + 90 * turns
    quarters, skew = split_turn(_unstretched(turn, stretch))
    return Pose(
        skew_degrees=skew,
        skew_confidence=RULED_CONFIDENCE,
        quarters=quarters,
        orientation_confidence=float(probabilities[turns]),
        letter_height=letter_height(text, turn),
        convergence=convergence(text, turn),
    )


def _unknown(skew_confidence: float) -> Pose:
    """Of a page that can't tell how it lies."""
    return Pose(0.0, skew_confidence, None, 0.0, 0.0, 0.0)


def _confidence(direction: LineDirection, letters: int) -> float:
    low, high = PROMINENCE_RANGE
    prominence = float(np.clip((direction.prominence - low) / (high - low), 0, 1))
    return prominence * min(1.0, letters / ENOUGH_LETTERS)


def _with_lines(confidence: float, error: float) -> float:
    """The confidence once the lines were seen one by one; a page that tells its skew still does.

    Args:
        confidence: that of a page which tells its skew.
        error: degrees by which its lines' direction may be off.
    """
    trust = 1 / (1 + (error / GOOD_ERROR) ** 2)
    return LEAST_SKEW_CONFIDENCE + (confidence - LEAST_SKEW_CONFIDENCE) * trust


def _unstretched(turn: float, stretch: float) -> float:
    """A turn seen on a stretched copy as it is on the page."""
    radians = np.radians(turn)
    return float(np.degrees(np.arctan2(np.sin(radians) * stretch, np.cos(radians))))
