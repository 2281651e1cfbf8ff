"""Pairs printed labels with what was filled in beside or below them.

Words up to a colon are a label. A short caption without one is a label when it is numbered
(`3. Place of birth`) or has a word that captions have (`Last name`). The value of a label with a
colon is what follows on its line, else what stands next to its right, else what stands directly
below; forms put captions into the cell that is filled in, so for a caption below comes first. A
label with a colon and no value is an empty field, or a heading when prose stands below. A caption
without a value is no field.
"""

import itertools
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from orchestrator.reading.layout import Box, Phrase, Token, is_wordlike
from orchestrator.reading.rules import Rules
from orchestrator.reading.segments import segments
from orchestrator.reading.signatures import is_signature_label


@dataclass(frozen=True)
class KeyValue:
    """A label with its value; without one the place was left empty.

    Attributes:
        label: printed words.
        value: words beside or below it.
        confidence: chance in [0, 1] that both belong together and are read rightly.
    """

    label: Phrase
    value: Phrase | None
    confidence: float


_NUMBERED = re.compile(r"\(?\d{1,2}[a-z]?[.)]\s*[A-Za-z]")
_LONGEST_LABEL = 8
_LONGEST_CAPTION = 6
_LONGEST_ANSWER = 8
# fmt: off
LABEL_WORDS: tuple[str, ...] = (
    "name", "initial", "m.i.", "address", "street", "apt", "apartment", "city", "town", "state",
    "county", "country", "zip", "code", "postcode", "date", "birth", "sex", "gender", "telephone",
    "phone", "number", "no.", "email", "e-mail", "title", "occupation", "employer", "ssn",
    "nationality", "citizenship", "status", "relationship",
)
# fmt: on
"""Words that captions of English forms have."""

_HOLE = 1.5
_REACH_RIGHT = 15.0
_REACH_BESIDE_CAPTION = 4.0
_REACH_BELOW = 1.5

_INLINE, _RIGHT, _BELOW = 1.0, 0.9, 0.6
_BELOW_CAPTION, _BESIDE_CAPTION = 0.9, 0.5
_EMPTY, _WITHOUT_COLON = 0.5, 0.8


def find_key_values(
    tokens: Sequence[Token], label_words: frozenset[str], rules: Rules
) -> Iterator[KeyValue]:
    """Labels with their values; each run of words is the value of one label at most.

    Args:
        tokens: words of the upright page that are nothing else.
        label_words: words, in lower case, that make a short text without a colon a caption.
        rules: the page's lines.
    """
    lines = segments(tokens, (), rules=rules, hole=_HOLE)
    runs = [part for line in lines for part in _split_at_colons(line)]
    labels = [run for run in runs if _is_label(run, label_words)]
    free = {index: run for index, run in enumerate(runs) if run not in labels}
    for label in sorted(labels, key=lambda run: (run.box.top, run.box.left)):
        has_colon = label.text.endswith(":")
        options = sorted(
            (-factor, index)
            for index, value in free.items()
            if (factor := _belonging(label, value, labels, has_colon=has_colon))
        )
        certainty = label.confidence * (1.0 if has_colon else _WITHOUT_COLON)
        if options:
            factor, index = options[0]
            value = free.pop(index)
            certainty *= value.confidence * -factor
            yield KeyValue(label, value, certainty)
        elif has_colon and not _is_heading(label, runs):
            yield KeyValue(label, None, certainty * _EMPTY)


def _is_heading(label: Phrase, runs: Sequence[Phrase]) -> bool:
    """Whether prose stands directly below."""
    return any(_is_below(label.box, run.box) and not _is_answer(run) for run in runs)


def _is_label(run: Phrase, label_words: frozenset[str]) -> bool:
    if run.text.endswith(":"):
        return len(run.tokens) <= _LONGEST_LABEL
    if len(run.tokens) > _LONGEST_CAPTION:
        return False
    words = {token.text.lower().strip("(),") for token in run.tokens}
    return _NUMBERED.match(run.text) is not None or not words.isdisjoint(label_words)


def _split_at_colons(run: Phrase) -> Iterator[Phrase]:
    """`Name: Ann Date: 1 May` as `Name:`, `Ann`, `Date:`, `1 May`.

    Between two labels the value ends at the widest hole, and at the label's last word when all
    holes are alike.
    """
    rest = list(run.tokens)
    is_first = True
    while colon := next((i + 1 for i, token in enumerate(rest) if _ends_label(token)), 0):
        start = 0 if is_first else _label_start(rest[:colon])
        if start:
            yield Phrase(tuple(rest[:start]))
        yield Phrase(tuple(rest[start:colon]))
        rest, is_first = rest[colon:], False
    if rest:
        yield Phrase(tuple(rest))


def _ends_label(token: Token) -> bool:
    return token.text.endswith(":") and is_wordlike(token.text)


def _label_start(tokens: Sequence[Token]) -> int:
    """Where, in a value followed by a label, the label starts."""
    holes = [
        (after.box.left - before.box.right, index + 1)
        for index, (before, after) in enumerate(itertools.pairwise(tokens))
    ]
    if not holes:
        return 0
    widest, index = max(holes)
    ordinary = sorted(hole for hole, _ in holes)[len(holes) // 2]
    return index if widest > 1.5 * max(ordinary, 1.0) else len(tokens) - 1


def _belonging(label: Phrase, value: Phrase, labels: Sequence[Phrase], *, has_colon: bool) -> float:
    """How telling the layout is that this is the label's value; 0 when it says nothing."""
    here, there, height = label.box, value.box, label.box.height
    if not has_colon and not _is_answer(value):
        return 0.0
    gap = there.left - here.right
    reach = _REACH_RIGHT if has_colon else _REACH_BESIDE_CAPTION
    if here.is_beside(there) and -0.5 * height <= gap <= reach * height:
        if _has_between(here, there, labels):
            return 0.0
        if label.tokens[0].line == value.tokens[0].line and gap <= _HOLE * height:
            return _INLINE
        nearness = 1 - 0.3 * max(gap, 0) / (reach * height)
        return nearness * (_RIGHT if has_colon else _BESIDE_CAPTION)
    if not (_is_below(here, there) and _is_answer(value)):
        return 0.0
    return _BELOW if has_colon else _BELOW_CAPTION


def _is_below(label: Box, value: Box) -> bool:
    """Whether this stands directly below the label, and not far to its left."""
    drop = value.top - label.bottom
    is_near = -0.3 * label.height <= drop <= _REACH_BELOW * label.height
    return is_near and label.is_over(value) and value.left >= label.left - 2 * label.height


def _is_answer(run: Phrase) -> bool:
    """Whether this can be what somebody filled in: short, and not a printed remark."""
    is_short = len(run.tokens) <= _LONGEST_ANSWER
    return is_short and run.text[0] != "(" and not is_signature_label(run)


def _has_between(here: Box, there: Box, labels: Sequence[Phrase]) -> bool:
    return any(
        here.right <= other.box.left + 1 < there.left and other.box.is_beside(here)
        for other in labels
        if other.box != here
    )
