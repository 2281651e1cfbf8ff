"""The words of a page as the forms room sees them."""

import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from meshkit.geometry import Points
from pagemesh.common.v1.geometry_pb2 import Quad
from pagemesh.ocr.v1.ocr_service_pb2 import OcrResult


@dataclass(frozen=True, slots=True, eq=False)
class PageWord:
    """A word on a page.

    Attributes:
        text: its characters.
        confidence: chance in [0, 1] that they are right.
        corners: (4, 2), clockwise from the top-left of the text, in pixels of the page as sent.
        line: index of its line in the page's text.
    """

    text: str
    confidence: float
    corners: Points
    line: int


def page_words(result: OcrResult) -> list[PageWord]:
    """The words of a page in reading order; a line without words counts as one."""
    return list(_words(result))


def _words(result: OcrResult) -> Iterator[PageWord]:
    for index, line in enumerate(result.lines):
        for part in line.words or [line]:
            if part.text.strip():
                yield PageWord(part.text.strip(), part.confidence, _corners(part.quad), index)


@lru_cache(maxsize=1 << 16)
def key_of(text: str) -> str:
    """What two readings of one printed word have in common: its letters and digits."""
    plain = unicodedata.normalize("NFKD", text).casefold()
    return "".join(letter for letter in plain if letter.isalnum())


def _corners(quad: Quad) -> Points:
    corners = (quad.top_left, quad.top_right, quad.bottom_right, quad.bottom_left)
    return np.array([(corner.x, corner.y) for corner in corners])
