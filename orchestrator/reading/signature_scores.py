"""How sure it is of a signature once the page was read.

The signature model sees ink alone. What the words tell besides: ink that reads surely, as print, a
figure or a plain hand does, is seldom a signature, and never where all of it reads surely: dates,
names and values, script logos. Ink behind a caption that asks for a date is hardly one; ink near
words that ask for a signature or end a letter, or that such words lead to, mostly is one. A
logistic regression joins them with the model's score (`python -m training.signature_scores`).
"""

import difflib
import functools
import math
from collections.abc import Sequence
from dataclasses import dataclass

from orchestrator.reading import vocabulary
from orchestrator.reading.layout import Box, Token
from orchestrator.reading.segments import text_height

LEAST_SCORE = 0.01
"""Of what a model says; nearer to 0 or 1 it is not taken at its word."""
_INSIDE = 0.4
_TALL = 0.5
"""A word is read in the ink when so much of it lies there and it has so much of its height."""
_COLUMNS = 64
"""Of the ink, each asked for the words that it crosses."""
_PARTS = 8
_FIGURES = 0.6
_NEAR_ACROSS, _NEAR_DOWN = 4.0, 2.0
_BEFORE, _OVER, _DATE_BEFORE = 16.0, 12.0, 8.0
"""In heights of the page's words."""
_MISREAD_WORD, _ALIKE = 6, 0.85
"""Letters of a word that may be misread, and how much of it must be right."""


@dataclass(frozen=True, slots=True)
class InkEvidence:
    """What a page's words tell of a found signature.

    Attributes:
        read: share of its width that was read, each word by how sure it was, in [0, 1]. Where words
            stand above each other, as a name typed below a signature, the least sure one counts.
        figures: share of its width that was read as figures, however surely, in [0, 1].
        dated: whether a caption before it on its row asks for a date, nothing read between.
        invited: whether words near it ask for a signature, or end a letter; or words before it on
            its row or over it in its column, with nothing read between.
    """

    read: float
    figures: float
    dated: bool
    invited: bool

    @property
    def surely(self) -> float:
        """Chance that all of it was read right, near 0 unless nearly all was read surely."""
        return self.read**_PARTS

    @property
    def features(self) -> tuple[float, ...]:
        """As numbers, in the order of the weights."""
        return self.read, self.figures, float(self.dated), float(self.invited)


@dataclass(frozen=True, slots=True)
class ScoreWeights:
    """The regression's weights, of the model's logit and of each number of `InkEvidence`.

    That of ink which was read surely was chosen.
    """

    logit: float
    read: float
    figures: float
    dated: float
    invited: float
    shift: float
    surely: float

    def score(self, score: float, evidence: InkEvidence) -> float:
        """The score in (0, 1) that a signature has with the evidence."""
        sure = min(max(score, LEAST_SCORE), 1 - LEAST_SCORE)
        total = self.shift + self.logit * math.log(sure / (1 - sure))
        total += self.surely * evidence.surely
        weights = (self.read, self.figures, self.dated, self.invited)
        total += sum(w * x for w, x in zip(weights, evidence.features, strict=True))
        return 1 / (1 + math.exp(-total))


WEIGHTS = ScoreWeights(
    logit=0.911,
    read=-0.967,
    figures=-1.895,
    dated=-2.757,
    invited=1.063,
    shift=0.553,
    surely=-6.0,
)


def weigh(
    signatures: Sequence[Box], scores: Sequence[float], tokens: Sequence[Token]
) -> list[float]:
    """The scores with what was read; as they are on a page without words.

    Args:
        signatures: where ink was found that may be signatures.
        scores: the model's.
        tokens: the page's words.
    """
    if not tokens:
        return list(scores)
    found = ink_evidence(signatures, tokens)
    return [WEIGHTS.score(score, one) for score, one in zip(scores, found, strict=True)]


def ink_evidence(signatures: Sequence[Box], tokens: Sequence[Token]) -> list[InkEvidence]:
    """What the words of a page, at least one, tell of each signature."""
    unit = text_height(tokens)
    dates = [token.box for token in tokens if vocabulary.pattern("date").search(token.text)]
    return [
        InkEvidence(
            *_shares_read(box, tokens),
            dated=any(_stands_before(date, box, tokens, _DATE_BEFORE * unit) for date in dates),
            invited=any(
                _is_asked(token.box, box, tokens, unit) and invites(token.text) for token in tokens
            ),
        )
        for box in signatures
    ]


def _shares_read(ink: Box, tokens: Sequence[Token]) -> tuple[float, float]:
    """How much of the ink's width was read, by how surely, and how much of it as figures."""
    inside = [
        token
        for token in tokens
        if token.box.height >= _TALL * ink.height and _share_inside(token.box, ink) > _INSIDE
    ]
    read = figures = 0.0
    for column in range(_COLUMNS):
        x = ink.left + (column + 0.5) * ink.width / _COLUMNS
        here = [token for token in inside if token.box.left <= x <= token.box.right]
        if here:
            word = min(here, key=lambda token: token.confidence)
            read += word.confidence / _COLUMNS
            figures += is_figures(word.text) / _COLUMNS
    return read, figures


def is_figures(text: str) -> bool:
    """Whether most of the letters of a word are digits: an amount, a date."""
    letters = [letter for letter in text if letter.isalnum()]
    return len(letters) > 1 and sum(map(str.isdigit, letters)) > _FIGURES * len(letters)


@functools.lru_cache(maxsize=4096)
def invites(text: str) -> bool:
    """Whether a word asks for a signature or ends a letter, a letter or two of it misread."""
    if vocabulary.pattern("invitation").search(text):
        return True
    word = "".join(filter(str.isalpha, text.lower()))
    if len(word) < _MISREAD_WORD:
        return False
    return bool(difflib.get_close_matches(word, _long_invitations(), n=1, cutoff=_ALIKE))


@functools.cache
def _long_invitations() -> list[str]:
    return sorted(word for word in vocabulary.words("invitation") if len(word) >= _MISREAD_WORD)


def _share_inside(box: Box, ink: Box) -> float:
    common = box.common_width(ink) * box.common_height(ink)
    return common / max(box.width * box.height, 1e-9)


def _is_asked(words: Box, ink: Box, tokens: Sequence[Token], unit: float) -> bool:
    return (
        _is_near(words, ink, unit)
        or _stands_before(words, ink, tokens, _BEFORE * unit)
        or _stands_over(words, ink, tokens, _OVER * unit)
    )


def _is_near(words: Box, ink: Box, unit: float) -> bool:
    across = max(words.left - ink.right, ink.left - words.right)
    down = max(words.top - ink.bottom, ink.top - words.bottom)
    return across <= _NEAR_ACROSS * unit and down <= _NEAR_DOWN * unit


def _stands_before(words: Box, ink: Box, tokens: Sequence[Token], reach: float) -> bool:
    """Whether words end at most `reach` before the ink on its row, nothing read between."""
    gap = Box(words.right, words.top, ink.left, words.bottom)
    return words.is_beside(ink) and -words.height <= gap.width <= reach and _is_clear(gap, tokens)


def _stands_over(words: Box, ink: Box, tokens: Sequence[Token], reach: float) -> bool:
    """Whether words stand at most `reach` over the ink in its column, nothing read between."""
    left, right = max(words.left, ink.left), min(words.right, ink.right)
    gap = Box(left, words.bottom, right, ink.top)
    return words.is_over(ink) and 0 <= gap.height <= reach and _is_clear(gap, tokens)


def _is_clear(gap: Box, tokens: Sequence[Token]) -> bool:
    return not any(gap.contains_centre(token.box) for token in tokens)
