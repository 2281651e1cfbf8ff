"""Which words of a line a recogniser may have misread."""

import math
import re
from dataclasses import dataclass
from itertools import pairwise
from statistics import median

import numpy as np
from numpy.typing import NDArray

from servers.ocr.domain import TextLine, Word
from servers.ocr.lexicon import Lexicon

SHORT = 5
"""Letters of a short word: many of them differ by a letter."""

TELLING = 2
"""Letters of a known word at least that tells that the space beside it is one."""

FEWEST_SPACES = 3
"""Spaces of a line that tell of each other how wide they are in its print."""

LEAST_SPACE = 0.1
"""Pixels of the page; narrower ones are between columns of ink that touch."""

_LETTERS = re.compile(r"[^\W_]+")


@dataclass(frozen=True, slots=True)
class Doubts:
    """Below which probabilities a word is doubted.

    Attributes:
        word: one that no list knows, and a number,
        short, long: one that a list knows, of up to `SHORT` letters and of more.
        space: the space between two words: both are doubted;
        known_space: that between known words.
        whole: that an unknown word is not two.
        even: all words of a line are doubted where a space is narrower than this part of its
            line's others: what tears a word apart is sure of it.
    """

    word: float
    short: float
    long: float
    space: float
    known_space: float
    whole: float
    even: float


def doubtful_words(line: TextLine, doubts: Doubts, lexicon: Lexicon | None) -> NDArray[np.bool_]:
    """(words,) which words of a line may have been misread."""
    if doubts.even and narrowest_space(line) < doubts.even:
        return np.ones(len(line.words), np.bool_)
    known = [is_known(word.text, lexicon) for word in line.words]
    doubtful = np.array(
        [_is_doubtful(*word, doubts) for word in zip(line.words, known, strict=True)], np.bool_
    )
    tells = [yes and len(word.text) >= TELLING for word, yes in zip(line.words, known, strict=True)]
    for place, beside in enumerate(pairwise(tells), 1):
        if line.words[place].space < (doubts.known_space if all(beside) else doubts.space):
            doubtful[place - 1 : place + 1] = True
    return doubtful


def is_known(text: str, lexicon: Lexicon | None) -> bool:
    """Whether a list knows a word, or all words that signs join to one."""
    if lexicon is None:
        return False
    parts = _LETTERS.findall(text.lower())
    return bool(parts) and all(part in lexicon for part in parts)


def _is_doubtful(word: Word, known: bool, doubts: Doubts) -> bool:
    if not known:
        return word.confidence < doubts.word or word.whole < doubts.whole
    return word.confidence < (doubts.short if len(word.text) <= SHORT else doubts.long)


def narrowest_space(line: TextLine) -> float:
    """Of the spaces between two letters the narrowest, over the median of the line's others.

    Infinite where there is none to tell of: where spaces are few, or stand on an underline.
    """
    pairs = [*pairwise(line.words)]
    widths = [math.dist(a.quad[1], b.quad[0]) for a, b in pairs]
    if len(widths) < FEWEST_SPACES:
        return np.inf
    usual = [median(widths[:place] + widths[place + 1 :]) for place in range(len(widths))]
    return min(
        (
            width / max(other, 1e-6)
            for pair, width, other in zip(pairs, widths, usual, strict=True)
            if width >= LEAST_SPACE and _are_letters(*pair)
        ),
        default=np.inf,
    )


def _are_letters(left: Word, right: Word) -> bool:
    return left.text[-1].isalpha() and right.text[0].isalpha()
