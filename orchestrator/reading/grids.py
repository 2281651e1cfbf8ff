"""Tables of boxes: columns have headings, rows have questions, no words stand between the boxes."""

import itertools
from collections.abc import Sequence
from dataclasses import dataclass

from orchestrator.reading.layout import Box, Phrase, Token

_SAME_COLUMN = 0.7
_WIDEST_STEP = 16.0
_HEADS_REACH = 4.0
_HEAD_LINES_APART = 1.1
_HEADED = 0.6
_ROWS_APART = 9.0


@dataclass(frozen=True)
class Grid:
    """Rows of boxes under the same headings.

    Attributes:
        rows: indices of the boxes of each row, from left to right.
        heads: the heading over each column, by the index of its top box's column; None for a
            column without one.
        columns: which column each box is in.
    """

    rows: list[list[int]]
    heads: list[Phrase | None]
    columns: dict[int, int]

    @property
    def head_tokens(self) -> set[int]:
        """Ids of the words that are headings."""
        return {id(token) for head in self.heads if head for token in head.tokens}


def find_grids(boxes: Sequence[Box], texts: Sequence[Phrase], unit: float) -> list[Grid]:
    """Tables of at least two columns, from top to bottom.

    Args:
        boxes: of the page.
        texts: runs of words.
        unit: usual height of a word in pixels.
    """
    runs = sorted(_bare_runs(boxes, texts, unit), key=lambda run: boxes[run[0]].top)
    groups: list[list[list[int]]] = []
    for run in runs:
        group = next((g for g in groups if _continues(g, run, boxes, unit)), None)
        if group is None:
            groups.append([run])
        else:
            group.append(run)
    grids = [_grid(group, boxes, texts, unit) for group in groups]
    return [grid for grid in grids if grid is not None]


def _bare_runs(boxes: Sequence[Box], texts: Sequence[Phrase], unit: float) -> list[list[int]]:
    """Boxes of one row, at least two, without words between them."""
    order = sorted(range(len(boxes)), key=lambda index: boxes[index].left)
    areas = [text.box for text in texts]
    runs: list[list[int]] = []
    for index in order:
        box = boxes[index]
        run = next((r for r in runs if boxes[r[-1]].is_beside(box)), None)
        if run is None or not _is_bare(boxes[run[-1]], box, areas, unit):
            if run is not None:  # the row goes on behind the words
                runs.remove(run)
                runs.append(run)
            runs.insert(0, [index])
        else:
            run.append(index)
    return [run for run in runs if len(run) > 1]


def _is_bare(left: Box, right: Box, areas: Sequence[Box], unit: float) -> bool:
    if right.left - left.right > _WIDEST_STEP * unit:
        return False
    return not any(
        area.is_level_with(left) and left.middle < area.middle < right.middle for area in areas
    )


def _continues(
    group: Sequence[Sequence[int]], run: Sequence[int], boxes: Sequence[Box], unit: float
) -> bool:
    """Whether a run stands under another, column under column."""
    last = group[-1]
    if boxes[run[0]].top - boxes[last[0]].bottom > _ROWS_APART * unit:
        return False
    columns = [boxes[index] for row in group for index in row]
    shared = sum(any(_is_same_column(boxes[index], box) for box in columns) for index in run)
    return shared >= 2 and shared >= 0.6 * len(run)


def _is_same_column(box: Box, other: Box) -> bool:
    return abs(box.middle - other.middle) <= _SAME_COLUMN * max(box.width, other.width)


def _grid(
    rows: list[list[int]], boxes: Sequence[Box], texts: Sequence[Phrase], unit: float
) -> Grid | None:
    centres: list[float] = []
    columns: dict[int, int] = {}
    for index in itertools.chain.from_iterable(rows):
        box = boxes[index]
        known = [abs(centre - box.middle) for centre in centres]
        if known and min(known) <= _SAME_COLUMN * box.width:
            columns[index] = known.index(min(known))
        else:
            columns[index] = len(centres)
            centres.append(box.middle)
    heads = _heads(rows, centres, boxes, texts, unit)
    headed = sum(head is not None for head in heads)
    if headed < 2 or headed < _HEADED * len(centres):
        return None
    return Grid(rows, heads, columns)


def _heads(
    rows: Sequence[Sequence[int]],
    centres: Sequence[float],
    boxes: Sequence[Box],
    texts: Sequence[Phrase],
    unit: float,
) -> list[Phrase | None]:
    """The heading over each column: the words nearest to it, upwards while lines are close.

    The line next to the boxes may hold the headings of several columns, those above it may not
    reach beyond their own column.
    """
    top = min(boxes[index].top for index in rows[0])
    below = min((boxes[index].top for row in rows[1:] for index in row), default=top)
    upwards = max(_HEADS_REACH * unit, 1.5 * (below - top))
    step = min(b - a for a, b in itertools.pairwise(sorted(centres)))
    reach = 0.5 * step + 0.5 * unit
    band = [
        text
        for text in texts
        if top - upwards <= text.box.bottom <= top + 0.4 * unit
        and text.box.left >= min(centres) - reach - unit
        and text.box.right <= max(centres) + reach + unit
    ]
    first = max((text.box.bottom for text in band), default=0.0) - unit
    heads: list[Phrase | None] = []
    for centre in centres:
        own = [
            token
            for text in band
            for token in text.tokens
            if min(centres, key=lambda other: abs(other - token.box.middle)) == centre
            and (text.box.bottom >= first or _fits(text.box, centre, reach))
        ]
        heads.append(_nearest_stack(own, top, upwards, unit))
    return heads


def _fits(area: Box, centre: float, reach: float) -> bool:
    return centre - 1.2 * reach <= area.left and area.right <= centre + 1.2 * reach


def _nearest_stack(
    words: Sequence[Token], top: float, upwards: float, unit: float
) -> Phrase | None:
    lines: list[list[Token]] = []
    for token in sorted(words, key=lambda t: -t.box.bottom):
        edge = min(t.box.top for t in lines[-1]) if lines else top
        if lines and token.box.is_beside(lines[-1][0].box):
            lines[-1].append(token)
        elif edge - token.box.bottom <= (_HEAD_LINES_APART * unit if lines else upwards):
            lines.append([token])
        else:
            break
    ordered = [sorted(line, key=lambda t: t.box.left) for line in reversed(lines)]
    found = tuple(itertools.chain.from_iterable(ordered))
    return Phrase(found) if found else None
