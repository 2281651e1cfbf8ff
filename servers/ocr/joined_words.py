"""Words that the recogniser joined, parted where it saw a space by halves and a lexicon knows them.

Print that is set close (`JALANAIR`) leaves a network unsure whether a gap is a space. It is one
where it makes known words of one that is not known.
"""

from collections.abc import Sequence
from itertools import groupby, pairwise

from servers.ocr.alphabet import Alphabet
from servers.ocr.ctc import Glyph, Steps, chance_of
from servers.ocr.lexicon import Lexicon

LEAST = 0.05
"""A gap is a space from this probability on."""

SHORTEST = 3
"""Letters of each of the parts."""

UNKNOWN = 1
"""Parts that need not be known, such as a name."""

SURENESS = 0.5
"""Of such a space, at least: the words beside it speak for it."""

TELLING = 4
"""Letters of one known part at least: shorter words are in many names."""


def with_words_parted(
    glyphs: Sequence[Glyph], steps: Steps, alphabet: Alphabet, lexicon: Lexicon
) -> list[Glyph]:
    """A line's glyphs, left to right, with spaces put in between known words.

    Args:
        glyphs: of the whole line; words stand between spaces.
        steps: of the line.
        alphabet: what the steps' classes are.
        lexicon: the words that are known.
    """
    parted: list[Glyph] = []
    for is_letters, run in groupby(glyphs, lambda glyph: glyph.text.isalpha()):
        word = list(run)
        cuts = _cuts(word, steps, alphabet, lexicon) if is_letters else {}
        for place, glyph in enumerate(word):
            if place in cuts:
                left = word[place - 1]
                parted.append(Glyph(" ", left.end, glyph.start, max(cuts[place], SURENESS)))
            parted.append(glyph)
    return parted


def _cuts(
    word: Sequence[Glyph], steps: Steps, alphabet: Alphabet, lexicon: Lexicon
) -> dict[int, float]:
    """Places before which a space goes, with its probability."""
    text = "".join(glyph.text for glyph in word).lower()
    if len(text) < 2 * SHORTEST or text in lexicon:
        return {}
    chances = {
        place: chance_of(" ", steps, alphabet.texts, left.end, right.start)
        for place, (left, right) in enumerate(pairwise(word), 1)
    }
    cuts = sorted(
        (place for place, chance in chances.items() if chance >= LEAST), key=chances.__getitem__
    )
    while cuts:
        edges = [0, *sorted(cuts), len(text)]
        parts = [text[start:end] for start, end in pairwise(edges)]
        if min(map(len, parts)) >= SHORTEST and _are_words(parts, lexicon):
            return {cut: chances[cut] for cut in cuts}
        cuts = cuts[1:]
    return {}


def _are_words(parts: Sequence[str], lexicon: Lexicon) -> bool:
    known = [part for part in parts if part in lexicon]
    return len(known) >= len(parts) - UNKNOWN and any(len(part) >= TELLING for part in known)
