"""Spaces that the recogniser did not read, where the ink shows them.

The networks were taught on print that is evenly set: in handwriting, where a typed value stands
behind a printed label, and where a rule or a tick box stands between two words, they pass over
what a reader sees at once.
"""

from collections.abc import Sequence
from itertools import pairwise
from statistics import median

import numpy as np
from numpy.typing import NDArray

from servers.ocr.ctc import Glyph
from servers.ocr.extents import blanks_between

WIDE, WIDE_TIMES = 20.0, 3.0
"""A gap between two letters or two digits is a space when it is so many columns wide and so many
times as wide as the line's usual gap inside words,"""

CHANGE, CHANGE_TIMES = 8.0, 2.0
"""one between a letter and a digit when it is so many, for there words often end."""

SHORTEST_WORD = 2
"""Characters on either side of such a space."""

APART, APART_TIMES = 32.0, 3.0
"""Two characters are not of one word when their middles are so many columns apart, and so many
times as many as the line's usual: something stands between them that is not read."""


def with_spaces(
    glyphs: Sequence[Glyph], ink: NDArray[np.bool_], rules: NDArray[np.bool_], step: float
) -> list[Glyph]:
    """The glyphs of a line, with a space wherever two neighbours cannot be of one word.

    Args:
        glyphs: left to right.
        ink: (width,) true where a column of the line's crop holds ink.
        rules: (width,) true where a rule stands across the line.
        step: crop columns a recogniser step.
    """
    if len(glyphs) < 2 or not ink.any():
        return list(glyphs)
    parted = _parted(glyphs, rules, step)
    cuts = set(parted) | set(_between_words(_gaps(glyphs, ink, step), parted, glyphs))
    spaced = list(glyphs)
    for place in sorted(cuts, reverse=True):
        left, right = glyphs[place - 1], glyphs[place]
        sureness = min(left.probability, right.probability)
        spaced.insert(place, Glyph(" ", left.end, right.start, sureness))
    return spaced


def _parted(glyphs: Sequence[Glyph], rules: NDArray[np.bool_], step: float) -> list[int]:
    """Places before which a rule stands, or something that was not read."""
    middles = np.array([(glyph.start + glyph.end) / 2 for glyph in glyphs]) * step
    apart = np.diff(middles)
    far = max(APART, APART_TIMES * _usual(apart, glyphs))
    return [
        place
        for place, (left, right) in enumerate(pairwise(glyphs), 1)
        if left.text.isalnum()
        and right.text.isalnum()
        and (apart[place - 1] >= far or _is_ruled(left, right, rules, step))
    ]


def _is_ruled(left: Glyph, right: Glyph, rules: NDArray[np.bool_], step: float) -> bool:
    """Whether a rule parts a number from what is next to it, as between the cells of a table.

    Between two letters it may be the stem of one, where a line's letters fill its box.
    """
    between = slice(int((left.end - 0.5) * step), int((right.start + 0.5) * step))
    return (left.text.isdigit() or right.text.isdigit()) and bool(rules[between].any())


def _gaps(glyphs: Sequence[Glyph], ink: NDArray[np.bool_], step: float) -> list[int]:
    """Places before which the gap is too wide for one inside a word."""
    ends, starts = [left.end for left in glyphs[:-1]], [right.start for right in glyphs[1:]]
    blanks = blanks_between(ends, starts, ink, step)
    gaps = blanks[:, 1] - blanks[:, 0]
    usual = _usual(gaps, glyphs)
    return [
        place
        for place, ((left, right), gap) in enumerate(
            zip(pairwise(glyphs), gaps.tolist(), strict=True), 1
        )
        if _is_space(left.text, right.text, gap, usual)
    ]


def _usual(between: NDArray[np.float64], glyphs: Sequence[Glyph]) -> float:
    """The median of what lies between two glyphs of one word."""
    inside = [
        not left.text.isspace() and not right.text.isspace() for left, right in pairwise(glyphs)
    ]
    return max(median(between[inside].tolist()), 1.0) if any(inside) else 1.0


def _between_words(
    cuts: Sequence[int], parted: Sequence[int], glyphs: Sequence[Glyph]
) -> list[int]:
    """Those cuts that leave no letter alone: where print is faded, parts of letters are missing."""
    cuts = sorted({*cuts, *parted})
    read = [place for place, glyph in enumerate(glyphs) if glyph.text.isspace()]
    ends = sorted([*cuts, *read, len(glyphs)])
    starts = sorted([0, *cuts, *(place + 1 for place in read)])
    short = {
        edge
        for start, end in zip(starts, ends, strict=True)
        if end - start < SHORTEST_WORD
        for edge in (start, end)
    }
    return [cut for cut in cuts if cut not in short]


def _is_space(left: str, right: str, gap: float, usual: float) -> bool:
    if not (left.isalnum() and right.isalnum()):
        return False
    if left.isdigit() != right.isdigit():
        return gap >= CHANGE and gap >= CHANGE_TIMES * usual
    return gap >= WIDE and gap >= WIDE_TIMES * usual
