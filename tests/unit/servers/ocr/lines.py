"""Lines as a recogniser reads them, for tests of what is done with them."""

from collections.abc import Sequence

import numpy as np

from servers.ocr.domain import Quad, TextLine, Word

LETTER, GAP, HEIGHT = 10.0, 10.0, 20.0
"""Width of a letter and of the space between words, and height of the line, in pixels."""


def line(
    text: str,
    confidences: Sequence[float] = (),
    *,
    gaps: Sequence[float] = (),
    spaces: Sequence[float] = (),
    wholes: Sequence[float] = (),
) -> TextLine:
    """A line at the page's top left.

    Args:
        text: its words.
        confidences, wholes: of each word; all 1 where none is given.
        gaps: pixels between the words; `GAP` where none is given.
        spaces: the probabilities of the spaces between them; all 1 where none is given.
    """
    texts = text.split()
    count = len(texts)
    found, left = [], 0.0
    for word, sure, gap, space, whole in zip(
        texts,
        confidences or (1.0,) * count,
        (*(gaps or (GAP,) * (count - 1)), 0.0),
        (1.0, *(spaces or (1.0,) * (count - 1))),
        wholes or (1.0,) * count,
        strict=True,
    ):
        right = left + LETTER * len(word)
        found.append(Word(word, quad(left, right), sure, space=space, whole=whole))
        left = right + gap
    return TextLine(text, quad(0.0, left), 0.9, tuple(found))


def quad(left: float, right: float) -> Quad:
    """A box of the line's height."""
    return np.array([[left, 0], [right, 0], [right, HEIGHT], [left, HEIGHT]], np.float64)
