"""The letters in a field as one text."""

import itertools
import re
from collections.abc import Sequence
from dataclasses import dataclass

from orchestrator.forms.definition import FieldDefinition, ValueType
from orchestrator.forms.frame import Rect
from orchestrator.forms.placing import Fragment

_RULES = re.compile(r"^[|_\-–—=.,:;'`´·•*~\\/\[\](){}<>\"]+$")
"""What readers make of lines, dots and specks."""
_BORDERS = set("|Il1!/\\[]")
_SHAPED_LIKE_CAPITALS = set("ckopsuvwxz")
_TOUCHING = 0.02
"""Two words with a hole that is narrower than this share of their height are one,"""
_TORN = 0.15
"""as they are with this one where the second begins with a small letter,"""
_TORN_SHARE, _SURELY_APART = 0.5, 0.3
"""or with one that is much narrower than the widest of the field, while it is narrow at all."""
WORDS = (ValueType.TEXT, ValueType.NAME, ValueType.CHOICE)
"""Types whose values are letters."""


@dataclass(frozen=True, slots=True)
class Writing:
    """What stands in a field.

    Attributes:
        text: words separated by single spaces; empty when nothing stands there.
        confidence: of the least sure word; 1 when there is none.
        box: around it, on the blank page; None when there is none.
        is_cut: whether a part of a word was left to another field or to the print.
    """

    text: str
    confidence: float = 1.0
    box: Rect | None = None
    is_cut: bool = False


def read_writing(fragments: Sequence[Fragment], field: FieldDefinition) -> Writing:
    """Fragments of words as the field's text."""
    kept = [f for f in fragments if f.text.strip() and not _RULES.match(f.text)]
    if not kept:
        return Writing("")
    ordered = [fragment for row in _rows(kept) for fragment in row]
    if field.cells:
        text = _in_cells(ordered, field)
        text = like_neighbours(text) if field.type in WORDS else text
    else:
        text = _joined(ordered)
        text = text.strip("|_ ") if field.type in WORDS else text
    box = Rect(
        min(f.box.left for f in kept),
        min(f.box.top for f in kept),
        max(f.box.right for f in kept),
        max(f.box.bottom for f in kept),
    )
    confidence = min(f.confidence for f in kept)
    return Writing(text, confidence, box if text else None, any(f.is_cut for f in kept))


def _rows(fragments: Sequence[Fragment]) -> list[list[Fragment]]:
    """From top to bottom, each from left to right."""
    rows: list[list[Fragment]] = []
    for fragment in sorted(fragments, key=lambda f: f.box.centre[1]):
        last = rows[-1][-1] if rows else None
        if last is None or fragment.box.centre[1] - last.box.centre[1] > 0.5 * last.box.height:
            rows.append([])
        rows[-1].append(fragment)
    return [sorted(row, key=lambda f: f.box.left) for row in rows]


def _joined(fragments: Sequence[Fragment]) -> str:
    """With a space between, but for parts of one word that a reader tore apart."""
    pairs = list(itertools.pairwise(fragments))
    widest = max((_hole(*pair) for pair in pairs), default=0.0)
    parts = [fragments[0].text]
    for before, after in pairs:
        parts.append(("" if _is_torn(before, after, widest) else " ") + after.text)
    return "".join(parts)


def _is_torn(before: Fragment, after: Fragment, widest: float) -> bool:
    """Whether two fragments are one word: they touch, or a small letter goes on after a hole that
    is narrow beside the widest of the field.

    Args:
        widest: hole in the field, in heights.
    """
    if before.line != after.line:
        return False
    hole = _hole(before, after)
    goes_on = before.text[-1].isalpha() and after.text[0].islower()
    most = max(_TORN, min(_TORN_SHARE * widest, _SURELY_APART)) if goes_on else _TOUCHING
    return hole * after.box.height > -1.0 and hole < most


def _hole(before: Fragment, after: Fragment) -> float:
    """Between two neighbours, in heights of the second."""
    return (after.box.left - before.box.right) / max(after.box.height, 1e-6)


def without_borders(text: str, cells: int) -> str:
    """A comb's text of which nobody knows where its letters stand: borders of cells that were read
    as letters are left out where exactly as many letters as cells remain."""
    letters = [letter for letter in text if letter.isalnum()]
    sure = [letter for letter in letters if letter not in _BORDERS]
    return next(("".join(some) for some in (letters, sure) if len(some) == cells), text)


def like_neighbours(text: str) -> str:
    """Letters of a comb of one kind: among letters alone a nought is an O, and among capitals a
    small letter of the same shape is one, too."""
    letters = [letter for letter in text if letter.isalpha()]
    noughts = text.count("0")
    has_figures = any(letter.isdigit() and letter != "0" for letter in text)
    if not has_figures and len(letters) > noughts:
        text = text.replace("0", "O")
    if 2 * sum(letter.isupper() for letter in letters) <= len(letters):
        return text
    return "".join(letter.upper() if letter in _SHAPED_LIKE_CAPITALS else letter for letter in text)


def _in_cells(fragments: Sequence[Fragment], field: FieldDefinition) -> str:
    """Letters of a comb without spaces; borders of cells that were read as letters are left out
    while there are more letters than cells."""
    zone = field.rect
    letters = [
        (letter, middle)
        for fragment in fragments
        for letter, middle in zip(fragment.text, fragment.middles, strict=True)
        if letter.isalnum() or letter in _BORDERS
    ]
    if zone is not None and field.cells:
        width = zone.width / field.cells

        def distance_to_border(item: tuple[str, float]) -> float:
            place = (item[1] - zone.left) / width
            return abs(place - round(place))

        while len(letters) > field.cells:
            doubtful = [item for item in letters if item[0] in _BORDERS]
            if not doubtful:
                break
            letters.remove(min(doubtful, key=distance_to_border))
    return "".join(letter for letter, _ in letters if letter.isalnum() or letter in "|!")
