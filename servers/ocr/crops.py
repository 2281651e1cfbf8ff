"""Lines cut out of a page and straightened, and the ways in which a box may be read."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import ceil

import cv2
import numpy as np
from numpy.typing import NDArray

from meshkit.model import Image
from servers.ocr.domain import Quad
from servers.ocr.extents import Extent, ink_columns, widest_gaps

HEIGHT = 48
"""Rows of a line as the network sees it."""

STEP = 8
"""Columns of a line that become one step."""

SQUEEZE = 0.92
"""How much narrower than on the page a line is shown to the network: cheaper, and no worse."""

SHORTEST, LONGEST = 16, 3200
"""Columns that the network is given; longer lines are read in pieces."""

UPRIGHT_UP_TO = 1.5
LETTER_UP_TO = 3.0
"""Heights of a box in widths: up to the first it is read as it stands, up to the second it may be
one tall letter, beyond it is a line that runs up or down the page, or a stack of short lines."""

ROW_UP_TO = 1.6
"""A row of a stack is at most this many times as high as the stack is wide,"""

ROW_FROM = 0.5
"""and at least this part of the highest row's height."""

ROW_MARGIN = 0.25
"""Paper kept above and below a row's ink, in heights of the ink."""


@dataclass(frozen=True, slots=True)
class LineCut:
    """A line to be read, and the pieces that the network is shown one by one."""

    quad: Quad
    pieces: tuple[Quad, ...]


def ways_to_read(image: Image, quad: Quad) -> list[tuple[LineCut, ...]]:
    """The lines that a box may hold: one tuple a way, because a box alone does not tell.

    A box that is much taller than wide may be a line that runs up or down the page, a single tall
    letter, or short lines that stand close above each other, as the numbers of a narrow column do.
    """
    width, height = size_of(quad)
    if height <= UPRIGHT_UP_TO * width:
        return [(_line(image, quad),)]
    turns = (0, 1, 3) if height <= LETTER_UP_TO * width else (1, 3)
    ways: list[tuple[LineCut, ...]]
    ways = [(_line(image, np.roll(quad, -turn, axis=0)),) for turn in turns]
    if rows := stacked_rows(image, quad):
        ways.append(tuple(_line(image, row) for row in rows))
    return ways


def _line(image: Image, quad: Quad) -> LineCut:
    return LineCut(quad, tuple(pieces(image, quad)))


def pieces(image: Image, quad: Quad) -> list[Quad]:
    """A line's box, or where it is too long for one network run, parts of it cut at gaps."""
    width, height = size_of(quad)
    count = ceil(width / max(height, 1e-6) * HEIGHT * SQUEEZE / LONGEST)
    if count <= 1:
        return [quad]
    # Half of `LONGEST` columns a piece are enough to tell gaps from letters.
    ink = ink_columns(cut_out(image, quad, longest=min(count * LONGEST // 2, LONGEST * 8)))
    reach = len(ink) // (4 * count)
    middles = len(ink) * np.arange(1, count) // count
    gaps = widest_gaps(ink, middles - reach, middles + reach)
    cuts = [0.0, *gaps.mean(axis=1).tolist(), float(len(ink))]
    return [part_of(quad, extent, len(ink)) for extent in pairwise(cuts)]


def stacked_rows(image: Image, quad: Quad) -> list[Quad]:
    """The rows of ink in a tall box, top to bottom; none unless there are two or more."""
    width, height = size_of(quad)
    if width < 1:
        return []
    lying = cut_out(image, np.roll(quad, -1, axis=0))
    runs = _runs(ink_columns(lying))
    # The columns of the lying crop run down the box.
    scale = height / lying.shape[1]
    highest = max((end - start for start, end in runs), default=0.0)
    rows = [(a * scale, b * scale) for a, b in runs if b - a >= ROW_FROM * highest]
    if len(rows) < 2 or highest * scale > ROW_UP_TO * width:
        return []
    down = (quad[3] - quad[0]) / height
    return [_row(quad, down, *row) for row in rows]


def _runs(ink: NDArray[np.bool_]) -> list[tuple[int, int]]:
    edges = np.flatnonzero(np.diff(np.r_[False, ink, False].astype(np.int8)))
    return [(int(a), int(b)) for a, b in zip(edges[::2], edges[1::2], strict=True)]


def _row(quad: Quad, down: NDArray[np.float64], start: float, end: float) -> Quad:
    margin = ROW_MARGIN * (end - start)
    top, bottom = down * (start - margin), down * (end + margin)
    return np.array([quad[0] + top, quad[1] + top, quad[1] + bottom, quad[0] + bottom])


def cut_out(image: Image, quad: Quad, longest: int = LONGEST, stretch: float = 1.0) -> Image:
    """The inside of `quad`, straightened: (48, width) or (48, width, 3), width a multiple of
    `STEP`."""
    width, height = size_of(quad)
    columns = width / max(height, 1e-6) * HEIGHT * SQUEEZE * stretch
    columns = min(max(columns, SHORTEST), longest)
    columns = ceil(columns / STEP) * STEP
    image, quad = _shrunk(image, quad, int(height // HEIGHT))
    corners = np.array([[0, 0], [columns, 0], [0, HEIGHT]], np.float32)
    matrix = cv2.getAffineTransform(quad[[0, 1, 3]].astype(np.float32), corners)
    crop = cv2.warpAffine(
        image, matrix, (columns, HEIGHT), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE
    )
    return np.asarray(crop, np.uint8)


def _shrunk(image: Image, quad: Quad, factor: int) -> tuple[Image, Quad]:
    """The part of the page around a tall line, shrunk first so that thin strokes survive."""
    if factor < 2:
        return image, quad
    low = np.maximum(np.floor(quad.min(axis=0)).astype(int) - factor, 0)
    high = np.ceil(quad.max(axis=0)).astype(int) + factor
    part = image[low[1] : high[1], low[0] : high[0]]
    rows, columns = max(1, part.shape[0] // factor), max(1, part.shape[1] // factor)
    shrunk = cv2.resize(part, (columns, rows), interpolation=cv2.INTER_AREA)
    scale = np.array([columns / part.shape[1], rows / part.shape[0]])
    return np.asarray(shrunk, np.uint8), (quad - low + 0.5) * scale - 0.5


def size_of(quad: Quad) -> tuple[float, float]:
    """Width and height of a box."""
    return (
        float(np.linalg.norm(quad[1] - quad[0])),
        float(np.linalg.norm(quad[3] - quad[0])),
    )


def part_of(quad: Quad, extent: Extent, width: int) -> Quad:
    """The slice of a line's box between two columns of its crop, which is `width` columns wide."""
    start, end = extent[0] / width, extent[1] / width
    top, bottom = quad[1] - quad[0], quad[2] - quad[3]
    return np.array(
        [
            quad[0] + top * start,
            quad[0] + top * end,
            quad[3] + bottom * end,
            quad[3] + bottom * start,
        ]
    )


def columns_of(lines: Sequence[LineCut]) -> float:
    """About how many columns the network is shown for these lines: what reading them costs."""
    sizes = (size_of(line.quad) for line in lines)
    return sum(HEIGHT * SQUEEZE * width / max(height, 1e-6) for width, height in sizes)
