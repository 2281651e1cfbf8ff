"""What a line says: the line cut out and straightened, one network run, its words with places."""

from dataclasses import dataclass
from itertools import pairwise
from math import ceil
from typing import Protocol

import cv2
import numpy as np
from numpy.typing import NDArray

from meshkit.model import Image
from servers.ocr.ctc import decode, split_words
from servers.ocr.domain import Quad, TextLine, Word
from servers.ocr.extents import ink_columns, widest_gap, word_extents

HEIGHT = 48
"""Rows of a line as the network sees it."""

STEP = 8
"""Columns of a line that become one step."""

SHORTEST, LONGEST = 16, 3200
"""Columns that the network is given; longer lines are read in pieces."""

UPRIGHT_UP_TO = 1.5
LETTER_UP_TO = 3.0
"""Heights of a box in widths: up to the first it is read as it stands, up to the second it may be
one tall letter, beyond it is a line that runs up or down the page."""


class Network(Protocol):
    """A line (1, 3, 48, width), float32, to the best class and its probability, (steps,) each."""

    def __call__(
        self, tensor: NDArray[np.float32], /
    ) -> tuple[NDArray[np.int64], NDArray[np.float32]]: ...


@dataclass(frozen=True, slots=True)
class Recogniser:
    """A network with the texts of its classes."""

    network: Network
    alphabet: tuple[str, ...]

    def read(self, image: Image, quad: Quad) -> TextLine | None:
        """The line in `quad` of a BGR page; None when there is no character in it.

        A box that is much taller than wide is read upwards, downwards and, unless it is very tall,
        as it stands; the surest reading is kept, because the box alone does not tell.
        """
        width, height = _size(quad)
        if height <= UPRIGHT_UP_TO * width:
            return self._read_along(image, quad)
        turns = (0, 1, 3) if height <= LETTER_UP_TO * width else (1, 3)
        readings = [self._read_along(image, np.roll(quad, -turn, axis=0)) for turn in turns]
        return max((r for r in readings if r), key=lambda r: r.confidence, default=None)

    def _read_along(self, image: Image, quad: Quad) -> TextLine | None:
        readings = [self._read_piece(image, piece) for piece in pieces(image, quad)]
        found = [line for line in readings if line is not None]
        if not found:
            return None
        words = tuple(word for line in found for word in line.words)
        letters = [len(line.text) for line in found]
        confidence = np.average([line.confidence for line in found], weights=letters)
        return TextLine(" ".join(word.text for word in words), quad, float(confidence), words)

    def _read_piece(self, image: Image, quad: Quad) -> TextLine | None:
        crop = cut_out(image, quad)
        tensor = crop.transpose(2, 0, 1)[None].astype(np.float32) / np.float32(127.5) - 1
        glyphs = decode(*self.network(np.ascontiguousarray(tensor)), self.alphabet)
        spans = split_words(glyphs)
        if not spans:
            return None
        extents = word_extents(spans, ink_columns(crop), STEP)
        words = tuple(
            Word(span.text, _part(quad, extent, crop.shape[1]), span.probability)
            for span, extent in zip(spans, extents, strict=True)
        )
        return TextLine(
            text=" ".join(word.text for word in words),
            quad=quad,
            confidence=float(np.mean([glyph.probability for glyph in glyphs])),
            words=words,
        )


def pieces(image: Image, quad: Quad) -> list[Quad]:
    """A line's box, or where it is too long for one network run, parts of it cut at gaps."""
    width, height = _size(quad)
    count = ceil(width / max(height, 1e-6) * HEIGHT / LONGEST)
    if count <= 1:
        return [quad]
    # Half of `LONGEST` columns a piece are enough to tell gaps from letters.
    ink = ink_columns(cut_out(image, quad, longest=min(count * LONGEST // 2, LONGEST * 8)))
    reach = len(ink) // (4 * count)
    cuts = [0.0]
    for middle in (len(ink) * part // count for part in range(1, count)):
        start, end = widest_gap(ink[middle - reach : middle + reach])
        cuts.append(middle - reach + (start + end) / 2)
    cuts.append(float(len(ink)))
    return [_part(quad, extent, len(ink)) for extent in pairwise(cuts)]


def cut_out(image: Image, quad: Quad, longest: int = LONGEST) -> Image:
    """The inside of `quad`, straightened: (48, width, 3), width a multiple of `STEP`."""
    width, height = _size(quad)
    columns = min(max(width / max(height, 1e-6) * HEIGHT, SHORTEST), longest)
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


def _size(quad: Quad) -> tuple[float, float]:
    return (
        float(np.linalg.norm(quad[1] - quad[0])),
        float(np.linalg.norm(quad[3] - quad[0])),
    )


def _part(quad: Quad, extent: tuple[float, float], width: int) -> Quad:
    """The slice of a line's box between two columns of its crop."""
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
