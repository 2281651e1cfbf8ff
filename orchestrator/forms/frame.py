"""The blank page's frame: points of 1/72 inch, x to the right, y down from its top-left corner."""

from dataclasses import dataclass

import numpy as np

from meshkit.geometry import Points

POINTS_PER_INCH = 72.0


@dataclass(frozen=True, slots=True)
class Rect:
    """An upright rectangle in points."""

    left: float
    top: float
    right: float
    bottom: float

    @property
    def width(self) -> float:
        return self.right - self.left

    @property
    def height(self) -> float:
        return self.bottom - self.top

    @property
    def centre(self) -> tuple[float, float]:
        return (self.left + self.right) / 2, (self.top + self.bottom) / 2

    @property
    def corners(self) -> Points:
        """(4, 2), clockwise from the top-left."""
        return np.array(
            [
                (self.left, self.top),
                (self.right, self.top),
                (self.right, self.bottom),
                (self.left, self.bottom),
            ]
        )

    def contains(self, x: float, y: float) -> bool:
        return self.left <= x <= self.right and self.top <= y <= self.bottom

    def grown(self, across: float, down: float) -> "Rect":
        """With this much more on each side."""
        return Rect(self.left - across, self.top - down, self.right + across, self.bottom + down)

    def shared_width(self, other: "Rect") -> float:
        return max(0.0, min(self.right, other.right) - max(self.left, other.left))

    def shared_height(self, other: "Rect") -> float:
        return max(0.0, min(self.bottom, other.bottom) - max(self.top, other.top))

    def shared_area(self, other: "Rect") -> float:
        return self.shared_width(other) * self.shared_height(other)

    def overlap(self, other: "Rect") -> float:
        """Intersection over union."""
        shared = self.shared_area(other)
        union = self.width * self.height + other.width * other.height - shared
        return shared / union if union > 0 else 0.0


def rect_around(corners: Points) -> Rect:
    """The smallest rectangle around points (n, 2)."""
    low, high = corners.min(axis=0), corners.max(axis=0)
    return Rect(float(low[0]), float(low[1]), float(high[0]), float(high[1]))
