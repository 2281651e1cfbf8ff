"""The page's words on the blank page, letter by letter: which are printed, and which fields they
were written into.
"""

import difflib
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from orchestrator.forms.alignment import Alignment
from orchestrator.forms.frame import Rect, rect_around
from orchestrator.forms.pdf_form import PrintedWord
from orchestrator.forms.words import PageWord, key_of

_LEVEL_SHARE = 0.4
"""Of the lower one of word and field, this much must lie side by side."""
_NARROW, _WIDE = set("iljtfrI1.,:;|!'()[] "), set("mwMW@%")
_LIKE_PRINT = 0.6
_LEAST_ROW, _LIKE_ROW = 3, 0.75
_LEAST_INSIDE = 0.5
"""A word's letters outside of any field follow the rest when that is at least this share."""


@dataclass(frozen=True, slots=True)
class Fragment:
    """Letters of one word that were written into one field.

    Attributes:
        text: the letters.
        box: where they are on the blank page.
        confidence: of the word.
        middles: x of each letter.
        line: index of the word's line on the page.
        is_cut: whether another part of the word is elsewhere.
    """

    text: str
    box: Rect
    confidence: float
    middles: tuple[float, ...]
    line: int
    is_cut: bool = False


def place_words(
    words: Sequence[PageWord],
    alignment: Alignment,
    printed: Sequence[PrintedWord],
    zones: Mapping[str, Rect],
) -> dict[str, list[Fragment]]:
    """What was written into each field.

    Args:
        words: of the page.
        printed: words of the blank page; they are nobody's.
        zones: places on the blank page by field name.

    Returns:
        By field name, in the order of the words; fields without any letter are left out.
    """
    if not words or not zones:
        return {}
    corners = alignment.to_blank(np.concatenate([word.corners for word in words]))
    boxes = [rect_around(four) for four in corners.reshape(-1, 4, 2)]
    names = list(zones)
    places = _Index([zones[name] for name in names])
    prints = _Index([word.box for word in printed])
    found: dict[str, list[Fragment]] = defaultdict(list)
    for word, box in zip(words, boxes, strict=True):
        near = places.beside(box)
        if not near:
            continue
        edges = letter_edges(word.text, box)
        is_printed = _printed_letters(word.text, edges, box, [printed[i] for i in prints.on(box)])
        owners = _owners(edges, is_printed, box, [(i, zones[names[i]]) for i in near])
        for owner, start, end in _stretches(owners):
            part = Rect(edges[start], box.top, edges[end], box.bottom)
            middles = tuple((edges[i] + edges[i + 1]) / 2 for i in range(start, end))
            text = word.text[start:end]
            is_cut = end - start < len(word.text)
            fragment = Fragment(text, part, word.confidence, middles, word.line, is_cut)
            found[names[owner]].append(fragment)
    return dict(found)


class _Index:
    """Rectangles, to be asked for those near a box."""

    def __init__(self, boxes: Sequence[Rect]) -> None:
        sides = [(b.left, b.top, b.right, b.bottom) for b in boxes]
        self._sides: NDArray[np.float64] = np.array(sides, np.float64).reshape(-1, 4)

    def beside(self, box: Rect) -> list[int]:
        """Those on the box's row that it reaches into."""
        left, top, right, bottom = self._sides.T
        shared = np.minimum(bottom, box.bottom) - np.maximum(top, box.top)
        is_level = shared >= _LEVEL_SHARE * np.minimum(bottom - top, box.height)
        return [int(i) for i in np.flatnonzero(is_level & (left < box.right) & (right > box.left))]

    def on(self, box: Rect) -> list[int]:
        """Those that it covers a part of."""
        left, top, right, bottom = self._sides.T
        shared = np.minimum(bottom, box.bottom) - np.maximum(top, box.top)
        is_level = shared >= 0.5 * np.minimum(bottom - top, box.height)
        return [int(i) for i in np.flatnonzero(is_level & (left < box.right) & (right > box.left))]


def letter_edges(text: str, box: Rect) -> list[float]:
    """x of the letters' sides, one more than letters, by what letters usually measure."""
    widths = [0.55 if c in _NARROW else 1.5 if c in _WIDE else 1.0 for c in text]
    steps = np.concatenate([[0.0], np.cumsum(widths)])
    return [float(x) for x in box.left + box.width * steps / steps[-1]]


def _printed_letters(
    text: str, edges: Sequence[float], box: Rect, printed: Sequence[PrintedWord]
) -> list[bool]:
    """Which letters belong to the form itself: those that stand on a printed word and say it."""
    row = _row(printed)
    if row is not None and _is_row(text, row.text):
        return [True] * len(text)
    flags = [False] * len(text)
    for word in printed if row is None else [*printed, row]:
        inside = [
            i
            for i in range(len(text))
            if word.box.left - 1.5 <= (edges[i] + edges[i + 1]) / 2 <= word.box.right + 1.5
        ]
        exact = _exact(text, word.text, edges, word.box)
        if exact is not None and word.box.shared_width(box) > 0.5 * word.box.width:
            inside = list(range(exact, exact + len(word.text)))
        elif not _is_like("".join(text[i] for i in inside), word.text):
            continue
        for i in inside:
            flags[i] = True
    return flags


def _row(printed: Sequence[PrintedWord]) -> PrintedWord | None:
    """Letters that are printed apart, such as the figures of a comb, as one word; None where there
    is no such row."""
    if len(printed) < _LEAST_ROW or any(len(word.text) > 1 for word in printed):
        return None
    letters = sorted(printed, key=lambda word: word.box.left)
    corners = np.concatenate([word.box.corners for word in letters])
    return PrintedWord("".join(word.text for word in letters), rect_around(corners))


def _is_row(text: str, row: str) -> bool:
    """Whether a word is a reading of this row and nothing else."""
    likeness = difflib.SequenceMatcher(None, key_of(text), key_of(row)).ratio()
    return len(row) >= len(text) - 1 and likeness >= _LIKE_ROW


def _exact(text: str, printed: str, edges: Sequence[float], place: Rect) -> int | None:
    """Where in a text the printed one is, nearest to its place; None when it is not."""
    low, wanted = text.casefold(), printed.casefold()
    starts = [i for i in range(len(low) - len(wanted) + 1) if low.startswith(wanted, i)]
    if not starts:
        return None
    best = min(starts, key=lambda i: abs(edges[i] - place.left))
    return best if abs(edges[best] - place.left) < max(4.0, place.width) else None


def _is_like(text: str, printed: str) -> bool:
    one, other = key_of(text) or text, key_of(printed) or printed
    if not one:
        return False
    if min(len(one), len(other)) <= 1:
        return one == other
    return difflib.SequenceMatcher(None, one, other).ratio() >= _LIKE_PRINT


def _owners(
    edges: Sequence[float],
    is_printed: Sequence[bool],
    box: Rect,
    zones: Sequence[tuple[int, Rect]],
) -> list[int | None]:
    """The field of each letter; letters that overshoot a field follow the rest of their word."""
    owners: list[int | None] = []
    for index, flag in enumerate(is_printed):
        x = (edges[index] + edges[index + 1]) / 2
        inside = [(i, zone) for i, zone in zones if zone.left - 1 <= x <= zone.right + 1]
        best = max(inside, key=lambda pair: pair[1].shared_height(box), default=None)
        owners.append(None if flag or best is None else best[0])
    own = [owner for owner, flag in zip(owners, is_printed, strict=True) if not flag]
    taken = [owner for owner in own if owner is not None]
    if not taken or len(taken) < _LEAST_INSIDE * len(own):
        return owners if taken and len(set(taken)) > 1 else [None] * len(owners)
    return list(_followed(owners, is_printed))


def _followed(owners: Sequence[int | None], is_printed: Sequence[bool]) -> Iterator[int | None]:
    """Letters without a field get that of the nearest letter that has one."""
    taken = [index for index, owner in enumerate(owners) if owner is not None]
    for index, owner in enumerate(owners):
        if owner is not None or is_printed[index]:
            yield owner
        else:
            yield owners[min(taken, key=lambda other: abs(other - index))]


def _stretches(owners: Sequence[int | None]) -> Iterator[tuple[int, int, int]]:
    """Runs of one owner: owner, first letter, letter after the last."""
    start = 0
    for index in range(1, len(owners) + 1):
        if index == len(owners) or owners[index] != owners[start]:
            owner = owners[start]
            if owner is not None:
                yield owner, start, index
            start = index
