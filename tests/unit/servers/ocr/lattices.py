"""Steps of a recogniser, made by hand."""

from collections.abc import Sequence

import numpy as np

from servers.ocr.alphabet import Alphabet
from servers.ocr.ctc import Steps

TEXTS = ("", " ", *"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.'-:")
ALPHABET = Alphabet(TEXTS, np.arange(len(TEXTS)), np.zeros(len(TEXTS), np.float32))


def steps_of(*columns: dict[str, float]) -> Steps:
    """What each step may be, by character; the empty text is a blank, and gets what is left."""
    ids, probabilities = [], []
    for column in columns:
        likely = {"": max(1 - sum(column.values()), 0.0)} | column
        order = sorted(likely, key=lambda text: -likely[text])
        order += [text for text in TEXTS if text not in likely][: 4 - len(order)]
        ids.append([TEXTS.index(text) for text in order[:4]])
        probabilities.append([likely.get(text, 0.0) for text in order[:4]])
    return np.array(ids, np.int64), np.array(probabilities, np.float32)


def printed(text: str, *others: tuple[int, str, float]) -> Steps:
    """A text with a blank behind each letter; at some of its places something else is nearly, or
    just so, likely."""
    columns: list[dict[str, float]] = []
    for letter in text:
        columns += [{letter: 0.9999}, {}]
    for place, other, probability in others:
        column = {other: probability}
        if other != text[place]:
            column[text[place]] = 1 - probability
        columns[2 * place] = column
    return steps_of(*columns)


def texts(glyphs: Sequence[object]) -> str:
    return "".join(getattr(glyph, "text") for glyph in glyphs)  # noqa: B009 - any glyph
