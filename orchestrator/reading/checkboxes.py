"""What each box stands for: the words of its option, and the question that it answers."""

import itertools
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace

from orchestrator.reading import questions
from orchestrator.reading.grids import Grid, find_grids
from orchestrator.reading.layout import Box, Phrase, Token
from orchestrator.reading.rules import Rules
from orchestrator.reading.segments import NO_RULES, is_next_line, segments, stacked, text_height
from orchestrator.reading.sides import Choice, Side, choose_sides
from orchestrator.reading.sight import Sight

_MOST_LINES = 4
_UNEVEN = 1.15


@dataclass(frozen=True)
class BoxText:
    """What was found for one box.

    Attributes:
        label: the words of its option; None when none are near it.
        question: what its group asks; None when it asks nothing.
        margin: how much worse the next best label is, from 0; a head of a column counts as 1.
    """

    label: Phrase | None
    question: Phrase | None = None
    margin: float = 0.0


def read_boxes(
    boxes: Sequence[Box], tokens: Sequence[Token], rules: Rules = NO_RULES
) -> list[BoxText]:
    """The texts of a page's boxes, in their order.

    Args:
        boxes: of the upright page.
        tokens: the page's words, clear of the boxes.
        rules: the page's lines; words beyond one are in another cell.
    """
    unit = text_height(tokens, boxes)
    texts = segments(tokens, boxes, rules=rules)
    grids = find_grids(boxes, texts, unit)
    found = {index: read for grid in grids for index, read in _in_grid(grid, boxes, texts, rules)}
    heads = {token for grid in grids for token in grid.head_tokens}
    left = [index for index in range(len(boxes)) if index not in found]
    free = [text for text in texts if not heads.intersection(map(id, text.tokens))]
    read = _beside(left, Sight(free, boxes, rules, unit))
    found.update(zip(left, read, strict=True))
    return [found[index] for index in range(len(boxes))]


def _in_grid(
    grid: Grid, boxes: Sequence[Box], texts: Sequence[Phrase], rules: Rules
) -> list[tuple[int, BoxText]]:
    asked = [text for text in texts if not grid.head_tokens.intersection(map(id, text.tokens))]
    answers: list[tuple[int, BoxText]] = []
    for number, row in enumerate(grid.rows):
        areas = [boxes[index] for index in row]
        above, below = _band(number, grid, boxes, rules)
        question = questions.of_row(areas, asked, above=above, below=below)
        for index in row:
            head = grid.heads[grid.columns[index]]
            answers.append((index, BoxText(head, question, 1.0)))
    return answers


def _band(number: int, grid: Grid, boxes: Sequence[Box], rules: Rules) -> tuple[float, float]:
    """Where, by y, a row of a table begins and ends: at lines, or midway to its neighbours."""
    middles = [(boxes[row[0]].top + boxes[row[0]].bottom) / 2 for row in grid.rows]
    steps = [after - before for before, after in itertools.pairwise(middles)]
    box, middle = boxes[grid.rows[number][0]], middles[number]
    usual = min(steps, default=2 * box.height)
    above = steps[number - 1] if number else usual
    below = steps[number] if number < len(steps) else usual
    lines = [r.top for r in rules.across if r.left <= box.middle <= r.right]
    tops = [y for y in lines if middle - above < y < box.top]
    bottoms = [y for y in lines if box.bottom < y < middle + below]
    return (
        max(tops, default=middle - above / 2),
        min(bottoms, default=middle + below / 2),
    )


def _beside(indices: Sequence[int], sight: Sight) -> list[BoxText]:
    """Boxes with their own words: first the sides, then whole labels, then the questions."""
    own = [sight.boxes[index] for index in indices]
    choices = choose_sides(own, sight)
    claimed = {choice.segment for choice in choices if choice is not None}
    read: list[BoxText] = []
    options: list[questions.Option] = []
    for box, choice in zip(own, choices, strict=True):
        lines = _lines(box, choice, sight, claimed) if choice is not None else []
        label, asked = stacked(sight.texts[line] for line in lines) if lines else None, None
        if choice is not None and label is not None and choice.side == Side.LEFT:
            asked, label = questions.split(label)
        read.append(BoxText(label, None, choice.margin if choice else 0.0))
        options.append(questions.Option(box, label, frozenset(lines), asked))
    return [
        replace(one, question=question)
        for one, question in zip(read, questions.ask(options, sight), strict=True)
    ]


def _lines(box: Box, choice: Choice, sight: Sight, claimed: Collection[int]) -> list[int]:
    """Indices of the lines of the label that has this one next to its box, from top to bottom."""
    lines, texts = [choice.segment], sight.texts
    if choice.side != Side.LEFT:
        while len(lines) < _MOST_LINES:
            following = _line_after(texts[lines[-1]], box, sight, claimed)
            if following is None or not _is_full([texts[i] for i in lines], texts[following]):
                break
            lines.append(following)
    begins_above = choice.side == Side.LEFT or (
        choice.side == Side.RIGHT and _is_above_middle(box, texts[lines[0]].box)
    )
    while begins_above and len(lines) < _MOST_LINES:
        before = _line_before(texts[lines[0]], box, choice.side, sight, claimed)
        if before is None or not _is_full([texts[before]], texts[lines[0]]):
            break
        lines.insert(0, before)
        begins_above = choice.side == Side.LEFT
    return lines


def _is_above_middle(box: Box, line: Box) -> bool:
    """Whether the box stands between a line and the one above it, rather than beside the line."""
    return (line.top + line.bottom - box.top - box.bottom) / 2 > 0.15 * line.height


def _line_after(line: Phrase, box: Box, sight: Sight, claimed: Collection[int]) -> int | None:
    return next(
        (
            index
            for index, text in enumerate(sight.texts)
            if index not in claimed
            and text is not line
            and is_next_line(line, text)
            and not _has_box_before(text.box, box, sight.boxes)
            and not sight.is_parted_by_rule(line.box, text.box)
        ),
        None,
    )


def _line_before(
    line: Phrase, box: Box, side: Side, sight: Sight, claimed: Collection[int]
) -> int | None:
    def is_of_another(area: Box) -> bool:
        if side == Side.RIGHT:
            return _has_box_before(area, box, sight.boxes)
        behind = (b for b in sight.boxes if b is not box and b.left > area.left)
        return any(area.is_level_with(b) for b in behind)

    return next(
        (
            index
            for index, text in enumerate(sight.texts)
            if index not in claimed
            and text is not line
            and is_next_line(text, line)
            and not questions.is_asking(text)
            and not is_of_another(text.box)
            and not sight.is_parted_by_rule(text.box, line.box)
        ),
        None,
    )


def _has_box_before(area: Box, own: Box, boxes: Sequence[Box]) -> bool:
    """Whether another box stands directly left of the words."""
    return any(
        box is not own
        and box.is_beside(area)
        and 0 <= area.left - box.left <= box.width + 2 * area.height
        for box in boxes
    )


def _is_full(lines: Sequence[Phrase], following: Phrase) -> bool:
    """Whether a text goes on in the line below.

    It does when the last line ends where the first word below would not have fitted any more, and
    the lines are evenly spaced.
    """
    if len(lines) > 1:
        pitch = lines[-1].box.top - lines[-2].box.top
        if following.box.top - lines[-1].box.top > _UNEVEN * pitch:
            return False
    edge = max(line.box.right for line in (*lines, following))
    return lines[-1].box.right + following.tokens[0].box.width + 0.3 * following.box.height >= edge
