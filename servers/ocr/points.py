"""Points of amounts that the recogniser passed over: `5000` that is printed `50.00`.

On small or faint print a point is a speck, and a network that saw it says so only by halves.
"""

from collections.abc import Sequence

from servers.ocr.alphabet import Alphabet
from servers.ocr.ctc import Glyph, Steps, chance_of

POINT = "."

LEAST = 0.12
"""A point before the last two digits of a number is read from this probability on."""

SURENESS = 0.8
"""Of such a point."""

DECIMALS, FEWEST_DIGITS = 2, 3


def with_points(glyphs: Sequence[Glyph], steps: Steps, alphabet: Alphabet) -> list[Glyph]:
    """A line's glyphs, left to right, with points that are likely enough in numbers of three
    digits or more.

    Args:
        glyphs: of the whole line; words stand between spaces.
        steps: of the line.
        alphabet: what the steps' classes are.
    """
    pointed, start = [], 0
    for end in range(1, len(glyphs) + 1):
        if end == len(glyphs) or glyphs[end].text.isspace():
            pointed += _pointed(glyphs[start:end], steps, alphabet)
            start = end
    return pointed


def _pointed(word: Sequence[Glyph], steps: Steps, alphabet: Alphabet) -> list[Glyph]:
    digits = [glyph for glyph in word if not glyph.text.isspace()]
    if len(digits) >= FEWEST_DIGITS and all(glyph.text.isdecimal() for glyph in digits):
        left, right = word[-DECIMALS - 1], word[-DECIMALS]
        if chance_of(POINT, steps, alphabet.texts, left.end, right.start) >= LEAST:
            point = Glyph(POINT, left.end, right.start, SURENESS)
            return [*word[:-DECIMALS], point, *word[-DECIMALS:]]
    return list(word)
