"""The upright page: where on it the things lie that were found on the page as sent."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import atan2, ceil, degrees, floor

import numpy as np

from meshkit.errors import InvalidInput
from meshkit.geometry import Points, Transform
from pagemesh.common.v1.geometry_pb2 import Quad
from pagemesh.orchestrator.v1 import document_pb2 as documents

NOISE = 1e-6
"""Pixels by which arithmetic may move a corner that lies on a whole pixel."""


@dataclass(frozen=True, slots=True)
class Box:
    """Whole pixels, the right and bottom edges exclusive: 0 <= left <= right <= page width."""

    left: int
    top: int
    right: int
    bottom: int

    @property
    def width(self) -> int:
        return self.right - self.left

    @property
    def height(self) -> int:
        return self.bottom - self.top


def around(boxes: Sequence[Box]) -> Box:
    """The smallest box that holds all of at least one."""
    return Box(
        left=min(box.left for box in boxes),
        top=min(box.top for box in boxes),
        right=max(box.right for box in boxes),
        bottom=max(box.bottom for box in boxes),
    )


@dataclass(frozen=True, slots=True)
class UprightPage:
    """One page set upright by the transform in its result; as sent when there is none.

    Attributes:
        page_number: for messages.
        transform: page-as-sent pixels to upright pixels.
    """

    page_number: int
    transform: Transform

    @classmethod
    def of(cls, page: documents.PageResult) -> "UprightPage":
        """Raises InvalidInput when the result's transform is not an invertible 3 x 3 matrix."""
        given = page.deskew.upright_transform
        if not given.matrix:
            return cls(page.page_number, Transform.identity(page.width, page.height))
        matrix = np.array(given.matrix, dtype=np.float64)
        if matrix.size != 9 or not np.isfinite(matrix).all() or _singular(matrix):
            raise InvalidInput(
                f"page {page.page_number}: its upright transform is not an invertible 3 x 3 matrix",
                reason="INVALID_UPRIGHT_TRANSFORM",
                metadata={"page": str(page.page_number)},
            )
        return cls(page.page_number, Transform(matrix.reshape(3, 3), given.width, given.height))

    @property
    def width(self) -> int:
        return self.transform.width

    @property
    def height(self) -> int:
        return self.transform.height

    def corners(self, quad: Quad) -> Points:
        """A quad of the page as sent as (4, 2) points of the upright page, in the same order."""
        points = self.transform.apply(corners_as_sent(quad))
        if not np.isfinite(points).all():
            raise InvalidInput(
                f"page {self.page_number}: a quad has no place on the upright page",
                reason="INVALID_QUAD",
                metadata={"page": str(self.page_number)},
            )
        return points

    def box(self, quad: Quad) -> Box:
        """The smallest box of whole pixels around a quad, cut at the edges of the page."""
        corners = self.corners(quad)
        (left, top), (right, bottom) = corners.min(axis=0), corners.max(axis=0)
        return Box(
            left=_clip(floor(left + NOISE), self.width),
            top=_clip(floor(top + NOISE), self.height),
            right=_clip(ceil(right - NOISE), self.width),
            bottom=_clip(ceil(bottom - NOISE), self.height),
        )

    def angle(self, quad: Quad) -> float:
        """Degrees, counter-clockwise in (-180, 180], by which a quad's text is turned."""
        top_left, top_right, bottom_right, bottom_left = self.corners(quad)
        across = (top_right - top_left) + (bottom_right - bottom_left)
        return degrees(-atan2(across[1], across[0])) if across.any() else 0.0


def corners_as_sent(quad: Quad) -> Points:
    """A quad's corners, clockwise from the top left in reading direction, as (4, 2) points."""
    corners = (quad.top_left, quad.top_right, quad.bottom_right, quad.bottom_left)
    return np.array([(corner.x, corner.y) for corner in corners], dtype=np.float64)


def _singular(matrix: Points) -> bool:
    return bool(abs(np.linalg.det(matrix.reshape(3, 3))) < 1e-12)


def _clip(value: int, limit: int) -> int:
    return min(max(value, 0), limit)
