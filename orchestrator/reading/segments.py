"""Words cut into runs that belong together, once the boxes between and under them are known."""

import itertools
import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence

import numpy as np

from orchestrator.reading.layout import Box, Phrase, Token, around
from orchestrator.reading.rules import Rules

NO_RULES = Rules()
HOLE = 1.3
"""A hole between words wider than this, in heights of the text, parts them."""
_SAME_LINE_HOLE = 0.7
_UNDER_BOX = 0.5
_WIDER = 1.6
"""A word wider than so many boxes is more than the box, or the mark in it, read as text."""
_PART = 0.4
_SEAM = re.compile(r"(?<=[a-zà-ÿ])(?=[A-ZÀ-Þ])|(?<=\w)(?=[\[(□☐])")
_BEGINS_WITH_MARK = re.compile(r"^[xX×✓✔/\\[\](){}|]+(?=\w\w)|^[\[\](){}|]+(?=\w)")
_ENDS_WITH_MARK = re.compile(r"(?<=\w)[\[\](){}|×✓✔]+$")
_LINE_PITCH = 0.9
_SAME_EDGE = 0.8
_HEIGHTS_ALIKE = 1.6


def clear_of(tokens: Iterable[Token], boxes: Sequence[Box]) -> list[Token]:
    """The words without those that a reader made of a box or of the mark in it.

    A word that was read together with its box loses the part that is the box; two words that were
    read as one across a box are parted.
    """
    cleared: list[Token] = []
    edges = np.array([(b.left, b.top, b.right, b.bottom) for b in boxes]).reshape(-1, 4)
    for token in tokens:
        area, parts = token.box, [token]
        touching = (edges[:, :2] < (area.right, area.bottom)) & (
            edges[:, 2:] > (area.left, area.top)
        )
        for index in np.flatnonzero(touching.all(axis=1)):
            parts = [rest for part in parts for rest in _beside_box(part, boxes[int(index)])]
        cleared += parts
    return cleared


def _beside_box(token: Token, box: Box) -> list[Token]:
    """What is left of a word when a box is taken away."""
    area, text, width = token.box, token.text, token.box.width
    if not (box.touches(area) and box.is_level_with(area)):
        return [token]
    if width <= _WIDER * box.width:
        is_under = box.contains_centre(area) or box.common_width(area) > _UNDER_BOX * width
        if is_under:
            return []
    before, behind = box.left - area.left, area.right - box.right
    if min(before, behind) > _PART * box.width and (cut := _seam(text, before / (before + behind))):
        return [
            _part(token, text[:cut], area.left, box.left),
            _part(token, text[cut:], box.right, area.right),
        ]
    if behind >= before:
        bare = _BEGINS_WITH_MARK.sub("", text) if box.middle > area.left else text
        return [
            _part(token, bare or text, min(max(area.left, box.right), area.right - 1), area.right)
        ]
    bare = _ENDS_WITH_MARK.sub("", text) if box.middle < area.right else text
    return [_part(token, bare or text, area.left, max(min(area.right, box.left), area.left + 1))]


def _part(token: Token, text: str, left: float, right: float) -> Token:
    return Token(
        text, Box(left, token.box.top, right, token.box.bottom), token.confidence, token.line
    )


def _seam(text: str, share: float) -> int:
    """Where two words that stand around a box meet; 0 when the text is one word."""
    seams = [m.start() for m in _SEAM.finditer(text)]
    return min(seams, key=lambda place: abs(place / len(text) - share), default=0)


def segments(
    tokens: Sequence[Token], boxes: Sequence[Box], *, rules: Rules = NO_RULES, hole: float = HOLE
) -> list[Phrase]:
    """Runs of words of one line, parted at boxes, lines and holes, from top to bottom.

    Args:
        tokens: words, clear of the boxes.
        boxes: what parts the words left of it from those right of it.
        rules: vertical ones part words too.
        hole: in heights of the text.
    """

    def is_parted(last: Token, token: Token) -> bool:
        return _is_parted(last, token, boxes, hole) or rules.part_columns(
            last.box.middle, token.box.middle, (token.box.top + token.box.bottom) / 2
        )

    runs: list[list[Token]] = []
    for token in sorted(tokens, key=lambda t: (t.line, t.box.left)):
        last = runs[-1][-1] if runs else None
        if last is None or last.line != token.line or is_parted(last, token):
            runs.append([])
        runs[-1].append(token)
    return _joined([Phrase(tuple(run)) for run in runs], is_parted)


def _is_parted(last: Token, token: Token, boxes: Sequence[Box], hole: float) -> bool:
    if token.box.left - last.box.right > hole * token.box.height:
        return True
    between = (last.box.middle, token.box.middle)
    return any(between[0] < b.middle < between[1] and b.is_level_with(token.box) for b in boxes)


def _joined(runs: list[Phrase], is_parted: Callable[[Token, Token], bool]) -> list[Phrase]:
    """Runs that a reader put into two lines although they stand in one, made one."""
    rows: dict[int, list[Phrase]] = defaultdict(list)
    pitch = 2 * max((run.box.height for run in runs), default=1.0)
    for run in sorted(runs, key=lambda run: run.box.left):
        box = run.box
        row = round((box.top + box.bottom) / 2 / pitch)
        near = (
            (place, index)
            for place in (row - 1, row, row + 1)
            for index, other in enumerate(rows[place])
            if -0.3 * box.height <= box.left - other.box.right <= _SAME_LINE_HOLE * box.height
            and _is_one_line(other.box, box)
            and not is_parted(other.tokens[-1], run.tokens[0])
        )
        found = next(near, None)
        if found is None:
            rows[row].append(run)
        else:
            place, index = found
            rows[place][index] = Phrase((*rows[place][index].tokens, *run.tokens))
    joined = itertools.chain.from_iterable(rows.values())
    return sorted(joined, key=lambda run: (run.box.top, run.box.left))


def _is_one_line(box: Box, other: Box) -> bool:
    shared = min(box.bottom, other.bottom) - max(box.top, other.top)
    taller = max(box.height, other.height)
    return shared >= 0.6 * taller


def text_height(tokens: Sequence[Token], boxes: Sequence[Box] = ()) -> float:
    """The usual height of a word in pixels; of a box where there are no words."""
    heights = [token.box.height for token in tokens] or [box.height for box in boxes] or [1.0]
    return max(float(np.median(heights)), 1.0)


def is_next_line(line: Phrase, below: Phrase) -> bool:
    """Whether a run is, by its place and size, the line below in the same paragraph."""
    here, there = line.box, below.box
    if there.top <= here.top or there.top - here.bottom > _LINE_PITCH * here.height:
        return False
    height = min(here.height, there.height)
    alike = max(here.height, there.height) <= _HEIGHTS_ALIKE * height
    drop = there.top - here.bottom
    aligned = abs(here.left - there.left) <= _SAME_EDGE * height
    return alike and aligned and -0.6 * height <= drop <= _LINE_PITCH * height


def stacked(lines: Iterable[Phrase]) -> Phrase:
    """Lines, from top to bottom, as one text; at least one."""
    return Phrase(tuple(itertools.chain.from_iterable(line.tokens for line in lines)))


def extent(runs: Iterable[Phrase]) -> Box:
    """The smallest box around these; at least one."""
    return around(run.box for run in runs)
