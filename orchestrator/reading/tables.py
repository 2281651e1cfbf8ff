"""Tables without boxes: figures below the heads of columns and behind the heads of rows.

A figure has a digit, or is a cross or tick. Texts that stand under one another in close steps are a
column; the topmost is its head when other heads stand beside it. A text in front of a figure is the
head of a row when a row above or below has the same: a head at the same edge, a figure in the same
column.
"""

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from orchestrator.reading.layout import Box, Phrase

_FIGURE = re.compile(r"\d|^[xX×✓✔]$")
_STEP = 2.5
"""From one text of a column to the next, in heights of the text at most."""
_EDGE = 1.2
"""How far edges or middles of one column lie apart, in heights of the text at most."""
_LONGEST_HEAD = 6
_LONGEST_CELL = 8
_ROW_REACH = 30.0


@dataclass(frozen=True)
class Cell:
    """A figure in a table.

    Attributes:
        place: its index among the runs.
        column: index of the head over its column; None when there is none.
        row: index of the head of its row; None when there is none.
        figures: how many figures stand in its column.
        share: of all texts in its column, in [0, 1].
    """

    place: int
    column: int | None
    row: int | None
    figures: int
    share: float


def find_cells(runs: Sequence[Phrase], labels: set[int]) -> list[Cell]:
    """The figures that have a head of either kind.

    Args:
        runs: of words, from top to bottom.
        labels: indices of those that are known to be labels of something else than a table.
    """
    figures = [
        place
        for place, run in enumerate(runs)
        if place not in labels and len(run.tokens) <= _LONGEST_CELL and is_figure(run)
    ]
    if not figures:
        return []
    rows = [_row(runs, place) for place in range(len(runs))]
    columns = _columns(runs, rows)
    row_heads = _row_heads(runs, labels, rows)
    counts, texts = Counter(columns[place] for place in figures), Counter(columns.values())
    cells = [
        Cell(place, head, row_heads.get(place), counts[head], counts[head] / texts[head])
        for place in figures
        for head in [columns[place]]
    ]
    return [cell for cell in cells if cell.column is not None or cell.row is not None]


def is_figure(run: Phrase) -> bool:
    """Whether this is a number, a date, a code, or a mark."""
    return _FIGURE.search(run.text) is not None


def is_head(run: Phrase) -> bool:
    """Whether this can name a column or row: short, and words more than figures."""
    letters = sum(char.isalpha() for char in run.text)
    digits = sum(char.isdigit() for char in run.text)
    return len(run.tokens) <= _LONGEST_HEAD and letters >= 2 and letters > 2 * digits


def _row(runs: Sequence[Phrase], place: int) -> list[int]:
    """The runs level with one, from left to right, with itself."""
    box = runs[place].box
    row = [other for other, run in enumerate(runs) if run.box.is_level_with(box)]
    return sorted(row, key=lambda other: runs[other].box.left)


def _columns(runs: Sequence[Phrase], rows: Sequence[Sequence[int]]) -> dict[int, int | None]:
    """By run the head of its column; None when there is none."""
    over = {
        place: above for place in range(len(runs)) if (above := _above(runs, place)) is not None
    }
    bearing = set(over.values())
    tops = {place for place in bearing if place not in over and is_head(runs[place])}
    heads = {place for place in tops if sum(other in tops for other in rows[place]) > 1}
    found: dict[int, int | None] = {}
    for place in range(len(runs)):
        top = place
        while top in over:
            top = over[top]
        found[place] = top if top in heads and top != place else None
    return found


def _above(runs: Sequence[Phrase], place: int) -> int | None:
    """The run that stands over one in its column."""
    box = runs[place].box
    near = []
    for other, run in enumerate(runs):
        height = min(box.height, run.box.height)
        drop = box.top - run.box.bottom
        is_near = run.box.top < box.top and -0.4 * height <= drop <= _STEP * height
        if is_near and _is_column(run.box, box):
            near.append((drop, other))
    return min(near)[1] if near else None


def _is_column(box: Box, other: Box) -> bool:
    apart = (box.left - other.left, box.middle - other.middle, box.right - other.right)
    return box.is_over(other) and min(map(abs, apart)) <= _EDGE * min(box.height, other.height)


def _row_heads(
    runs: Sequence[Phrase], labels: set[int], rows: Sequence[Sequence[int]]
) -> dict[int, int]:
    """By figure the head of its row."""
    following = {
        place: rest
        for place, run in enumerate(runs)
        if place not in labels and is_head(run) and not is_figure(run)
        if (rest := _figures_behind(runs, place, rows[place]))
    }
    found: dict[int, int] = {}
    for head, figures in following.items():
        if any(_are_alike(runs, head, other, following) for other in following if other != head):
            found.update(dict.fromkeys(figures, head))
    return found


def _figures_behind(runs: Sequence[Phrase], place: int, row: Sequence[int]) -> list[int]:
    """The figures between a run and the next words in its row."""
    box, found = runs[place].box, []
    for other in row[row.index(place) + 1 :]:
        if not is_figure(runs[other]) or runs[other].box.left - box.right > _ROW_REACH * box.height:
            break
        found.append(other)
    return found


def _are_alike(
    runs: Sequence[Phrase], head: int, other: int, following: dict[int, list[int]]
) -> bool:
    """Whether two rows, one close below the other, begin and go on at the same places."""
    here, there = runs[head].box, runs[other].box
    is_near = 0 < abs(here.top - there.top) <= (_STEP + 1) * here.height
    is_aligned = abs(here.left - there.left) <= _EDGE * here.height
    first, second = runs[following[head][0]].box, runs[following[other][0]].box
    return is_near and is_aligned and _is_column(first, second)
