"""What of a page is read again: the parts of its lines with doubtful words in them.

A doubtful word is seen with a short word on either side of it. The parts are cut out at the gaps
between words.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from servers.ocr.crops import STEP, LineCut, part_of, pieces, size_of
from servers.ocr.domain import Quad, TextLine, Word
from servers.ocr.doubts import doubtful_words
from servers.ocr.lexicon import Lexicon
from servers.ocr.plans import Plan
from servers.ocr.recognition import Box, Reading

SURE = 0.99
"""A box that is not one line of words is read again below this confidence."""

BESIDE = 6
"""Characters of a word, at most, that is seen along with a doubtful one next to it."""

GAP = 0.12
"""A line is cut at gaps of so many of its heights at least."""

MOST = 0.75
"""Where more than this part of a line would be read again, all of it is."""

PITCH = 2 * STEP
"""Columns that a character needs: one step for itself, and one for the blank that tells it from an
equal one behind it."""

WIDEST = 1.6
"""Lines are not stretched more than so many times."""

LEAD = 0.05
"""The second network is right more often than a first one that is as sure; one that is so much
surer had the easier sight of the line."""


@dataclass(frozen=True, slots=True)
class Part:
    """Some words of a line, or all that was read in a box.

    Attributes:
        place: which box of the page they are in.
        words: [start, end) of the line's words; None: all that is in the box.
        confidence: how sure their first reading is, in [0, 1].
        box: how they are shown when they are read again.
    """

    place: int
    words: tuple[int, int] | None
    confidence: float
    box: Box


def doubtful_parts(
    boxes: Sequence[Box], readings: Sequence[Reading], plan: Plan, lexicon: Lexicon | None
) -> list[Part]:
    """Which parts of a page are read again, the least sure first, within the plan's share."""
    parts = [
        part
        for place, (box, reading) in enumerate(zip(boxes, readings, strict=True))
        for part in _parts_of(place, box, reading, plan, lexicon)
    ]
    left = plan.share * sum(box.columns for box in boxes)
    chosen = []
    for part in sorted(parts, key=lambda part: part.confidence):
        if part.box.columns <= left:
            chosen.append(part)
            left -= part.box.columns
    return chosen


def with_second_readings(
    readings: Sequence[Reading], parts: Sequence[Part], seconds: Sequence[Reading]
) -> list[Reading]:
    """The readings of a page's boxes, with its parts as they were read again.

    A part stays as it was where the first reading is surer by more than `LEAD`.
    """
    together = list(readings)
    # From the end of a line to its start: what takes a part's place may have more words or fewer.
    for part, second in sorted(
        zip(parts, seconds, strict=True), key=lambda pair: pair[0].words or (0, 0), reverse=True
    ):
        if part.confidence <= second.confidence + LEAD:
            together[part.place] = _with_part(together[part.place], part, second)
    return together


def _parts_of(
    place: int, box: Box, reading: Reading, plan: Plan, lexicon: Lexicon | None
) -> Iterator[Part]:
    if len(box.ways) > 1 or len(reading.lines) != 1:
        if reading.confidence < SURE:
            yield Part(place, None, reading.confidence, replace(box, stretch=1.0))
        return
    (line,) = reading.lines
    for start, end, quad in cuts(line, doubtful_words(line, plan.doubts, lexicon)):
        words = line.words[start:end]
        way = (LineCut(quad, tuple(pieces(box.page, quad))),)
        shown = wide_enough(Box(box.page, (way,)), words)
        yield Part(place, (start, end), _sureness(words), shown)


def cuts(line: TextLine, doubtful: NDArray[np.bool_]) -> list[tuple[int, int, Quad]]:
    """The parts of a line that hold its doubtful words and what is seen along with them: the words
    [start, end) of each, and its box."""
    if not doubtful.any():
        return []
    edges, may_cut = _gaps(line)
    runs = _runs(_with_words_beside(line, doubtful), may_cut)
    if sum(edges[end] - edges[start] for start, end in runs) > MOST:
        runs = [(0, len(line.words))]
    return [(start, end, part_of(line.quad, (edges[start], edges[end]), 1)) for start, end in runs]


def _gaps(line: TextLine) -> tuple[list[float], list[bool]]:
    """Where a line's words are parted, its ends among it, in parts of its width; and whether it may
    be cut there."""
    along = line.quad[1] - line.quad[0]
    width, height = size_of(line.quad)
    places = np.array([word.quad[:2] for word in line.words]) - line.quad[0]
    lefts, rights = (places @ along / max(float(along @ along), 1e-6)).T
    edges = [0.0, *((rights[:-1] + lefts[1:]) / 2).tolist(), 1.0]
    wide = (lefts[1:] - rights[:-1]) * width >= GAP * height
    return edges, [True, *wide.tolist(), True]


def _with_words_beside(line: TextLine, doubtful: NDArray[np.bool_]) -> NDArray[np.bool_]:
    short = np.array([len(word.text) <= BESIDE for word in line.words])
    beside = np.convolve(doubtful, (1, 1, 1), "same")[: len(doubtful)] > 0
    return np.asarray(doubtful | (beside & short), np.bool_)


def _runs(chosen: NDArray[np.bool_], may_cut: Sequence[bool]) -> list[tuple[int, int]]:
    """Runs [start, end) of words that hold the chosen ones, cut where that may be done."""
    runs: list[tuple[int, int]] = []
    for place in np.flatnonzero(chosen).tolist():
        start = max(edge for edge in range(place + 1) if may_cut[edge])
        end = min(edge for edge in range(place + 1, len(may_cut)) if may_cut[edge])
        if runs and start <= runs[-1][1]:
            runs[-1] = runs[-1][0], end
        else:
            runs.append((start, end))
    return runs


def wide_enough(box: Box, words: Sequence[Word]) -> Box:
    """The box as it is shown to be read again: wide enough for its characters."""
    characters = len(" ".join(word.text for word in words))
    needed = PITCH * characters / max(box.columns, 1.0)
    return replace(box, stretch=min(max(needed, 1.0), WIDEST))


def _with_part(reading: Reading, part: Part, second: Reading) -> Reading:
    if part.words is None:
        return second
    (line,) = reading.lines
    start, end = part.words
    read = [word for line in second.lines for word in line.words]
    words = (*line.words[:start], *read, *line.words[end:])
    if not words:
        return Reading((), 0.0)
    sureness = _sureness(words)
    text = " ".join(word.text for word in words)
    return Reading((TextLine(text, line.quad, sureness, words),), sureness)


def _sureness(words: Sequence[Word]) -> float:
    """The mean over words of their characters' probabilities."""
    letters = [len(word.text) for word in words]
    each = [word.confidence ** (1 / len(word.text)) for word in words]
    return float(np.average(each, weights=letters))
