"""The words of this server: what may be asked of it and what it answers."""

from dataclasses import dataclass
from enum import Enum

import numpy as np
from numpy.typing import NDArray

Quad = NDArray[np.float64]
"""(4, 2) corners x, y in the page image's pixels: clockwise from the top-left corner of the text
as a person reads it."""


class Engine(Enum):
    """Which reader reads."""

    PPOCR = "ppocr"
    TESSERACT = "tesseract"


class Tier(Enum):
    """How carefully the PP-OCR engine reads."""

    FAST = "fast"
    ACCURATE = "accurate"


@dataclass(frozen=True, slots=True)
class OcrOptions:
    """What a request asks for; None and () take the server's default.

    Attributes:
        engine, tier: see the enumerations. Tesseract has no tiers and ignores the tier.
        languages: BCP 47 tags.
    """

    engine: Engine | None = None
    tier: Tier | None = None
    languages: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Word:
    """A run of characters without a space.

    Attributes:
        text: Unicode NFC.
        quad: where its ink is.
        confidence: in [0, 1].
        space, whole: how likely the space before it is one, and that none is inside it; 1 where
            the reader does not tell.
    """

    text: str
    quad: Quad
    confidence: float
    space: float = 1.0
    whole: float = 1.0


@dataclass(frozen=True, slots=True)
class TextLine:
    """A run of words on one base line; `text` is the words joined by single spaces."""

    text: str
    quad: Quad
    confidence: float
    words: tuple[Word, ...]


@dataclass(frozen=True, slots=True)
class OcrResult:
    """The text of a page, lines in reading order. `tier` is None for an engine without tiers."""

    lines: tuple[TextLine, ...]
    engine: Engine
    tier: Tier | None
