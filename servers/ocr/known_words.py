"""Words that the recogniser misread by a letter or two, put right where a lexicon knows a word that
it thought nearly as likely.

What the network was unsure of, and no list knows, is rather a misread word than a rare one: the
longer the word, the more so, for few long words differ by a letter. So a known word takes its place
unless the network thought it too much less likely. Numbers and codes are left alone, and what can
hardly be read at all: a word would be made up for it.
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

from servers.ocr.alphabet import Alphabet
from servers.ocr.ctc import Glyph, Steps
from servers.ocr.lattice import Lattice
from servers.ocr.lexicon import Lexicon

SURE, SURE_KNOWN, SURE_PAIR = 0.999, 0.95, 0.97
"""Words whose letters are all right with this probability stay; the second is for known words, the
third for two words and the space between them."""

LEGIBLE = 0.65
"""The least probability of its letters, as their geometric mean, with which a word can be read."""

SHORTEST = 2
"""Letters of a word."""

LENGTHS = 12
"""Longer words are judged as words of so many letters."""

BY_LETTER, ANYWAY = 0.9, 0.5
"""How much less likely, as a natural logarithm, a word may be for each of its letters, and for
none."""

COMMONNESS = 0.25
"""What its commonness (also a logarithm) counts when there is a choice of words."""

RARE, NEARLY = 4.0, 3.0
"""A known word stays, unless one that is so much more common is less than so much less likely."""

BY_LIKELIHOOD, BY_LENGTH, ELSE = 0.52, 0.47, 0.65
"""Whether a word that takes another's place is right: a logistic regression on pages for tuning."""

Place = tuple[int, int]
"""Glyphs [start, end) of a line."""


@dataclass(frozen=True, slots=True)
class _Change:
    place: Place
    gain: float
    glyphs: list[Glyph]


def with_known_words(
    glyphs: Sequence[Glyph], steps: Steps, alphabet: Alphabet, lexicon: Lexicon
) -> list[Glyph]:
    """A line's glyphs, left to right, with known words in place of misread ones.

    Args:
        glyphs: of the whole line; words stand between spaces.
        steps: of the line.
        alphabet: what the steps' classes are.
        lexicon: the words that are known.
    """
    changes = [
        change
        for place in _places(glyphs, lexicon)
        if (change := _change(glyphs, place, steps, alphabet, lexicon)) is not None
    ]
    put_right: list[tuple[Place, list[Glyph]]] = []
    for change in sorted(changes, key=lambda change: -change.gain):
        if all(change.place[1] <= p[0] or p[1] <= change.place[0] for p, _ in put_right):
            put_right.append((change.place, change.glyphs))
    line: list[Glyph] = []
    end = len(glyphs)
    for (start, stop), word in sorted(put_right, key=lambda one: -one[0][0]):
        line = [*word, *glyphs[stop:end], *line]
        end = start
    return [*glyphs[:end], *line]


def _places(glyphs: Sequence[Glyph], lexicon: Lexicon) -> Iterator[Place]:
    """What may be a word: runs of letters and digits, and two of them with a space between."""
    edges = [0, *(i for i, g in enumerate(glyphs, 1) if not g.text.isalnum()), len(glyphs) + 1]
    runs = [(start, end - 1) for start, end in pairwise(edges) if end - 1 > start]
    for run in runs:
        if _is_doubtful(glyphs[slice(*run)], lexicon):
            yield run
    for left, right in pairwise(runs):
        between = _text(glyphs[left[1] : right[0]])
        if between == " " and _is_torn(glyphs[left[0] : right[1]], lexicon):
            yield left[0], right[1]


def _is_doubtful(word: Sequence[Glyph], lexicon: Lexicon) -> bool:
    text = _text(word)
    sure = SURE_KNOWN if text in lexicon else SURE
    return len(text) >= SHORTEST and not text.isdigit() and _is_legible(word, sure)


def _is_torn(words: Sequence[Glyph], lexicon: Lexicon) -> bool:
    """Whether two words may be parts of one."""
    parts = _text(words).split()
    return (
        not any(part.isdigit() for part in parts)
        and _is_legible(words, SURE_PAIR)
        and not all(part in lexicon for part in parts)
    )


def _is_legible(glyphs: Sequence[Glyph], sure: float) -> bool:
    """Whether glyphs can be read, and are not sure to be right."""
    probability = math.prod(glyph.probability for glyph in glyphs)
    return LEGIBLE ** len(glyphs) <= probability < sure


def _change(
    glyphs: Sequence[Glyph], place: Place, steps: Steps, alphabet: Alphabet, lexicon: Lexicon
) -> _Change | None:
    """The best known word at a place; None when what was read is better."""
    read = _text(glyphs[slice(*place)])
    start = glyphs[place[0] - 1].end if place[0] else 0
    end = glyphs[place[1]].start if place[1] < len(glyphs) else len(steps[0])
    lattice = Lattice.of(steps, alphabet.texts, start, end)
    own = lattice.probability(read)
    if own <= 0:
        return None
    best: tuple[float, str, float] | None = None
    for word, probability in lattice.words(lexicon).items():
        if word != read and _keeps_letters(read, word):
            likelihood = math.log(probability / own)
            gain = _gain(read, word, likelihood, lexicon)
            if gain is not None and (best is None or gain > best[0]):
                best = gain, word, likelihood
    aligned = best and lattice.aligned(best[1])
    if not best or not aligned:
        return None
    gain, word, likelihood = best
    sureness = _chance(word, likelihood) ** (1 / len(word))
    return _Change(place, gain, [Glyph(g.text, g.start, g.end, sureness) for g in aligned])


def _gain(read: str, word: str, likelihood: float, lexicon: Lexicon) -> float | None:
    """How much better a word is than what was read; None when it is not."""
    common, own = lexicon.commonness(word), lexicon.commonness(read)
    if common is None or len(word) < SHORTEST:
        return None
    if own is not None and (likelihood < -NEARLY or common - own < RARE):
        return None
    gain = likelihood + BY_LETTER * min(len(word), LENGTHS) + ANYWAY
    return gain + COMMONNESS * common if gain > 0 else None


def _keeps_letters(read: str, word: str) -> bool:
    """Whether two words that become one lose no letter: one of them may be a word of its own."""
    return " " not in read or len(word) >= len(read) - 1


def _chance(word: str, likelihood: float) -> float:
    logit = BY_LIKELIHOOD * likelihood + BY_LENGTH * min(len(word), LENGTHS) + ELSE
    return 1 / (1 + math.exp(-logit))


def _text(glyphs: Sequence[Glyph]) -> str:
    return "".join(glyph.text for glyph in glyphs).lower()
