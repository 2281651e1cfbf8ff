"""The questions that groups of boxes answer.

Boxes of one row with nothing but their own words between them are one group, and so are rows
under each other that have no question of their own. A group's question stands left of it, or
above it; a text that ends as questions end is preferred.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from orchestrator.reading import vocabulary
from orchestrator.reading.layout import Box, Phrase, around
from orchestrator.reading.segments import is_next_line, stacked
from orchestrator.reading.sight import Sight

_ASKING = re.compile(r"[?:](?:\s*[*.…)]*)$")
_ASKING_INSIDE = re.compile(r"[?:][*)]?$")
_WORD = re.compile(r"[^\W\d_]{2}")
_NUMBERED = re.compile(r"\(?(?:\d{1,2}[a-z]?|[a-z])[.)]\s*\w", re.IGNORECASE)
_NUMBERED_LINE = re.compile(r"\(?\w{1,3}[.)]?\s")
_REACH_LEFT = 45.0
_REACH_LEFT_PLAIN = 12.0
_REACH_UP = 1.6
_ROWS_APART = 1.6
_LONGEST_HEADING = 12
_LONGEST_OPTION = 7
_MOST_LINES = 4


@dataclass(frozen=True)
class Option:
    """A box with its words.

    Attributes:
        box: where it is.
        label: its words; None when it has none.
        lines: indices of the runs that its words are from.
        question: what stood before its words in the same run; None for most.
    """

    box: Box
    label: Phrase | None
    lines: frozenset[int]
    question: Phrase | None = None

    @property
    def area(self) -> Box:
        """Box and words."""
        return around([self.box, self.label.box]) if self.label else self.box

    @property
    def is_answer(self) -> bool:
        """Whether its words are a usual answer to some question, as yes or no."""
        return self.label is not None and is_answer(self.label)


def is_asking(text: Phrase) -> bool:
    """Whether the text ends as questions do, or tells to choose."""
    if _ASKING.search(text.text) is not None:
        return True
    return vocabulary.pattern("asking").search(text.text) is not None


def has_words(text: Phrase) -> bool:
    """Whether the text is more than a number."""
    return _WORD.search(text.text) is not None


def _rank(text: Phrase | None) -> int:
    """How much a text looks like a question: it asks, it is a numbered item, it is there."""
    if text is None:
        return 0
    return 3 if is_asking(text) else 2 if _NUMBERED.match(text.text) else 1


def is_answer(text: Phrase) -> bool:
    """Whether the text is an answer such as yes or no."""
    return text.text.lower().strip(" .,:;()[]") in vocabulary.words("answer")


def split(label: Phrase) -> tuple[Phrase | None, Phrase]:
    """`Are you married? Yes` as question and answer; a text without both is all answer."""
    for index in range(len(label.tokens) - 1, 0, -1):
        if _ASKING_INSIDE.search(label.tokens[index - 1].text):
            return Phrase(label.tokens[:index]), Phrase(label.tokens[index:])
    last = Phrase(label.tokens[-1:])
    if len(label.tokens) > 2 and is_answer(last):
        return Phrase(label.tokens[:-1]), last
    return None, label


def ask(options: Sequence[Option], sight: Sight) -> list[Phrase | None]:
    """The question of each option, None for one that answers none."""
    claimed = {line for option in options for line in option.lines}
    page = _Page(claimed, sight)
    free = page.free
    asked: list[Phrase | None] = [None] * len(options)
    for group in _columns(_rows(options, free), options, page):
        members = [options[index] for row in group for index in row]
        inner = next((one.question for one in members if one.question), None)
        question = inner or page.question([[options[i] for i in row] for row in group])
        for row in group:
            for index in row:
                asked[index] = options[index].question or question
    return asked


def of_row(
    row: Sequence[Box], texts: Sequence[Phrase], *, above: float, below: float
) -> Phrase | None:
    """What stands left of a row of boxes in a table, or else right of it.

    Args:
        row: the boxes, from left to right.
        texts: runs of words.
        above, below: where, by y, the row may begin and end.
    """
    before = [text for text in texts if text.box.right <= row[0].middle]
    behind = [text for text in texts if text.box.left >= row[-1].middle]
    return _level(row, before) or _in_band(before, above, below) or _level(row, behind)


def _level(row: Sequence[Box], texts: Sequence[Phrase]) -> Phrase | None:
    level = [text for text in texts if text.box.is_level_with(row[0]) and has_words(text)]
    if not level:
        return None
    # A row of a table is named by its first cell.
    return stacked(_paragraph(min(level, key=lambda text: text.box.left), texts))


def _in_band(texts: Sequence[Phrase], above: float, below: float) -> Phrase | None:
    """The words of a cell that the boxes' row shares with them."""
    inside = [
        text
        for text in texts
        if above < (text.box.top + text.box.bottom) / 2 < below and has_words(text)
    ]
    if not inside:
        return None
    edge = max(text.box.left for text in inside)
    return stacked([t for t in inside if t.box.left > edge - 2 * t.box.height][:_MOST_LINES])


class _Page:
    """Where questions are looked for."""

    def __init__(self, claimed: set[int], sight: Sight) -> None:
        self.free = [text for index, text in enumerate(sight.texts) if index not in claimed]
        self._claimed = claimed
        self._sight = sight
        self._boxes = sight.boxes
        self._unit = sight.unit

    def row_question(self, row: Sequence[Option]) -> Phrase | None:
        """What stands left of a row, and asks, or is followed by several options."""
        area = around(option.area for option in row)
        text = self._left_of(area, row[0].box)
        if text is None:
            return None
        whole = stacked(_paragraph(text, self.free))
        if is_asking(whole) or is_asking(text):
            return whole
        near = area.left - text.box.right <= _REACH_LEFT_PLAIN * self._unit
        if all(option.is_answer for option in row) or (len(row) > 1 and near):
            return whole
        return None

    def question(self, rows: Sequence[Sequence[Option]]) -> Phrase | None:
        """The question of rows under each other: what asks comes before what only stands there."""
        beside = next((found for row in rows if (found := self.row_question(row))), None)
        area = around(option.area for row in rows for option in row)
        above = self._above(area, heads=_are_short([one for row in rows for one in row]))
        return above if _rank(above) > _rank(beside) else beside

    def _near(self, area: Box, *, across: float, down: float) -> list[Phrase]:
        near = self._sight.near(area, across, down)
        return [self._sight.texts[index] for index in near if index not in self._claimed]

    def _left_of(self, area: Box, box: Box) -> Phrase | None:
        level = [
            text
            for text in self._near(area, across=_REACH_LEFT * self._unit, down=0)
            if text.box.right <= area.left + 1
            and has_words(text)
            and (text.box.is_level_with(box) or text.box.is_beside(area))
            and not self._is_hidden(text.box, area.left, box)
        ]
        near = [text for text in level if not self._sight.is_walled(text.box, area)]
        # A cell of its own may hold the question, but a neighbour in the same cell comes first.
        level = near or [text for text in level if is_asking(text)]
        return max(level, key=lambda text: text.box.right, default=None)

    def _is_hidden(self, text: Box, edge: float, box: Box) -> bool:
        """Whether a box stands between the text and what is right of it."""
        return any(
            text.right - 1 <= other.left and other.right <= edge + 1 and other.is_level_with(box)
            for other in self._boxes
        )

    def _above(self, area: Box, *, heads: bool) -> Phrase | None:
        lines = [
            text
            for text in self._near(area, across=0, down=2 * _REACH_UP * self._unit)
            if -0.5 * self._unit <= area.top - text.box.bottom <= _REACH_UP * self._unit
            and text.box.left <= area.left + 3 * self._unit
            and text.box.right > area.left
            and not self._sight.is_parted_by_rule(text.box, area)
        ]
        if not lines:
            return None
        nearest = max(lines, key=lambda text: (is_asking(text), text.box.bottom))
        whole = stacked(_paragraph(nearest, self.free, downwards=False))
        is_heading = (
            heads
            and len(whole.tokens) <= _LONGEST_HEADING
            and not whole.text.endswith((".", ",", ";"))
        )
        return whole if is_asking(whole) or is_heading else None


def _are_short(options: Sequence[Option]) -> bool:
    """Whether these are several short options, such as a mere heading may stand over."""
    lengths = [len(option.label.tokens) for option in options if option.label]
    return len(options) > 1 and max(lengths, default=0) <= _LONGEST_OPTION


def _rows(options: Sequence[Option], free: Sequence[Phrase]) -> list[list[int]]:
    """Options of one row without foreign words between them."""
    order = sorted(range(len(options)), key=lambda index: options[index].area.left)
    rows: list[list[int]] = []
    for index in order:
        option = options[index]
        row = next((r for r in reversed(rows) if options[r[-1]].box.is_beside(option.box)), None)
        if row is None or option.question or _is_parted(options[row[-1]], option, free):
            rows.append([index])
        else:
            row.append(index)
    return rows


def _is_parted(left: Option, right: Option, free: Sequence[Phrase]) -> bool:
    between = (left.area.right - 1, right.area.left + 1)
    return any(
        between[0] <= text.box.left and text.box.right <= between[1]
        for text in free
        if text.box.is_level_with(right.box)
        and text.text.lower().strip(" -–—.,()") not in vocabulary.words("joining")
    )


def _columns(
    rows: list[list[int]], options: Sequence[Option], page: _Page
) -> list[list[list[int]]]:
    """Rows that stand under each other and have no question of their own are one group."""
    rows = sorted(rows, key=lambda row: options[row[0]].box.top)
    groups: list[list[list[int]]] = []
    for row in rows:
        first = options[row[0]]
        own = first.question or page.row_question([options[index] for index in row])
        if own is None or not (is_asking(own) or len(row) > 1):
            group = next((g for g in reversed(groups) if _is_under(g[-1], row, options)), None)
            if group is not None:
                group.append(row)
                continue
        groups.append([row])
    return groups


def _is_under(above: Sequence[int], below: Sequence[int], options: Sequence[Option]) -> bool:
    upper = around(options[index].area for index in above)
    first, last = options[above[0]], options[below[0]]
    drop = last.box.top - upper.bottom
    aligned = abs(first.box.left - last.box.left) <= 0.7 * max(first.box.width, last.box.width)
    return aligned and drop <= _ROWS_APART * last.box.height and drop > -last.box.height


def _paragraph(line: Phrase, texts: Sequence[Phrase], *, downwards: bool = True) -> list[Phrase]:
    """The line with those above and below that run on into it and out of it."""
    lines = [line]
    while len(lines) < _MOST_LINES:
        above = next((t for t in texts if t is not line and _runs_into(t, lines[0])), None)
        if above is None or is_asking(above):
            break
        lines.insert(0, above)
    while downwards and len(lines) < _MOST_LINES and not is_asking(lines[-1]):
        below = next((t for t in texts if t is not line and _runs_into(lines[-1], t)), None)
        if below is None:
            break
        lines.append(below)
    return lines


def _is_item_over(item: Phrase, below: Phrase) -> bool:
    """Whether the lower line is indented under a numbered one, number outside."""
    indent, height = below.box.left - item.box.left, item.box.height
    drop = below.box.top - item.box.bottom
    return (
        _NUMBERED_LINE.match(item.text) is not None
        and 0 <= indent <= 4 * height
        and -0.6 * height <= drop <= 0.9 * height
    )


def _runs_into(line: Phrase, below: Phrase) -> bool:
    """Whether a sentence goes on in the line below."""
    if not (is_next_line(line, below) or _is_item_over(line, below)) or line.text.endswith(
        (".", ";")
    ):
        return False
    edge = max(line.box.right, below.box.right)
    is_full = line.box.right + below.tokens[0].box.width + 0.3 * below.box.height >= edge
    starts = below.text[:1]
    return is_full and not starts.isdigit() and (starts.islower() or line.box.right >= edge - 1)
