"""Pairs printed labels with what was filled in beside or below them.

Words up to a colon are a label, and so are words behind which a printed line to write on begins. A
short caption without either is a label when it is numbered (`3. Place of birth`) or has a word that
captions have (`Last name`). Every label and every run of
words that may be its value by one of the rules below make a pair; of all pairs on the page the
likeliest are kept first, each label and each value once. A value goes on in the lines below it
that stand at its edge and belong to no label. A label with a colon or a line and no value is an
empty field, or a heading when prose stands below; a caption without a value is no field.

The chance of each rule is the share of its pairs that were right on tuning pages, as
`python -m eval.key_values --data DIR --part tuning --rules` prints it.
"""

import itertools
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum

from orchestrator.reading.layout import Box, Phrase, Token, is_wordlike
from orchestrator.reading.rules import Rules
from orchestrator.reading.segments import is_next_line, segments, stacked
from orchestrator.reading.signatures import is_signature_label
from orchestrator.reading.vocabulary import words


class Rule(StrEnum):
    """How a value stands to its label."""

    ON_RULE = "on the line that begins behind the label"
    INLINE = "on one line behind a colon"
    RIGHT = "right of a colon, across a hole"
    BELOW = "below a colon"
    CAPTION_INLINE = "a number behind a caption"
    CAPTION_BELOW = "below a caption"
    CAPTION_RIGHT = "right of a caption"


@dataclass(frozen=True)
class KeyValue:
    """A label with its value; without one the place was left empty.

    Attributes:
        label: printed words.
        value: words beside or below it.
        confidence: chance in [0, 1] that both belong together and are read rightly.
        rule: by which they were paired; None without a value.
    """

    label: Phrase
    value: Phrase | None
    confidence: float
    rule: Rule | None = None


_NUMBERED = re.compile(r"\(?\d{1,2}[a-z]?[.)]\s*[A-Za-z]")
_COLONS = (":", "\uff1a")
_REMARK = re.compile(r"^\(.*\)?$")
_GOES_ON = re.compile(r"(?:\b(?:of|and|the|or|for|de|du|des|der|und|del)|[&/-])$", re.IGNORECASE)
_ENDS_SENTENCE = re.compile(r"[a-zà-ÿ]{3}[.;]$")
_LONGEST_LABEL = 8
_LONGEST_CAPTION = 6
_LONGEST_ANSWER = 8
_LONGEST_NUMBER = 2
_MOST_LINES = 6
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
_ROW = 25.0
_BLANK_BEGINS = 1.0
_LONG_RULE = 6.0
_WORD_GAP = 0.9
_FARTHEST = 0.3
"""What a pair at the end of its reach loses of its chance to be taken."""

CHANCES = {
    Rule.ON_RULE: 0.82,
    Rule.INLINE: 0.65,
    Rule.RIGHT: 0.78,
    Rule.BELOW: 0.45,
    Rule.CAPTION_INLINE: 0.31,
    Rule.CAPTION_BELOW: 0.51,
    Rule.CAPTION_RIGHT: 0.60,
}
_EMPTY = 0.5


def find_key_values(
    tokens: Sequence[Token], label_words: frozenset[str], rules: Rules
) -> Iterator[KeyValue]:
    """Labels with their values, from top to bottom; no words are in two values.

    Args:
        tokens: words of the upright page that are nothing else.
        label_words: words, in lower case, that make a short text without a colon a caption.
        rules: the page's lines.
    """
    lines = segments(tokens, (), rules=rules, hole=_HOLE)
    runs = [
        part
        for line in lines
        for run in _split_at_colons(line)
        for part in _split_at_number(run, label_words)
    ]
    runs = _joined_labels([part for run in runs for part in _split_at_rule(run, rules)])
    blanks = {id(run): blank for run in runs if (blank := _blank(run, rules)) is not None}
    labels = [run for run in runs if id(run) in blanks or _is_label(run, label_words)]
    ids = {id(label) for label in labels}
    values = [run for run in runs if id(run) not in ids]
    pairs = sorted(
        (-score, place, number, rule)
        for place, label in enumerate(labels)
        for number, value in enumerate(values)
        for rule, score in _rule(label, value, labels, values, rules, blanks.get(id(label)))
    )
    taken: dict[int, tuple[int, Rule]] = {}
    used: set[int] = set()
    for _, place, number, rule in pairs:
        if place not in taken and number not in used:
            taken[place] = (number, rule)
            used.add(number)
    for place, label in enumerate(labels):
        if place in taken:
            number, rule = taken[place]
            whole = _whole(number, values, labels, used, rules)
            chance = CHANCES[rule] * (label.confidence * whole.confidence) ** 0.5
            yield KeyValue(label, whole, chance, rule)
        elif id(label) in blanks or (_has_colon(label) and not _is_heading(label, runs)):
            yield KeyValue(label, None, label.confidence * _EMPTY)


def _whole(
    number: int, values: Sequence[Phrase], labels: Sequence[Phrase], used: set[int], rules: Rules
) -> Phrase:
    """A value with the lines below it that go on with it; these are used then."""
    lines = [values[number]]
    while len(lines) < _MOST_LINES:
        last = lines[-1]
        following = next(
            (
                index
                for index, value in enumerate(values)
                if index not in used
                and is_next_line(last, value)
                and not rules.part_rows(last.box.bottom - 2, value.box.top + 2, last.box)
                and not any(label.box.is_beside(value.box) for label in labels)
            ),
            None,
        )
        if following is None:
            break
        used.add(following)
        lines.append(values[following])
    return stacked(lines)


def _rule(
    label: Phrase,
    value: Phrase,
    labels: Sequence[Phrase],
    values: Sequence[Phrase],
    rules: Rules,
    blank: Box | None,
) -> Iterator[tuple[Rule, float]]:
    """By which rule this may be the label's value, and how strongly; nothing when by none."""
    here, there, height = label.box, value.box, label.box.height
    has_colon = _has_colon(label)
    if _REMARK.match(value.text) or (not has_colon and not _is_answer(value)):
        return
    if blank is not None and _is_on(there, blank):
        yield Rule.ON_RULE, 1.0
        return
    if here.is_beside(there):
        rule = _rule_beside(label, value, labels, values)
        gap = max(there.left - here.right, 0.0) / height
        if rule is not None:
            yield rule, CHANCES[rule] * (1 - _FARTHEST * gap / _reach(label))
    elif _is_below(here, there) and _is_answer(value):
        if has_colon and _is_alone_below(label, value, [*labels, *values], rules):
            yield Rule.BELOW, CHANCES[Rule.BELOW]
        elif not has_colon and not _are_parallel(label, value, values):
            yield Rule.CAPTION_BELOW, CHANCES[Rule.CAPTION_BELOW]


def _rule_beside(
    label: Phrase, value: Phrase, labels: Sequence[Phrase], values: Sequence[Phrase]
) -> Rule | None:
    """The rule for a value in the row of its label; None when it is out of reach or another's."""
    here, there, height = label.box, value.box, label.box.height
    gap = (there.left - here.right) / height
    if not -0.5 <= gap <= _reach(label) or _has_between(here, there, labels):
        return None
    is_inline = label.tokens[0].line == value.tokens[0].line
    if _has_colon(label):
        return Rule.INLINE if is_inline and gap <= _HOLE else Rule.RIGHT
    if is_inline and gap <= _WORD_GAP:
        return Rule.CAPTION_INLINE
    return None if _are_heads(label, value, values) else Rule.CAPTION_RIGHT


def _reach(label: Phrase) -> float:
    return _REACH_RIGHT if _has_colon(label) else _REACH_BESIDE_CAPTION


def _blank(run: Phrase, rules: Rules) -> Box | None:
    """The printed line that begins where these words end, to be written on."""
    box, height = run.box, run.box.height
    if len(run.tokens) > _LONGEST_LABEL:
        return None
    return next(
        (
            rule
            for rule in rules.across
            if -0.5 * height <= rule.left - box.right <= _BLANK_BEGINS * height
            and _is_base(rule, box)
        ),
        None,
    )


def _split_at_rule(run: Phrase, rules: Rules) -> Iterator[Phrase]:
    """`Purpose of trip` and what is written on the line behind it, read in one run."""
    box = run.box
    for rule in rules.across:
        if box.left + box.height < rule.left < box.right and _is_base(rule, box):
            index = sum(token.box.middle < rule.left for token in run.tokens)
            if 0 < index < len(run.tokens) and not _has_colon(Phrase(run.tokens[:index])):
                yield Phrase(run.tokens[:index])
                yield Phrase(run.tokens[index:])
                return
    yield run


def _is_base(rule: Box, box: Box) -> bool:
    """Whether a printed line runs where letters stand."""
    is_long_and_thin = rule.width >= _LONG_RULE * box.height >= _LONG_RULE * 3 * rule.height
    is_low = box.top + 0.7 * box.height <= rule.top <= box.bottom + 0.5 * box.height
    return is_long_and_thin and is_low


def _is_on(area: Box, rule: Box) -> bool:
    """Whether words stand on a printed line."""
    is_over = rule.left - area.height <= area.left and area.middle <= rule.right
    return is_over and -0.6 * area.height <= rule.top - area.bottom <= 0.8 * area.height


def _are_parallel(label: Phrase, below: Phrase, values: Sequence[Phrase]) -> bool:
    """Whether both have a text of their own right of them: then they are rows of one list."""
    return all(
        any(
            0 < value.box.left - run.box.right <= _REACH_RIGHT * run.box.height
            and value.box.is_beside(run.box)
            for value in values
        )
        for run in (label, below)
    )


def _are_heads(label: Phrase, beside: Phrase, values: Sequence[Phrase]) -> bool:
    """Whether both have a text of their own below them: then they head columns of a table."""
    return all(
        any(_is_below(run.box, value.box) for value in values if value is not run)
        for run in (label, beside)
    )


def _is_alone_below(label: Phrase, value: Phrase, runs: Sequence[Phrase], rules: Rules) -> bool:
    """Whether the value has its line for itself and no printed line over it.

    Over several texts side by side a label with a colon is a heading.
    """
    if rules.part_rows(label.box.bottom - 2, value.box.top + 2, label.box):
        return False
    return not any(
        run is not value
        and run.box.is_beside(value.box)
        and abs(run.box.middle - value.box.middle) <= _ROW * value.box.height
        for run in runs
    )


def _split_at_number(run: Phrase, label_words: frozenset[str]) -> Iterator[Phrase]:
    """`Job No. 7559` as `Job No.` and `7559`; other runs as they are."""
    for index, token in enumerate(run.tokens[1:_LONGEST_CAPTION], 1):
        if any(char.isdigit() for char in token.text):
            before = Phrase(run.tokens[:index])
            own = [t.text.lower().strip("(),:") for t in before.tokens[-2:]]
            is_short = len(run.tokens) - index <= _LONGEST_NUMBER
            if is_short and not _has_colon(before) and any(word in label_words for word in own):
                yield before
                yield Phrase(run.tokens[index:])
                return
            break
    yield run


def _joined_labels(runs: Sequence[Phrase]) -> list[Phrase]:
    """Labels that go on in the line below (`No. of`, `Stores`) made one."""
    joined: dict[int, Phrase] = dict(enumerate(runs))
    for index, run in enumerate(runs):
        if index not in joined or not _GOES_ON.search(run.text):
            continue
        if len(run.tokens) > _LONGEST_CAPTION:
            continue
        below = next(
            (
                number
                for number, other in joined.items()
                if number != index
                and run.box.is_over(other.box)
                and -0.4 <= (other.box.top - run.box.bottom) / run.box.height <= 0.7
                and len(other.tokens) <= _LONGEST_CAPTION
            ),
            None,
        )
        if below is not None:
            joined[index] = stacked([run, joined.pop(below)])
    return [joined[index] for index in sorted(joined)]


def _has_colon(run: Phrase) -> bool:
    return run.text.endswith(_COLONS)


def _is_heading(label: Phrase, runs: Sequence[Phrase]) -> bool:
    """Whether prose stands directly below."""
    return any(_is_below(label.box, run.box) and not _is_answer(run) for run in runs)


def _is_label(run: Phrase, label_words: frozenset[str]) -> bool:
    if _has_colon(run):
        is_notice = run.text.lower().rstrip(" :") in words("notice")
        is_prose = any(_ENDS_SENTENCE.search(token.text) for token in run.tokens[:-1])
        return len(run.tokens) <= _LONGEST_LABEL and not is_notice and not is_prose
    if len(run.tokens) > _LONGEST_CAPTION:
        return False
    own = {token.text.lower().strip("(),") for token in run.tokens}
    if any(char.isdigit() for token in run.tokens[1:] for char in token.text):
        return False
    return _NUMBERED.match(run.text) is not None or not own.isdisjoint(label_words)


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
    return token.text.endswith(_COLONS) and is_wordlike(token.text)


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
