"""The layout network: a page's look as a short vector."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from meshkit.model import Image
from meshkit.onnx import Device, open_session
from servers.classify.features import SIZE, page_features

LAYOUT_WEIGHTS = Path(__file__).parent / "weights" / "layout.onnx"


class LayoutNetwork:
    """Convolutional, trained to tell kinds of page by their look; its last layer is left off.

    Raises:
        FileNotFoundError: the weights are missing.
        RuntimeError: the device asked for cannot be had.
    """

    def __init__(self, device: Device = "auto", intra_op_threads: int = 0) -> None:
        self._session = open_session(
            LAYOUT_WEIGHTS, intra_op_threads=intra_op_threads, device=device
        )
        self._run(np.zeros((1, 3, SIZE, SIZE), np.float32))

    @property
    def device(self) -> str:
        """Where it runs."""
        return self._session.device

    def vectors(self, images: Sequence[Image]) -> NDArray[np.float32]:
        """(n, LAYOUT) of n pages. On a CPU one page at a time, the fastest there."""
        maps = np.stack([page_features(image) for image in images])
        parts = [maps] if self.device != "cpu" else np.split(maps, len(maps))
        return np.concatenate([self._run(part) for part in parts])

    def _run(self, maps: NDArray[np.float32]) -> NDArray[np.float32]:
        return np.asarray(self._session.run({"pages": maps})[0], np.float32)
