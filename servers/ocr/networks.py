"""How the networks are run: on a CPU one by one, on a GPU in batches of fixed shapes.

On a CPU a batch of lines of unlike lengths costs more than the lines one by one. On a GPU every new
shape makes kernels be chosen anew, so that lines and pages are padded to few shapes, and batches
are filled up with blanks. Either way an answer depends on its own line or page alone.
"""

import os
from collections import defaultdict
from collections.abc import Sequence
from concurrent.futures import Executor
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from meshkit.model import Image
from meshkit.onnx import OnnxSession
from servers.ocr.alphabet import CHARACTERS, Alphabet
from servers.ocr.crops import HEIGHT, LONGEST, STEP
from servers.ocr.ctc import Steps
from servers.ocr.detection import STRIDE, planes

Tensor = NDArray[np.float32]

LINE_WIDTHS = (160, 240, 320, 480, 640, 960, 1280, 1920, 2560, LONGEST)
"""Columns to which lines are padded on a GPU."""

BATCH_COLUMNS = 40_960
MOST_LINES = 64
"""A batch has as many lines as fit into so many columns, and no more than so many."""

STRIP_PIXELS = 800_000
STRIP_CONTEXT = 3 * STRIDE
"""On a CPU a larger page goes through the detector in strips; each is seen with so many rows of
its neighbours. The detector needs some 200 bytes a pixel."""

PAGE_SIDE = 256
"""On a GPU the sides of a page are padded to multiples of this."""

PAGE_BATCH = 4


@dataclass(frozen=True, slots=True)
class LinesOneByOne:
    """A recogniser that reads each line in a run of its own, on several threads.

    Attributes:
        session: takes `x`, `classes` and `bonus`, gives `ids` and `probabilities`.
        workers: where the runs take place.
    """

    session: OnnxSession
    workers: Executor

    def __call__(self, crops: Sequence[Image], alphabet: Alphabet, /) -> list[Steps]:
        # The longest first: otherwise one worker is left with a long line at the end.
        order = sorted(range(len(crops)), key=lambda place: -crops[place].shape[1])

        def run(place: int) -> Steps:
            tensor = as_tensor(crops[place])[None]
            inputs: dict[str, NDArray[Any]] = {
                "x": tensor,
                "classes": alphabet.classes,
                "bonus": alphabet.bonus,
            }
            # Once a call: giving memory back and asking for it anew costs time.
            ids, probabilities = self.session.run(inputs, give_back=place == order[-1])
            return ids[0], probabilities[0]

        steps = dict(zip(order, self.workers.map(run, order), strict=True))
        return [steps[place] for place in range(len(crops))]


@dataclass(frozen=True, slots=True)
class LinesInBatches:
    """A recogniser that reads lines of like length together, in batches of fixed shapes."""

    session: OnnxSession

    def __call__(self, crops: Sequence[Image], alphabet: Alphabet, /) -> list[Steps]:
        run = self.session.bind({"classes": alphabet.classes, "bonus": alphabet.bonus})
        by_width: dict[int, list[int]] = defaultdict(list)
        for place, crop in enumerate(crops):
            by_width[next(w for w in LINE_WIDTHS if w >= crop.shape[1])].append(place)
        steps: dict[int, Steps] = {}
        for width, places in by_width.items():
            size = min(MOST_LINES, BATCH_COLUMNS // width)
            for start in range(0, len(places), size):
                some = places[start : start + size]
                batch = np.zeros((size, 3, HEIGHT, width), np.float32)
                for row, place in enumerate(some):
                    batch[row, :, :, : crops[place].shape[1]] = as_tensor(crops[place])
                ids, probabilities = run({"x": batch})
                for row, place in enumerate(some):
                    own = crops[place].shape[1] // STEP
                    steps[place] = ids[row, :own], probabilities[row, :own]
        return [steps[place] for place in range(len(crops))]


@dataclass(frozen=True, slots=True)
class PagesOneByOne:
    """A detector that sees one page at a time, a large one strip by strip to save memory."""

    session: OnnxSession

    def __call__(self, tensors: Sequence[Tensor], /) -> list[Tensor]:
        return [self._map_of(tensor) for tensor in tensors]

    def _map_of(self, tensor: Tensor) -> Tensor:
        _, height, width = tensor.shape
        parts = []
        for start, end in strips(height, width):
            top, bottom = max(0, start - STRIP_CONTEXT), min(height, end + STRIP_CONTEXT)
            strip = np.ascontiguousarray(tensor[None, :, top:bottom])
            (text_map,) = self.session.run({"x": strip}, give_back=True)
            parts.append(text_map[0, 0, start - top : end - top])
        return np.concatenate(parts).astype(np.float32, copy=False)


def strips(height: int, width: int) -> list[tuple[int, int]]:
    """Rows [start, end) into which a page is cut for a detector: none larger than allowed."""
    count = -(-height * width // STRIP_PIXELS)
    rows = -(-height // (count * STRIDE)) * STRIDE
    return [(start, min(start + rows, height)) for start in range(0, height, rows)]


@dataclass(frozen=True, slots=True)
class PagesInBatches:
    """A detector that sees pages of like size together, in batches of fixed shapes."""

    session: OnnxSession

    def __call__(self, tensors: Sequence[Tensor], /) -> list[Tensor]:
        run = self.session.bind({})
        by_shape: dict[tuple[int, int], list[int]] = defaultdict(list)
        for place, tensor in enumerate(tensors):
            by_shape[_padded(tensor.shape[1]), _padded(tensor.shape[2])].append(place)
        maps: dict[int, Tensor] = {}
        for (height, width), places in by_shape.items():
            for start in range(0, len(places), PAGE_BATCH):
                some = places[start : start + PAGE_BATCH]
                batch = np.zeros((PAGE_BATCH, 3, height, width), np.float32)
                for row, place in enumerate(some):
                    own_height, own_width = tensors[place].shape[1:]
                    batch[row, :, :own_height, :own_width] = tensors[place]
                (text_maps,) = run({"x": batch})
                for row, place in enumerate(some):
                    own_height, own_width = tensors[place].shape[1:]
                    maps[place] = np.asarray(text_maps[row, 0, :own_height, :own_width], np.float32)
        return [maps[place] for place in range(len(tensors))]


def characters_of(session: OnnxSession) -> tuple[str, ...]:
    """What a recogniser knows, in the order of its classes, the blank left out."""
    return tuple(session.metadata[CHARACTERS].split("\n"))


def cores() -> int:
    """Processor cores that this process may use."""
    return len(os.sched_getaffinity(0))


def as_tensor(crop: Image) -> Tensor:
    """A grey or BGR line as the network sees it: (3, 48, width), in [-1, 1]."""
    tensor = crop.astype(np.float32) / np.float32(127.5) - np.float32(1)
    return np.ascontiguousarray(planes(tensor))


def _padded(side: int) -> int:
    return -(-side // PAGE_SIDE) * PAGE_SIDE
