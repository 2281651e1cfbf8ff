"""The second look: a small network that judges each proposed box by its own pictures."""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from meshkit.onnx import Device, OnnxSession, open_session
from servers.checkbox.crops import CROP_PX

BATCH = 32
"""Boxes run together; a page's last batch is filled up with blank pictures, so that every run has
the same shape and a box's answer does not depend on how many there are."""


class Judge:
    """Says of proposed boxes whether they are any, and how they are marked.

    Args:
        weights: the ONNX file.
        intra_op_threads, device: as `open_session` takes them.

    Raises:
        FileNotFoundError: the weights are missing.
        RuntimeError: the device asked for cannot be had.
    """

    def __init__(self, weights: Path, *, intra_op_threads: int, device: Device) -> None:
        self._session: OnnxSession = open_session(
            weights, intra_op_threads=intra_op_threads, device=device
        )

    def judge(self, boxes: NDArray[np.uint8], chances: NDArray[np.float64]) -> NDArray[np.float64]:
        """Chances (n, 3) of being a box, of being checked and of being a circle.

        Args:
            boxes: (n, 2, 48, 48) their pictures, as `crop_boxes` makes them.
            chances: (n, 3) the same chances as the proposing network saw them; they are weighed in.
        """
        count = len(boxes)
        if not count:
            return np.zeros((0, 3))
        room = -(-count // BATCH) * BATCH
        crops = np.zeros((room, 2, CROP_PX, CROP_PX), np.uint8)
        proposed = np.zeros((room, 3), np.float32)
        crops[:count], proposed[:count] = boxes, chances
        judged = [
            self._session.run({"crops": crops[i : i + BATCH], "proposed": proposed[i : i + BATCH]})[
                0
            ]
            for i in range(0, room, BATCH)
        ]
        return np.concatenate(judged)[:count].astype(np.float64)
