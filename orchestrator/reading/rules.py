"""The printed straight lines of a page: what cells are made of and what people sign on."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from meshkit.geometry import Transform
from meshkit.model import Image
from orchestrator.reading.layout import Box

_BLOCK, _DARKER = 31, 12
_GAP = 3
_LONG_ACROSS, _LONG_DOWN = 3.0, 2.2
_THICK = 0.6
_MOST = 2000
_STEPS = 8
"""Along a line, an eighth of a word's height is looked at as one pixel: it has ink where all of it
has. Across a line every pixel counts, so that thin lines stay."""


@dataclass(frozen=True)
class Rules:
    """Straight lines of the upright page, as thin boxes.

    Attributes:
        across: horizontal ones, from top to bottom.
        down: vertical ones, from left to right.
    """

    across: tuple[Box, ...] = ()
    down: tuple[Box, ...] = ()

    def part_columns(self, left: float, right: float, y: float) -> bool:
        """Whether a vertical line crosses height `y` between two places."""
        return any(left < r.middle < right and r.top <= y <= r.bottom for r in self.down)

    def part_rows(self, top: float, bottom: float, area: Box) -> bool:
        """Whether a horizontal line, no mere underline, crosses an area between two heights."""
        return any(
            top < (r.top + r.bottom) / 2 < bottom
            and r.common_width(area) >= 0.5 * area.width
            and r.width > 1.3 * area.width
            for r in self.across
        )


def find_rules(image: Image, transform: Transform, unit: float) -> Rules:
    """The lines of a page, by opening its ink with long thin elements.

    Args:
        image: the page as sent, grey or BGR.
        transform: sets it upright.
        unit: usual height of a word in pixels; lines are a few of these long at least.
    """
    grey = cv2.cvtColor(image, cv2.COLOR_BGR2GRAY) if image.ndim == 3 else image
    upright = transform.warp(np.asarray(grey, np.uint8))
    ink = cv2.adaptiveThreshold(
        upright, 255, cv2.ADAPTIVE_THRESH_MEAN_C, cv2.THRESH_BINARY_INV, _BLOCK, _DARKER
    )
    across = _lines(ink, round(_LONG_ACROSS * unit), unit, is_across=True)
    down = _lines(ink, round(_LONG_DOWN * unit), unit, is_across=False)
    return Rules(
        tuple(sorted(across, key=lambda rule: rule.top)),
        tuple(sorted(down, key=lambda rule: rule.left)),
    )


def _lines(ink: NDArray[Any], long: int, unit: float, *, is_across: bool) -> Iterator[Box]:
    height, width = ink.shape
    step = max(1, round(unit / _STEPS))
    x_step, y_step = (step, 1) if is_across else (1, step)
    bars = max(long, 20) // step
    bridge, bar = ((_GAP, 1), (bars, 1)) if is_across else ((1, _GAP), (1, bars))
    closed = cv2.morphologyEx(ink, cv2.MORPH_CLOSE, np.ones(bridge[::-1], np.uint8))
    cut = closed[: height // y_step * y_step, : width // x_step * x_step]
    size = (width // x_step, height // y_step)
    full = (cv2.resize(cut, size, interpolation=cv2.INTER_AREA) == 255).view(np.uint8)
    opened = cv2.morphologyEx(full, cv2.MORPH_OPEN, np.ones(bar[::-1], np.uint8))
    outlines, _ = cv2.findContours(opened, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_SIMPLE)
    for x, y, columns, rows in map(cv2.boundingRect, outlines[:_MOST]):
        left, top = float(x * x_step), float(y * y_step)
        right, bottom = float((x + columns) * x_step), float((y + rows) * y_step)
        if (bottom - top if is_across else right - left) <= _THICK * unit:
            yield Box(left, top, right, bottom)
