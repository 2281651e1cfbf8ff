"""What each tier reads with: a network for every line, and a better one for the lines it is unsure
of."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np

from servers.ocr.crops import STEP
from servers.ocr.domain import TextLine, Tier, Word
from servers.ocr.recognition import Box, Reading


@dataclass(frozen=True, slots=True)
class Plan:
    """The networks of a tier.

    Attributes:
        detector: finds the lines,
        scale: on a page shrunk to this part of the configured long side.
        first: reads all of them.
        second: reads again those that `first` is not sure of, the least sure first.
        sure: from this confidence on a reading of `first` stays,
        sure_word: when each of its words has at least this one,
        even: and none of its spaces is narrower than this part of its line's others: what tears a
            word apart is sure of it.
        share: up to this part of what there is to read on a page is read again.
        whole: the tier reads whatever `second` reads; the languages that `first` lacks letters of
            are read by `second` alone. Otherwise it reads what `first` reads.
    """

    detector: str
    scale: float
    first: str
    second: str
    sure: float
    sure_word: float
    even: float
    share: float
    whole: bool


PLANS = {
    Tier.FAST: Plan(
        "det_tiny.onnx",
        0.75,
        "rec_tiny.onnx",
        "rec_small.onnx",
        sure=0.975,
        sure_word=0.0,
        even=0.0,
        share=0.09,
        whole=False,
    ),
    Tier.ACCURATE: Plan(
        "det_small.onnx",
        1.0,
        "rec_tiny.onnx",
        "rec_small.onnx",
        sure=0.99,
        sure_word=0.8,
        even=0.55,
        share=1.0,
        whole=True,
    ),
}

FILES = ("det_small.onnx", "det_tiny.onnx", "rec_small.onnx", "rec_tiny.onnx")

SPACE_BONUS = {"rec_small.onnx": 0.5, "rec_tiny.onnx": 1.5}
"""Added to the space's logit: the networks drop spaces more often than they invent them."""


PITCH = 2 * STEP
"""Columns that a character needs: one step for itself, and one for the blank that tells it from an
equal one behind it."""

FEWEST_SPACES = 3
"""Spaces of a line that tell of each other how wide they are in its print."""

LEAST_SPACE = 0.1
"""Pixels of the page; narrower ones are between columns of ink that touch."""

LEAD = 0.05
"""The second network is right more often than a first one that is as sure; one that is so much
surer had the easier sight of the line."""

WIDEST = 1.6
"""Lines are not stretched more than so many times."""


def widened(box: Box, reading: Reading) -> Box:
    """The box as it should be shown when it is read again: wide enough for its characters."""
    if len(box.ways) > 1:
        return box
    characters = sum(len(line.text) for line in reading.lines)
    needed = PITCH * characters / max(box.columns, 1.0)
    return replace(box, stretch=min(max(needed, 1.0), WIDEST))


def better_of(first: Reading, second: Reading) -> Reading:
    """The second reading of a box, unless the first is surer by more than `LEAD`."""
    return first if first.confidence > second.confidence + LEAD else second


def least_sure(boxes: Sequence[Box], readings: Sequence[Reading], plan: Plan) -> list[int]:
    """Which boxes of a page are read again, the least sure first, within the plan's share."""
    cost = [box.columns for box in boxes]
    left = plan.share * sum(cost)
    unsure = [place for place, reading in enumerate(readings) if not _is_sure(reading, plan)]
    chosen = []
    for place in sorted(unsure, key=lambda place: readings[place].confidence):
        if cost[place] <= left:
            chosen.append(place)
            left -= cost[place]
    return chosen


def _is_sure(reading: Reading, plan: Plan) -> bool:
    words = (word.confidence for line in reading.lines for word in line.words)
    return (
        reading.confidence >= plan.sure
        and min(words, default=0.0) >= plan.sure_word
        and all(narrowest_space(line) >= plan.even for line in reading.lines)
    )


def narrowest_space(line: TextLine) -> float:
    """Of the spaces between two letters the narrowest, over the median of the line's others.

    Infinite where there is none to tell of: where spaces are few, or stand on an underline.
    """
    pairs = [*pairwise(line.words)]
    widths = np.array([float(np.linalg.norm(b.quad[0] - a.quad[1])) for a, b in pairs])
    if len(widths) < FEWEST_SPACES:
        return np.inf
    usual = [float(np.median(np.delete(widths, place))) for place in range(len(widths))]
    return min(
        (
            width / max(other, 1e-6)
            for pair, width, other in zip(pairs, widths.tolist(), usual, strict=True)
            if width >= LEAST_SPACE and _are_letters(*pair)
        ),
        default=np.inf,
    )


def _are_letters(left: Word, right: Word) -> bool:
    return left.text[-1].isalpha() and right.text[0].isalpha()
