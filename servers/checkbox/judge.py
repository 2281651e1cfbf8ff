"""The second look: a small network that judges each proposed box by its own pictures."""

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from meshkit.model import Image
from meshkit.onnx import Device, OnnxSession, open_session
from servers.checkbox.crops import CROP_PX, Crops, Cutter

BATCH = 32
"""Boxes run together; a page's last batch is filled up with blank pictures, so that every run has
the same shape and a box's answer does not depend on how many there are."""
Floats = NDArray[np.float64]


class Judge:
    """Says of proposed boxes whether they are any, and how they are marked.

    Batches are cut out and run side by side, each on one thread: the network is so small that
    threads within a run would mostly wait for each other.

    Args:
        weights: the ONNX file.
        threads: batches at a time; 0: one for each core this process may use.
        device: as `open_session` takes it.

    Raises:
        FileNotFoundError: the weights are missing.
        RuntimeError: the device asked for cannot be had.
    """

    def __init__(self, weights: Path, *, threads: int, device: Device) -> None:
        self._session: OnnxSession = open_session(weights, intra_op_threads=1, device=device)
        self._pool = ThreadPoolExecutor(threads or len(os.sched_getaffinity(0)), "judge")

    def look(self, page: Image, rects: Floats, proposed: Floats) -> tuple[Crops, Floats]:
        """Cut out the proposed boxes of a page and judge them.

        Args:
            page: (h, w) grey.
            rects: (n, 4) left, top, right, bottom in pixels, counted from the page's outer edge.
            proposed: (n, 3) as `judge` takes them.

        Returns:
            The pictures as `crop_boxes` makes them, and the chances as `judge` gives them.
        """
        crops = np.empty((len(rects), 2, CROP_PX, CROP_PX), np.uint8)
        return crops, self._judge(crops, proposed, Cutter(page, rects).cut)

    def judge(self, crops: Crops, proposed: Floats) -> Floats:
        """Chances (n, 3) of being a box, of being checked and of being a circle.

        Args:
            crops: (n, 2, 48, 48) the boxes' pictures, as `crop_boxes` makes them.
            proposed: (n, 3) the same chances as the proposer saw them; they are weighed in.
        """
        return self._judge(crops, proposed, lambda _first, _batch: None)

    def close(self) -> None:
        """Let the threads go; may be called again."""
        self._pool.shutdown()

    def _judge(self, crops: Crops, proposed: Floats, cut: Callable[[int, Crops], None]) -> Floats:
        """The chances of all boxes, after `cut` has filled in the pictures of each batch."""

        def judged(first: int) -> Floats:
            batch = slice(first, first + BATCH)
            cut(first, crops[batch])
            return self._run(crops[batch], proposed[batch])

        firsts = range(0, len(crops), BATCH)
        batches = self._pool.map(judged, firsts) if len(firsts) > 1 else map(judged, firsts)
        return np.concatenate([np.zeros((0, 3)), *batches])

    def _run(self, crops: Crops, proposed: Floats) -> Floats:
        """The chances of up to `BATCH` boxes."""
        count = len(crops)
        if count < BATCH:
            blank = ((0, BATCH - count), *[(0, 0)] * 3)
            crops, proposed = np.pad(crops, blank), np.pad(proposed, blank[:2])
        (chances,) = self._session.run({"crops": crops, "proposed": proposed.astype(np.float32)})
        return chances[:count].astype(np.float64)
