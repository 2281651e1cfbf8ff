"""On which side of each box its option stands: one decision for the page.

A form puts all options of a column or row on the same side of their boxes, and no words belong to
two boxes. So the sides of all boxes are chosen together: the cheapest assignment, where a side
costs by the distance of the words there, by every neighbour that has another side, and by every
other box nearer to the same words. The minimum is sought by iterated conditional modes
(J. Besag, On the Statistical Analysis of Dirty Pictures, 1986) from a start on each side.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum

from orchestrator.reading.layout import Box
from orchestrator.reading.sight import Sight


class Side(IntEnum):
    """Where the words are, seen from the box."""

    RIGHT = 0
    LEFT = 1
    BELOW = 2
    ABOVE = 3


@dataclass(frozen=True, slots=True)
class Option:
    """Words beside a box.

    Attributes:
        segment: index of the words.
        cost: the farther, the dearer; the words' heights are the unit.
    """

    segment: int
    cost: float


@dataclass(frozen=True, slots=True)
class Choice:
    """A box's side.

    Attributes:
        side: of its words.
        segment: index of the words.
        margin: how much dearer the next best choice is; 0 when it is as good.
    """

    side: Side
    segment: int
    margin: float


_REACH_ACROSS, _REACH_DOWN = 4.0, 1.1
_BASE = (0.0, 0.25, 0.9, 0.9)
_NOTHING = 2.6
_UNLIKE, _TAKEN = 0.6, 1.6
_NEIGHBOUR_DOWN, _NEIGHBOUR_ACROSS = 6.0, 14.0
_SWEEPS = 6
_LEVEL = 0.25


def choose_sides(boxes: Sequence[Box], sight: Sight) -> list[Choice | None]:
    """Each of these boxes' words; None for a box that has none near it."""
    options = [_options(box, sight) for box in boxes]
    neighbours = _neighbours(boxes, sight.unit)
    best: list[int] = []
    least = float("inf")
    for start in Side:
        sides = _settled([int(start)] * len(boxes), options, neighbours)
        total = sum(
            _cost(index, side, sides, options, neighbours) for index, side in enumerate(sides)
        )
        if total < least:
            least, best = total, sides
    return [_choice(index, best, options, neighbours) for index in range(len(boxes))]


def _options(box: Box, sight: Sight) -> list[Option | None]:
    """The nearest words on each side, by `Side`, that no other box and no printed line hides."""
    unit = sight.unit
    found: list[Option | None] = [None] * len(Side)
    view = _view(box, sight.boxes)
    for index in sight.near(box, (_REACH_ACROSS + 1) * unit, (_REACH_DOWN + 1) * unit):
        area = sight.texts[index].box
        if area.common_height(box) >= _LEVEL * min(area.height, box.height):
            side, gap, hidden = _across(box, area, view, sight)
        elif area.is_over(box):
            side, gap, hidden = _down(box, area, view, sight)
        else:
            continue
        if side is not None and not hidden:
            _offer(found, side, index, gap / unit)
    return found


def _view(box: Box, boxes: Sequence[Box]) -> Box:
    """How far one sees from a box until the next box on each side."""
    row = [other for other in boxes if other is not box and other.is_beside(box)]
    column = [other for other in boxes if other is not box and other.is_over(box)]
    return Box(
        max((b.right for b in row if b.right < box.middle), default=float("-inf")),
        max((b.bottom for b in column if b.bottom < box.top + 1), default=float("-inf")),
        min((b.left for b in row if b.left > box.middle), default=float("inf")),
        min((b.top for b in column if b.top > box.bottom - 1), default=float("inf")),
    )


def _across(box: Box, area: Box, view: Box, sight: Sight) -> tuple[Side | None, float, bool]:
    uneven = abs(box.top + box.bottom - area.top - area.bottom) / 2
    if box.middle <= area.left and area.middle < view.right:
        return Side.RIGHT, max(area.left - box.right, 0.0) + uneven, sight.is_walled(box, area)
    if area.right <= box.middle and view.left < area.middle:
        return Side.LEFT, max(box.left - area.right, 0.0) + uneven, sight.is_walled(area, box)
    return None, 0.0, False


def _down(box: Box, area: Box, view: Box, sight: Sight) -> tuple[Side | None, float, bool]:
    unit = sight.unit
    aside = unit * abs(area.middle - box.middle) / (area.width + box.width)
    if box.bottom - 0.4 * unit < area.top and area.bottom < view.bottom + 0.5 * unit:
        return Side.BELOW, area.top - box.bottom + aside, sight.is_parted_by_rule(box, area)
    if area.bottom < box.top + 0.4 * unit and area.top > view.top - 0.5 * unit:
        return Side.ABOVE, box.top - area.bottom + aside, sight.is_parted_by_rule(area, box)
    return None, 0.0, False


def _offer(found: list[Option | None], side: Side, segment: int, gap: float) -> None:
    if gap > (_REACH_ACROSS if side in (Side.RIGHT, Side.LEFT) else _REACH_DOWN):
        return
    cost = _BASE[side] + 0.5 * max(gap, 0.0)
    known = found[side]
    if known is None or cost < known.cost:
        found[side] = Option(segment, cost)


def _neighbours(boxes: Sequence[Box], unit: float) -> list[list[int]]:
    """The nearest box above, below, left and right of each, where it is near."""
    found: list[list[int]] = []
    for index, box in enumerate(boxes):
        nearest: dict[str, tuple[float, int]] = {}
        for number, other in enumerate(boxes):
            if number == index:
                continue
            if other.is_beside(box):
                way, gap = "across", abs(other.middle - box.middle) / (_NEIGHBOUR_ACROSS * unit)
                way += "+" if other.middle > box.middle else "-"
            elif abs(other.middle - box.middle) < 0.6 * max(box.width, other.width):
                way, gap = "down", abs(other.top - box.top) / (_NEIGHBOUR_DOWN * unit)
                way += "+" if other.top > box.top else "-"
            else:
                continue
            if gap <= 1 and (way not in nearest or gap < nearest[way][0]):
                nearest[way] = (gap, number)
        found.append([number for _, number in nearest.values()])
    return found


def _cost(
    index: int,
    side: int,
    sides: Sequence[int],
    options: Sequence[Sequence[Option | None]],
    neighbours: Sequence[Sequence[int]],
) -> float:
    option = options[index][side]
    cost = _NOTHING if option is None else option.cost
    near = neighbours[index]
    if near:
        cost += (
            _UNLIKE * sum(sides[other] != side for other in near) / len(near) * min(len(near), 2)
        )
    if option is not None:
        for other in near:
            rival = options[other][sides[other]]
            if rival is not None and rival.segment == option.segment:
                cost += _TAKEN if rival.cost <= option.cost else 0.5 * _TAKEN
    return cost


def _settled(
    sides: list[int],
    options: Sequence[Sequence[Option | None]],
    neighbours: Sequence[Sequence[int]],
) -> list[int]:
    for _ in range(_SWEEPS):
        changed = False
        for index in range(len(sides)):
            best = min(Side, key=lambda side: _cost(index, side, sides, options, neighbours))
            if best != sides[index]:
                sides[index], changed = int(best), True
        if not changed:
            break
    return sides


def _choice(
    index: int,
    sides: Sequence[int],
    options: Sequence[Sequence[Option | None]],
    neighbours: Sequence[Sequence[int]],
) -> Choice | None:
    option = options[index][sides[index]]
    if option is None:
        return None
    costs = sorted(
        _cost(index, side, sides, options, neighbours)
        for side in Side
        if options[index][side] is not None and side != sides[index]
    )
    own = _cost(index, sides[index], sides, options, neighbours)
    margin = costs[0] - own if costs else _NOTHING
    return Choice(Side(sides[index]), option.segment, max(margin, 0.0))
