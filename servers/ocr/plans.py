"""What each tier reads with: a network for every line, a better one for what it is unsure of."""

import math
from dataclasses import dataclass

from servers.ocr.domain import Tier
from servers.ocr.doubts import Doubts


@dataclass(frozen=True, slots=True)
class Plan:
    """The networks of a tier.

    Attributes:
        detector: finds the lines,
        scale: on a page shrunk to this part of the size at which it is looked at otherwise.
        first: reads all of them,
        stretch: shown so many times as wide as otherwise.
        second: reads again what of them `first` is not sure of, the least sure first.
        doubts: what it is not sure of.
        share: as much is read again, at most, in parts of what `first` was shown of the page.
        whole: the tier reads whatever `second` reads; the languages that `first` lacks letters of
            are read by `second` alone. Otherwise it reads what `first` reads.
    """

    detector: str
    scale: float
    first: str
    stretch: float
    second: str
    doubts: Doubts
    share: float
    whole: bool


PLANS = {
    Tier.FAST: Plan(
        "det_tiny.onnx",
        0.75,
        "rec_tiny.onnx",
        0.92,
        "rec_small.onnx",
        Doubts(word=0.7, short=0.6, long=0.3, space=0.6, known_space=0.5, whole=0.7, even=0.0),
        share=0.03,
        whole=False,
    ),
    Tier.ACCURATE: Plan(
        "det_small.onnx",
        1.0,
        "rec_tiny.onnx",
        1.0,
        "rec_small.onnx",
        Doubts(word=0.9, short=0.92, long=0.75, space=0.9, known_space=0.5, whole=0.9, even=0.55),
        share=math.inf,
        whole=True,
    ),
}

FILES = ("det_small.onnx", "det_tiny.onnx", "rec_small.onnx", "rec_tiny.onnx")

SPACE_BONUS = {"rec_small.onnx": 0.5, "rec_tiny.onnx": 1.5}
"""Added to the space's logit: the networks drop spaces more often than they invent them."""
