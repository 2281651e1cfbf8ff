"""Words as boxes on the upright page, and the way back to the page as sent."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from meshkit.geometry import Transform
from pagemesh.common.v1.geometry_pb2 import Point, Quad, UprightTransform
from pagemesh.ocr.v1.ocr_service_pb2 import OcrResult

_BALLOT_BOXES = "☐☑☒□■▢◻◼"
"""What readers take a printed box for; the box is told by its own model."""

_COLONS = (":", "\uff1a")
_TALLEST = 2.5


@dataclass(frozen=True, slots=True)
class Box:
    """An upright rectangle in pixels of the upright page."""

    left: float
    top: float
    right: float
    bottom: float

    @property
    def width(self) -> float:
        return self.right - self.left

    @property
    def height(self) -> float:
        return self.bottom - self.top

    @property
    def middle(self) -> float:
        return (self.left + self.right) / 2

    def is_beside(self, other: "Box") -> bool:
        """Whether both stand on one row: they share half of the lower one's height."""
        shared = min(self.bottom, other.bottom) - max(self.top, other.top)
        return shared >= 0.5 * min(self.height, other.height)

    def is_over(self, other: "Box") -> bool:
        """Whether both stand in one column: they share some width."""
        return min(self.right, other.right) > max(self.left, other.left)

    def is_level_with(self, other: "Box") -> bool:
        """Whether the middles of both lie at one height, but for less than half of the taller."""
        apart = abs(self.top + self.bottom - other.top - other.bottom) / 2
        return apart <= 0.45 * max(self.height, other.height)

    def touches(self, other: "Box") -> bool:
        """Whether both have a part in common."""
        return self.is_over(other) and min(self.bottom, other.bottom) > max(self.top, other.top)

    def common_width(self, other: "Box") -> float:
        """Pixels of width that both share; 0 when they share none."""
        return max(min(self.right, other.right) - max(self.left, other.left), 0.0)

    def common_height(self, other: "Box") -> float:
        """Pixels of height that both share; 0 when they share none."""
        return max(min(self.bottom, other.bottom) - max(self.top, other.top), 0.0)

    def contains_centre(self, other: "Box") -> bool:
        x, y = (other.left + other.right) / 2, (other.top + other.bottom) / 2
        return self.left <= x <= self.right and self.top <= y <= self.bottom

    def distance(self, other: "Box") -> float:
        """Pixels between the nearest points of both; 0 when they touch."""
        across = max(other.left - self.right, self.left - other.right, 0.0)
        down = max(other.top - self.bottom, self.top - other.bottom, 0.0)
        return float(np.hypot(across, down))


def around(boxes: Iterable[Box]) -> Box:
    """The smallest box around these; at least one."""
    some = list(boxes)
    return Box(
        min(box.left for box in some),
        min(box.top for box in some),
        max(box.right for box in some),
        max(box.bottom for box in some),
    )


@dataclass(frozen=True, slots=True)
class Token:
    """A word.

    Attributes:
        text: its characters.
        box: where it is.
        confidence: chance in [0, 1] that the text is right.
        line: index of its line.
    """

    text: str
    box: Box
    confidence: float
    line: int


@dataclass(frozen=True)
class Phrase:
    """Words that belong together, from left to right; at least one."""

    tokens: tuple[Token, ...]

    @cached_property
    def text(self) -> str:
        return " ".join(token.text for token in self.tokens)

    @cached_property
    def box(self) -> Box:
        return around(token.box for token in self.tokens)

    @property
    def confidence(self) -> float:
        return min(token.confidence for token in self.tokens)


class Upright:
    """The upright page's coordinates.

    Attributes:
        transform: from the page as sent; None when that is upright.
    """

    def __init__(self, transform: UprightTransform | None) -> None:
        self.transform: Transform | None = None
        if transform is not None:
            matrix = np.array(transform.matrix, dtype=np.float64).reshape(3, 3)
            self.transform = Transform(matrix, transform.width, transform.height)
        self._transform = self.transform or Transform.identity(1, 1)

    def boxes(self, quads: Sequence[Quad]) -> list[Box]:
        """Boxes on the upright page around quads of the page as sent."""
        if not quads:
            return []
        points = self._transform.apply(np.concatenate([_corners(quad) for quad in quads]))
        grouped = points.reshape(-1, 4, 2)
        edges = np.hstack([grouped.min(axis=1), grouped.max(axis=1)])
        return [Box(*map(float, row)) for row in edges]

    def quad(self, box: Box) -> Quad:
        """A box of the upright page as a quad of the page as sent."""
        corners = np.array(
            [
                (box.left, box.top),
                (box.right, box.top),
                (box.right, box.bottom),
                (box.left, box.bottom),
            ]
        )
        points = [Point(x=float(x), y=float(y)) for x, y in self._transform.invert(corners)]
        return Quad(
            top_left=points[0], top_right=points[1], bottom_right=points[2], bottom_left=points[3]
        )


def read_tokens(result: OcrResult, upright: Upright) -> list[Token]:
    """The words of a page; a line without words counts as one.

    Boxes read as text are left out; a colon that stands alone ends the word before it.
    """
    parts = [
        (part, text, index)
        for index, line in enumerate(result.lines)
        for part in (line.words or [line])
        if (text := part.text.strip().strip(_BALLOT_BOXES).strip())
    ]
    boxes = upright.boxes([part.quad for part, _, _ in parts])
    tokens: list[Token] = []
    for (part, text, index), box in zip(parts, boxes, strict=True):
        if text in _COLONS and tokens and tokens[-1].line == index:
            last = tokens.pop()
            tokens.append(Token(last.text + ":", around([last.box, box]), last.confidence, index))
        else:
            tokens.append(Token(text, box, part.confidence, index))
    return tokens


def upright_words(tokens: Sequence[Token]) -> list[Token]:
    """The tokens that are words of the page's direction: not rules read as text, not words that
    stand on their side in a margin."""
    words = [token for token in tokens if is_wordlike(token.text)]
    usual = float(np.median([token.box.height for token in words])) if words else 0.0
    return [
        token
        for token in words
        if token.box.height <= _TALLEST * usual or token.box.height <= token.box.width
    ]


def is_wordlike(text: str) -> bool:
    """Whether the text has a letter or a digit; rules and boxes read as text have none."""
    return re.search(r"\w", text.replace("_", "")) is not None


def _corners(quad: Quad) -> NDArray[np.float64]:
    corners = (quad.top_left, quad.top_right, quad.bottom_right, quad.bottom_left)
    return np.array([(corner.x, corner.y) for corner in corners])
