"""What of a page can be seen from one place to another."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from orchestrator.reading.layout import Box, Phrase
from orchestrator.reading.rules import Rules


@dataclass(frozen=True)
class Sight:
    """The parts of an upright page.

    Attributes:
        texts: runs of words, from top to bottom.
        boxes: all boxes.
        rules: printed lines.
        unit: usual height of a word in pixels.
    """

    texts: Sequence[Phrase]
    boxes: Sequence[Box]
    rules: Rules
    unit: float

    @cached_property
    def _edges(self) -> NDArray[np.float64]:
        boxes = [text.box for text in self.texts]
        return np.array([(b.left, b.top, b.right, b.bottom) for b in boxes]).reshape(-1, 4)

    def near(self, box: Box, across: float, down: float) -> list[int]:
        """Indices of the texts at most so many pixels from a box."""
        low = (box.left - across, box.top - down)
        high = (box.right + across, box.bottom + down)
        inside = (self._edges[:, :2] < high) & (self._edges[:, 2:] > low)
        return [int(index) for index in np.flatnonzero(inside.all(axis=1))]

    def is_parted_by_rule(self, upper: Box, lower: Box) -> bool:
        """Whether a printed line runs between words and what stands below them."""
        narrower = min(upper, lower, key=lambda area: area.width)
        high, low = upper.bottom - 0.4 * upper.height, lower.top + 0.4 * lower.height
        return self.rules.part_rows(high, low, narrower)

    def is_walled(self, left: Box, right: Box) -> bool:
        """Whether a printed line stands between what is left and what is right of it."""
        y = (max(left.top, right.top) + min(left.bottom, right.bottom)) / 2
        return self.rules.part_columns(left.right + 1, right.left - 1, y)
