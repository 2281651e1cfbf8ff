"""What the worker's readers have in common."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

Samples = NDArray[np.uint8]
"""(height, width) grey or (height, width, 3) BGR."""


@dataclass(frozen=True, slots=True)
class Bounds:
    """The limits that hold for pages; see `DocumentLimits`."""

    max_pages: int
    max_page_pixels: int
    max_page_side: int
    max_page_points: float
    min_dpi: int

    @classmethod
    def from_header(cls, header: Mapping[str, Any]) -> "Bounds":
        return cls(**header)


@dataclass(frozen=True, slots=True)
class Shape:
    """A page's size in pixels, its dots per inch (0: unknown), and whether it is known to be grey
    before it is decoded."""

    width: int
    height: int
    dpi: float
    is_grey: bool


class Pages(Protocol):
    """A document that is open. Numbers of pages begin at 1."""

    @property
    def count(self) -> int: ...

    def shape(self, number: int, dpi: int) -> Shape: ...

    def render(self, number: int, dpi: int) -> tuple[Samples, float]:
        """The page's samples and their dots per inch (0: unknown)."""

    def close(self) -> None: ...
