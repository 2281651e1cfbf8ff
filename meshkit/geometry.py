"""Plane geometry between the page as sent and the page set upright.

Pixels: x to the right, y down, the centre of the top-left pixel at (0, 0), as in OpenCV.
A `Transform` maps points of the page as sent to points of the upright page.
"""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from meshkit.model import Image

Points = NDArray[np.float64]
"""(n, 2) array of x, y."""


@dataclass(frozen=True, slots=True)
class Transform:
    """A plane homography with the size of the image it leads to.

    Attributes:
        matrix: (3, 3), row-major, from page-as-sent pixels to upright pixels.
        width, height: size in pixels of the upright page.
    """

    matrix: NDArray[np.float64]
    width: int
    height: int

    @classmethod
    def identity(cls, width: int, height: int) -> "Transform":
        return cls(np.eye(3), width, height)

    @property
    def is_identity(self) -> bool:
        return bool(np.array_equal(self.matrix, np.eye(3)))

    def apply(self, points: Points) -> Points:
        """Page-as-sent points (n, 2) to upright points (n, 2)."""
        return _map(self.matrix, points)

    def invert(self, points: Points) -> Points:
        """Upright points (n, 2) to page-as-sent points (n, 2)."""
        return _map(np.linalg.inv(self.matrix).astype(np.float64), points)

    def warp(self, image: Image) -> Image:
        """The upright page. New corners are filled with white."""
        if self.is_identity and image.shape[:2] == (self.height, self.width):
            return image
        warped = cv2.warpPerspective(
            image,
            self.matrix,
            (self.width, self.height),
            flags=cv2.INTER_LINEAR,
            borderMode=cv2.BORDER_CONSTANT,
            borderValue=(255, 255, 255),
        )
        return np.asarray(warped, dtype=np.uint8)


def _map(matrix: NDArray[np.float64], points: Points) -> Points:
    homogeneous = np.column_stack([points, np.ones(len(points))]) @ matrix.T
    return np.asarray(homogeneous[:, :2] / homogeneous[:, 2:], dtype=np.float64)
