"""A page made to fit a fully convolutional network: grey, scaled, padded.

The padded shape follows from the page alone, so it may serve as a batch's bucket and a page's
answer does not depend on what it is batched with.
"""

from collections.abc import Hashable, Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from meshkit.geometry import Points
from meshkit.model import Image

PAPER = 255


@dataclass(frozen=True, slots=True)
class LetterboxSize:
    """How pages are fitted.

    Attributes:
        long_side: pixels that the page's longer side is scaled to.
        multiple: width and height are padded to multiples of it.
        max_enlargement: small images are enlarged by no more than this.
    """

    long_side: int
    multiple: int
    max_enlargement: float = 2.0

    def scaled(self, image: Image) -> tuple[int, int]:
        """Height and width that the page is scaled to, before padding; 0 where nothing is left."""
        height, width = image.shape[:2]
        scale = min(self.long_side / max(height, width, 1), self.max_enlargement)
        return round(height * scale), round(width * scale)

    def padded(self, image: Image) -> tuple[int, int]:
        """Height and width of the network's input for this page."""
        height, width = self.scaled(image)
        return _round_up(height, self.multiple), _round_up(width, self.multiple)


@dataclass(frozen=True, slots=True)
class Letterbox:
    """A fitted page.

    Attributes:
        canvas: grey uint8 of the padded shape, the page in its top left corner, paper around it.
        scale_x, scale_y: canvas pixels in a page pixel.
    """

    canvas: Image
    scale_x: float
    scale_y: float

    def to_page(self, edges: NDArray[np.float64]) -> Points:
        """Canvas points (n, 2) as points of the page.

        Args:
            edges: points counted from the canvas's outer edge: its first pixel reaches from 0 to 1.

        Returns:
            (n, 2) counted from the middle of the page's first pixel, as in `meshkit.geometry`.
        """
        return np.asarray(edges / (self.scale_x, self.scale_y) - 0.5, dtype=np.float64)


def fit_page(image: Image, size: LetterboxSize) -> Letterbox | None:
    """The page fitted; None when it is so narrow that nothing would be left of it.

    Args:
        image: grey or BGR page.
        size: how to fit it.
    """
    height, width = size.scaled(image)
    if not height or not width:
        return None
    grey = cv2.cvtColor(image, cv2.COLOR_BGR2GRAY) if image.ndim == 3 else image
    method = cv2.INTER_AREA if height < image.shape[0] else cv2.INTER_CUBIC
    canvas = np.full(size.padded(image), PAPER, np.uint8)
    canvas[:height, :width] = cv2.resize(grey, (width, height), interpolation=method)
    return Letterbox(canvas, width / image.shape[1], height / image.shape[0])


def group_pages(
    fitted: Sequence[Letterbox | None], *, together: bool
) -> list[list[tuple[int, Letterbox]]]:
    """Which pages to run at once, each with its place in `fitted`; those that are None left out.

    Args:
        fitted: pages.
        together: run pages of equal shape at once, which suits a GPU; otherwise each alone, which
            is the fastest on a CPU.
    """
    groups: dict[Hashable, list[tuple[int, Letterbox]]] = {}
    for index, box in enumerate(fitted):
        if box is not None:
            groups.setdefault(box.canvas.shape if together else index, []).append((index, box))
    return list(groups.values())


def stack_pages(fitted: Sequence[Letterbox]) -> NDArray[np.float32]:
    """(n, 1, h, w) input of n pages of equal shape, in [0, 1], 1 = paper."""
    return np.asarray(stack_bytes(fitted), np.float32) / np.float32(PAPER)


def stack_bytes(fitted: Sequence[Letterbox]) -> NDArray[np.uint8]:
    """(n, 1, h, w) input of n pages of equal shape, in [0, 255], 255 = paper."""
    return np.stack([box.canvas for box in fitted])[:, None]


def _round_up(value: int, multiple: int) -> int:
    return max(multiple, -(-value // multiple) * multiple)
