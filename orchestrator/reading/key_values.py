"""Pairs printed labels with what was filled in beside or below them.

Every label (`orchestrator.reading.labels`) and every run of words that may be its value by one of
the rules below make a pair; of all pairs on the page the likeliest are kept first, each label and
each value once. A value goes on in the lines below it that stand at its edge and belong to no
label. Figures that are left and stand in a table (`orchestrator.reading.tables`) are paired with
the head of their column when that is a known label, else with that of their row: such a head is the
label of several. A label with a colon or a line and no value is an empty field, or a heading when
prose stands below; a caption without a value is no field.

The share of each rule is that of its pairs that were right on tuning pages, as
`python -m eval.key_values --data DIR --part tuning --rules` prints it.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from orchestrator.reading.labels import HOLE, blank_behind, has_colon, is_label, runs_of
from orchestrator.reading.layout import Box, Phrase, Token
from orchestrator.reading.rules import Rules
from orchestrator.reading.segments import is_next_line, stacked
from orchestrator.reading.signatures import is_signature_label
from orchestrator.reading.tables import Cell, find_cells, is_figure, is_head


class Rule(StrEnum):
    """How a value stands to its label."""

    ON_RULE = "on the line that begins behind the label"
    INLINE = "on one line behind a colon"
    RIGHT = "right of a colon, across a hole"
    BELOW = "below a colon"
    CAPTION_INLINE = "a number behind a caption"
    CAPTION_BELOW = "below a caption"
    CAPTION_RIGHT = "right of a caption"
    ROW = "a figure behind the head of its row"
    COLUMN = "a figure below the head of its column"


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


_REMARK = re.compile(r"^\(.*\)?$")
_FIGURES = 0.7
_LONGEST_ANSWER = 8
_MOST_LINES = 6

_REACH_RIGHT = 15.0
_REACH_BESIDE_CAPTION = 8.0
_REACH_BELOW = 1.5
_ROW = 25.0
_WORD_GAP = 0.9
_FARTHEST = 0.3
"""What a pair at the end of its reach loses of its chance to be taken."""

CHANCES = {
    Rule.ON_RULE: 0.78,
    Rule.INLINE: 0.69,
    Rule.RIGHT: 0.83,
    Rule.BELOW: 0.45,
    Rule.CAPTION_INLINE: 0.53,
    Rule.CAPTION_BELOW: 0.49,
    Rule.CAPTION_RIGHT: 0.75,
    Rule.ROW: 0.73,
    Rule.COLUMN: 0.48,
}
_USUAL_READING = 0.88
"""Mean reading confidence of the pairs that the shares were counted on."""
_SUREST = 0.95
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
    runs = runs_of(tokens, label_words, rules)
    blanks = {id(run): blank for run in runs if (blank := blank_behind(run, rules)) is not None}
    labels = [run for run in runs if id(run) in blanks or is_label(run, label_words)]
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
    heads: set[int] = set()
    for place, label in enumerate(labels):
        if place in taken:
            number, rule = taken[place]
            whole = _whole(number, values, labels, used, rules)
            yield KeyValue(label, whole, _chance(rule, label, whole), rule)
    for pair in _cells(runs, labels, values, used, blanks):
        heads.add(id(pair.label))
        yield pair
    for place, label in enumerate(labels):
        if place in taken or id(label) in heads:
            continue
        if id(label) in blanks or (has_colon(label) and not _is_heading(label, runs)):
            yield KeyValue(label, None, label.confidence * _EMPTY)


def _chance(rule: Rule, label: Phrase, value: Phrase) -> float:
    """That a pair is right: its rule's share, by how much surer it was read than pairs usually."""
    reading = (label.confidence * value.confidence) ** 0.5
    return min(CHANCES[rule] * float(reading) / _USUAL_READING, _SUREST)


def _cells(
    runs: Sequence[Phrase],
    labels: Sequence[Phrase],
    values: Sequence[Phrase],
    used: set[int],
    blanks: Mapping[int, Box],
) -> Iterator[KeyValue]:
    """Figures in tables that are no value yet."""
    known = {id(label) for label in labels}
    spent = {id(values[number]) for number in used}
    firm = {place for place, run in enumerate(runs) if has_colon(run) or id(run) in blanks}
    for cell in find_cells(runs, firm):
        value = runs[cell.place]
        if id(value) in known or id(value) in spent or not _is_answer(value):
            continue
        rule, head = _cell_rule(cell, runs, known)
        if head is not None:
            label = runs[head]
            yield KeyValue(label, value, _chance(rule, label, value), rule)


def _cell_rule(cell: Cell, runs: Sequence[Phrase], known: set[int]) -> tuple[Rule, int | None]:
    """To which of its heads a figure belongs, and by which rule."""
    is_known = cell.column is not None and id(runs[cell.column]) in known
    if is_known or (cell.row is None and cell.figures > 1 and cell.share > _FIGURES):
        return Rule.COLUMN, cell.column
    return Rule.ROW, cell.row


def _whole(
    number: int, values: Sequence[Phrase], labels: Sequence[Phrase], used: set[int], rules: Rules
) -> Phrase:
    """A value with the lines below it that go on with it; these are used then.

    A number does not go on: what stands below it is another one.
    """
    lines = [values[number]]
    while len(lines) < _MOST_LINES:
        last = lines[-1]
        if is_figure(last) and not is_head(last):
            break
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
    is_firm = has_colon(label)
    if _REMARK.match(value.text) or (not is_firm and not _is_answer(value)):
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
        if is_firm and _is_alone_below(label, value, [*labels, *values], rules):
            yield Rule.BELOW, CHANCES[Rule.BELOW]
        elif not is_firm and not _are_parallel(label, value, values):
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
    if has_colon(label):
        return Rule.INLINE if is_inline and gap <= HOLE else Rule.RIGHT
    if is_inline and gap <= _WORD_GAP:
        return Rule.CAPTION_INLINE
    return None if _are_heads(label, value, values) else Rule.CAPTION_RIGHT


def _reach(label: Phrase) -> float:
    return _REACH_RIGHT if has_colon(label) else _REACH_BESIDE_CAPTION


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


def _is_heading(label: Phrase, runs: Sequence[Phrase]) -> bool:
    """Whether prose stands directly below."""
    return any(_is_below(label.box, run.box) and not _is_answer(run) for run in runs)


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
