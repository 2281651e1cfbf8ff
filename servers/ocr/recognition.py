"""What the lines of a page say: a recogniser's runs, and the words with their places."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Protocol

import numpy as np

from meshkit.model import Image
from servers.ocr.alphabet import Alphabet
from servers.ocr.crops import STEP, LineCut, columns_of, cut_out, part_of
from servers.ocr.ctc import Steps, chances_of, decode, split_words
from servers.ocr.domain import Quad, TextLine, Word
from servers.ocr.extents import ink_columns, ruled_columns, word_extents
from servers.ocr.joined_words import with_words_parted
from servers.ocr.known_words import with_known_words
from servers.ocr.lexicon import Lexicon
from servers.ocr.points import with_points
from servers.ocr.spacing import with_spaces

Way = tuple[LineCut, ...]


class Network(Protocol):
    """A recogniser: grey or BGR crops of lines (`crops.cut_out`) to their steps, each whatever the
    others are."""

    def __call__(self, crops: Sequence[Image], alphabet: Alphabet, /) -> list[Steps]: ...


@dataclass(frozen=True, slots=True)
class Box:
    """A box of text on a grey or BGR page, and the ways in which it may be read.

    Attributes:
        page: its pixels.
        ways: see `crops.ways_to_read`.
        stretch: how many times wider than usual the network is shown its lines.
    """

    page: Image
    ways: tuple[Way, ...]
    stretch: float = 1.0

    @property
    def columns(self) -> float:
        """About how many columns the network is shown: what reading costs."""
        return self.stretch * sum(columns_of(way) for way in self.ways)


@dataclass(frozen=True, slots=True)
class Reading:
    """What a box says: the surest of its ways, with lines that hold no character left out."""

    lines: tuple[TextLine, ...]
    confidence: float


def read_boxes(
    boxes: Sequence[Box], network: Network, alphabet: Alphabet, lexicon: Lexicon | None
) -> list[Reading]:
    """One reading a box; all pieces of all boxes go to the network in one call."""
    jobs = [
        (box, piece)
        for box in boxes
        for line in chain.from_iterable(box.ways)
        for piece in line.pieces
    ]
    crops = [cut_out(box.page, piece, stretch=box.stretch) for box, piece in jobs]
    steps = network(crops, alphabet)
    found = iter(
        [
            _words_of_piece(quad, crop, steps, alphabet, lexicon)
            for (_, quad), crop, steps in zip(jobs, crops, steps, strict=True)
        ]
    )
    readings = []
    for box in boxes:
        ways = []
        for way in box.ways:
            lines = [_joined(line.quad, [next(found) for _ in line.pieces]) for line in way]
            ways.append(_reading([line for line in lines if line is not None]))
        readings.append(max(ways, key=lambda reading: reading.confidence))
    return readings


def _words_of_piece(
    quad: Quad, crop: Image, steps: Steps, alphabet: Alphabet, lexicon: Lexicon | None
) -> TextLine | None:
    ink = ink_columns(crop)
    glyphs = with_spaces(decode(steps, alphabet.texts), ink, ruled_columns(crop), STEP)
    glyphs = with_points(glyphs, steps, alphabet)
    if lexicon is not None:
        glyphs = with_known_words(glyphs, steps, alphabet, lexicon)
        glyphs = with_words_parted(glyphs, steps, alphabet, lexicon)
    spans = split_words(glyphs)
    if not spans:
        return None
    extents = word_extents(spans, ink, STEP)
    spaces = chances_of(" ", steps, alphabet.texts)
    words = tuple(
        Word(
            span.text,
            part_of(quad, extent, crop.shape[1]),
            span.probability,
            space=span.space,
            whole=1.0 - float(spaces[span.start : span.end].max()),
        )
        for span, extent in zip(spans, extents, strict=True)
    )
    sureness = float(np.mean([glyph.probability for glyph in glyphs]))
    return TextLine(" ".join(word.text for word in words), quad, sureness, words)


def _joined(quad: Quad, pieces: Sequence[TextLine | None]) -> TextLine | None:
    """The pieces of a line as one line; None when there is no character in it."""
    found = [piece for piece in pieces if piece is not None]
    if not found:
        return None
    words = tuple(word for piece in found for word in piece.words)
    return TextLine(" ".join(word.text for word in words), quad, _sureness(found), words)


def _reading(lines: Sequence[TextLine]) -> Reading:
    return Reading(tuple(lines), _sureness(lines) if lines else 0.0)


def _sureness(lines: Sequence[TextLine]) -> float:
    letters = [len(line.text) for line in lines]
    return float(np.average([line.confidence for line in lines], weights=letters))
