"""Spaces that the recogniser did not read, where the ink shows them.

The networks were taught on print that is evenly set: in handwriting, and where a typed value stands
behind a printed label, they pass over gaps that a reader sees at once.
"""

from collections.abc import Sequence
from itertools import pairwise

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


def with_spaces(glyphs: Sequence[Glyph], ink: NDArray[np.bool_], step: float) -> list[Glyph]:
    """The glyphs of a line, with a space wherever a gap inside a word is too wide for one.

    Args:
        glyphs: left to right.
        ink: (width,) true where a column of the line's crop holds ink.
        step: crop columns a recogniser step.
    """
    if len(glyphs) < 2 or not ink.any():
        return list(glyphs)
    pairs = list(pairwise(glyphs))
    blanks = blanks_between(
        [left.end for left, _ in pairs], [right.start for _, right in pairs], ink, step
    )
    gaps = blanks[:, 1] - blanks[:, 0]
    inside = [not left.text.isspace() and not right.text.isspace() for left, right in pairs]
    usual = max(float(np.median(gaps[inside])), 1.0) if any(inside) else 1.0
    cuts = [
        place
        for place, ((left, right), gap) in enumerate(zip(pairs, gaps.tolist(), strict=True), 1)
        if _is_space(left.text, right.text, gap, usual)
    ]
    spaced = list(glyphs)
    for place in reversed(_between_words(cuts, glyphs)):
        left, right = glyphs[place - 1], glyphs[place]
        sureness = min(left.probability, right.probability)
        spaced.insert(place, Glyph(" ", left.end, right.start, sureness))
    return spaced


def _between_words(cuts: Sequence[int], glyphs: Sequence[Glyph]) -> list[int]:
    """Those cuts that leave no letter alone: where print is faded, parts of letters are missing."""
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
