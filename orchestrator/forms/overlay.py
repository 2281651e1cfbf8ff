"""A page laid on its blank form: both in grey, pixel for pixel."""

from dataclasses import dataclass
from functools import cached_property

import cv2
import numpy as np
from numpy.typing import NDArray

from meshkit.model import Image
from orchestrator.forms.alignment import Alignment
from orchestrator.forms.blank import INK_DPI, BlankPage
from orchestrator.forms.frame import POINTS_PER_INCH
from orchestrator.forms.shading import around, shading_of

PIXELS = INK_DPI / POINTS_PER_INCH
"""Of the overlay, a point."""
DARK_SHARE = 0.68
"""Ink is darker than this share of the paper around it."""
REACH = 2
"""Pixels by which print may lie beside its place after alignment."""
_INSIDE = 5
_BLACK_SHARE = 0.25
"""A scan that has so much ink in the blank's grey areas knows black and white alone."""


@dataclass(frozen=True)
class Overlay:
    """What is on the page, and what the blank has there.

    Attributes:
        image: the page as sent.
        blank: the page of the form that it is.
        alignment: of the page on it.
    """

    image: Image
    blank: BlankPage
    alignment: Alignment

    @cached_property
    def grey(self) -> Image:
        """The page as sent, without colour."""
        image = self.image
        return image if image.ndim == 2 else cv2.cvtColor(image, cv2.COLOR_BGR2GRAY).astype("u1")

    @cached_property
    def picture(self) -> Image:
        """The blank, at `INK_DPI`."""
        return self.blank.picture()

    @cached_property
    def page(self) -> Image:
        """The page on the blank, of the same size."""
        height, width = self.picture.shape[:2]
        zoom = np.diag([1 / PIXELS, 1 / PIXELS, 1.0])
        warped = cv2.warpPerspective(
            self.grey,
            self.alignment.matrix @ zoom,
            (width, height),
            flags=cv2.INTER_AREA | cv2.WARP_INVERSE_MAP,
            borderMode=cv2.BORDER_REPLICATE,
        )
        return np.asarray(warped, np.uint8)

    @cached_property
    def shading(self) -> NDArray[np.uint8]:
        """The brightness, of 255, that the blank's grey areas leave to the page. 255 everywhere
        when the scan made them black: there they are like print."""
        shading = shading_of(self.picture)
        inside = cv2.erode((shading < 255).astype(np.uint8), np.ones((_INSIDE, _INSIDE), np.uint8))
        black = self._darker_than(shading)[np.asarray(inside) > 0]
        if black.size and black.mean() > _BLACK_SHARE:
            return np.full_like(shading, 255)
        return shading

    @cached_property
    def ink(self) -> NDArray[np.bool_]:
        """True where the page is dark."""
        return self._darker_than(around(self.shading, 2 * REACH + 1))

    @cached_property
    def _paper(self) -> NDArray[np.uint8]:
        """The page's brightest, around each pixel."""
        height, width = self.picture.shape[:2]
        small = cv2.resize(self.page, None, fx=0.125, fy=0.125, interpolation=cv2.INTER_AREA)
        bright = cv2.dilate(small, np.ones((5, 5), np.uint8))
        return np.asarray(
            cv2.resize(bright, (width, height), interpolation=cv2.INTER_LINEAR), np.uint8
        )

    def _darker_than(self, shading: NDArray[np.uint8]) -> NDArray[np.bool_]:
        return np.asarray(self.page < self._paper * (shading / 255) * DARK_SHARE, bool)
