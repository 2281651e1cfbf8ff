"""From the recogniser's steps to characters and words with their places along the line.

Source: Graves et al., "Connectionist Temporal Classification" (ICML 2006), best-path decoding:
repeated classes collapse, blanks vanish.
"""

import math
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

BLANK = 0

Steps = tuple[NDArray[np.int64], NDArray[np.float32]]
"""(steps, n) the best n classes of each step as their places in the alphabet, the best one first,
and (steps, n) their probabilities."""


@dataclass(frozen=True, slots=True)
class Glyph:
    """One character as the network saw it.

    Attributes:
        text: what was read.
        start, end: the steps [start, end) in which its class was the best one.
        probability: the highest of its steps.
    """

    text: str
    start: int
    end: int
    probability: float


@dataclass(frozen=True, slots=True)
class Span:
    """A word along its line.

    Attributes:
        text: its characters, Unicode NFC.
        start, end: the steps [start, end) from its first to its last character.
        probability: the product of its characters' probabilities: the chance that all are right.
        space: the probability of the space before it; 1 where there is none.
    """

    text: str
    start: int
    end: int
    probability: float
    space: float = 1.0


def decode(steps: Steps, alphabet: Sequence[str]) -> list[Glyph]:
    """Best-path decoding of one line.

    Args:
        steps: of them the best class counts; `BLANK` is none.
        alphabet: the text of each class.
    """
    ids, probabilities = (part[:, 0] for part in steps)
    if len(ids) == 0:
        return []
    starts = np.flatnonzero(np.diff(ids, prepend=-1))
    classes, highest = ids[starts].tolist(), np.maximum.reduceat(probabilities, starts).tolist()
    edges = [*starts.tolist(), len(ids)]
    return [
        Glyph(alphabet[name], start, end, probability)
        for name, probability, (start, end) in zip(classes, highest, pairwise(edges), strict=True)
        if name != BLANK
    ]


def chances_of(text: str, steps: Steps, alphabet: Sequence[str]) -> NDArray[np.float32]:
    """(steps,) the probability of one class, named by its text; 0 where it is not among the
    best."""
    ids, probabilities = steps
    return np.asarray((probabilities * (ids == alphabet.index(text))).max(axis=1), np.float32)


def chance_of(text: str, steps: Steps, alphabet: Sequence[str], start: int, end: int) -> float:
    """The probability of one class, named by its text, at the likeliest of the steps [start, end);
    0 where it is not among the best."""
    ids, probabilities = steps
    chances = chances_of(text, (ids[start:end], probabilities[start:end]), alphabet)
    return float(chances.max(initial=0.0))


def split_words(glyphs: Sequence[Glyph]) -> list[Span]:
    """Words between spaces. Every other glyph ends up in exactly one of them, in order."""
    words: list[list[Glyph]] = [[]]
    spaces = [1.0]
    for glyph in glyphs:
        if glyph.text.isspace():
            words.append([])
            spaces.append(glyph.probability)
        else:
            words[-1].append(glyph)
    return [_span(word, space) for word, space in zip(words, spaces, strict=True) if word]


def _span(glyphs: Sequence[Glyph], space: float) -> Span:
    return Span(
        text=unicodedata.normalize("NFC", "".join(glyph.text for glyph in glyphs)),
        start=glyphs[0].start,
        end=glyphs[-1].end,
        probability=math.prod(glyph.probability for glyph in glyphs),
        space=space,
    )
