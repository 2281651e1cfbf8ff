"""The first look: a small fully convolutional network on the whole page that proposes boxes."""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from meshkit.letterbox import Letterbox, LetterboxSize, fit_page, stack_bytes, stack_pages
from meshkit.model import Image
from meshkit.onnx import open_session
from servers.checkbox.config import CheckboxConfig
from servers.checkbox.decode import Candidates, decode

INPUT_SIZE = LetterboxSize(long_side=1650, multiple=64)
Floats = NDArray[np.float64]


class Proposer:
    """Finds whatever may be a box.

    Raises:
        FileNotFoundError: the weights are missing.
        RuntimeError: the device asked for cannot be had.
    """

    def __init__(self, weights: Path, config: CheckboxConfig) -> None:
        self._session = open_session(
            weights, intra_op_threads=config.intra_op_threads, device=config.device
        )
        self.device = self._session.device
        self._takes_bytes = self._session.input_types == ["tensor(uint8)"]

    def heads(self, pages: list[Letterbox]) -> NDArray[np.float32]:
        """The network's heads (n, 7, h / 4, w / 4) for n fitted pages of equal shape."""
        images = stack_bytes(pages) if self._takes_bytes else stack_pages(pages)
        return np.asarray(self._session.run({"image": images})[0], dtype=np.float32)

    def propose(self, page: Image, threshold: float) -> tuple[Floats, Floats]:
        """The proposals of one page, best first.

        Args:
            page: grey or BGR.
            threshold: least chance of being a box.

        Returns:
            Rectangles (n, 4) as `to_edges` gives them, and chances (n, 3): box, checked, circle.
        """
        fitted = fit_page(page, INPUT_SIZE)
        if fitted is None:
            return np.zeros((0, 4)), np.zeros((0, 3))
        found = decode(self.heads([fitted])[0], threshold)
        return to_edges(found, fitted), found.chances


def to_edges(found: Candidates, page: Letterbox) -> Floats:
    """Rectangles (n, 4) left, top, right, bottom in page pixels, counted from the outer edge."""
    scale = np.array([page.scale_x, page.scale_y] * 2)
    return np.asarray(found.rects / scale, np.float64)
