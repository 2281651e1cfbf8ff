"""A sheet of paper to compose pages on: text, paragraphs, rules and boxes, measured in points."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import cv2
import numpy as np
from PIL import ImageFont

from training.ink import BLACK, Box, Colour, Page, Word, font, write

_WORDS = [
    "account",
    "action",
    "address",
    "advice",
    "agreement",
    "amount",
    "annual",
    "answer",
    "area",
    "attached",
    "available",
    "balance",
    "bank",
    "benefit",
    "board",
    "budget",
    "building",
    "business",
    "change",
    "client",
    "comments",
    "committee",
    "community",
    "company",
    "complete",
    "condition",
    "contract",
    "control",
    "copy",
    "cost",
    "council",
    "country",
    "course",
    "current",
    "customer",
    "data",
    "date",
    "decision",
    "delivery",
    "department",
    "design",
    "detail",
    "development",
    "director",
    "district",
    "document",
    "effect",
    "energy",
    "engineer",
    "estimate",
    "evidence",
    "example",
    "exchange",
    "experience",
    "figure",
    "final",
    "finance",
    "following",
    "form",
    "future",
    "general",
    "group",
    "growth",
    "health",
    "history",
    "however",
    "increase",
    "industry",
    "information",
    "interest",
    "issue",
    "journal",
    "known",
    "language",
    "large",
    "letter",
    "level",
    "library",
    "limit",
    "local",
    "machine",
    "management",
    "market",
    "material",
    "matter",
    "measure",
    "meeting",
    "member",
    "method",
    "minister",
    "model",
    "month",
    "national",
    "notice",
    "number",
    "office",
    "order",
    "paper",
    "patient",
    "payment",
    "period",
    "person",
    "place",
    "plan",
    "plant",
    "point",
    "policy",
    "position",
    "power",
    "present",
    "president",
    "price",
    "problem",
    "process",
    "product",
    "program",
    "project",
    "property",
    "public",
    "purpose",
    "quality",
    "question",
    "range",
    "rate",
    "reason",
    "receipt",
    "recent",
    "record",
    "region",
    "report",
    "request",
    "research",
    "result",
    "review",
    "river",
    "school",
    "science",
    "season",
    "section",
    "service",
    "several",
    "small",
    "society",
    "source",
    "standard",
    "state",
    "statement",
    "station",
    "street",
    "structure",
    "student",
    "study",
    "subject",
    "summary",
    "supply",
    "support",
    "survey",
    "system",
    "table",
    "test",
    "the",
    "time",
    "today",
    "total",
    "town",
    "trade",
    "training",
    "travel",
    "union",
    "university",
    "value",
    "various",
    "village",
    "visit",
    "volume",
    "water",
    "week",
    "which",
    "winter",
    "within",
    "without",
    "work",
    "world",
    "would",
    "year",
    "of",
    "in",
    "to",
    "and",
    "for",
    "with",
    "on",
    "by",
    "from",
    "at",
    "as",
    "is",
    "was",
]
NAMES = [
    "Amara Okafor",
    "Jonas Lindqvist",
    "Wei Tanaka",
    "Noor Haddad",
    "Ivan Petrov",
    "Grace Mbeki",
    "Elena Costa",
    "Samuel Novak",
    "Aisha Rahman",
    "Peter Holm",
    "Lucia Ferrari",
    "Daniel Reyes",
]
TOWNS = [
    "Fairhaven",
    "Northbridge",
    "Mill Valley",
    "Lakewood",
    "Easton",
    "Harborview",
    "Cedar Falls",
    "Stonefield",
]
FIRMS = [
    "Alder",
    "Northwind",
    "Bluestone",
    "Harbor",
    "Kestrel",
    "Meridian",
    "Orchard",
    "Pinnacle",
    "Quarry",
    "Sable",
]


def prose(rng: np.random.Generator, count: int) -> str:
    """`count` words with sentence case and full stops; no meaning."""
    words = [str(word) for word in rng.choice(_WORDS, max(count, 1))]
    start = True
    for i, word in enumerate(words):
        if start:
            words[i] = word.capitalize()
        start = bool(rng.random() < 0.09) or i == len(words) - 1
        if start:
            words[i] += "."
    return " ".join(words)


def title(rng: np.random.Generator, count: int) -> str:
    """A heading."""
    return " ".join(str(word).capitalize() for word in rng.choice(_WORDS, count))


def pick(rng: np.random.Generator, items: Sequence[str]) -> str:
    """One of them."""
    return items[int(rng.integers(len(items)))]


def money(rng: np.random.Generator, high: float = 4000) -> str:
    """An amount with two decimals."""
    return f"{rng.uniform(1, high):,.2f}"


@dataclass(slots=True)
class Sheet:
    """A page being composed; x, y and sizes are points from the top-left corner.

    Attributes:
        width, height: of the paper, in points.
        dpi: of the image.
        face: default font, one of `training.ink.PRINTED` or `HANDWRITTEN`.
        words: every word written, with boxes in pixels.
        signatures: boxes around signatures, in pixels.
    """

    width: float = 612
    height: float = 792
    dpi: float = 100
    face: str = "arimo"
    image: Page = field(init=False)
    words: list[Word] = field(default_factory=list)
    signatures: list[Box] = field(default_factory=list)

    def __post_init__(self) -> None:
        shape = (round(self.height * self.scale), round(self.width * self.scale), 3)
        self.image = np.full(shape, 255, np.uint8)

    @property
    def scale(self) -> float:
        """Pixels in a point."""
        return self.dpi / 72

    def font(
        self, size: float, bold: bool = False, face: str | None = None
    ) -> ImageFont.FreeTypeFont:
        return font(face or self.face, max(4, round(size * self.scale)), bold)

    def text(
        self,
        x: float,
        y: float,
        words: str,
        size: float = 10,
        *,
        bold: bool = False,
        align: str = "left",
        colour: Colour = BLACK,
        face: str | None = None,
    ) -> float:
        """Write one line with its baseline at `y`; return its width in points."""
        font_ = self.font(size, bold, face)
        width = font_.getlength(words) / self.scale
        left = x - {"left": 0.0, "right": width, "centre": width / 2}[align]
        self.words += write(self.image, words, left * self.scale, y * self.scale, font_, colour)
        return float(width)

    def paragraph(
        self,
        x: float,
        y: float,
        width: float,
        words: str,
        size: float = 10,
        *,
        leading: float = 1.25,
        colour: Colour = BLACK,
        face: str | None = None,
    ) -> float:
        """Write wrapped lines, the first baseline at `y`; return the next free baseline."""
        font_ = self.font(size, face=face)
        line: list[str] = []
        for word in [*words.split(), None]:
            overflows = word and font_.getlength(" ".join([*line, word])) > width * self.scale
            if line and (word is None or overflows):
                self.text(x, y, " ".join(line), size, colour=colour, face=face)
                y += size * leading
                line = []
            if word is not None:
                line.append(word)
        return y

    def rule(
        self,
        x0: float,
        y0: float,
        x1: float,
        y1: float,
        weight: float = 0.7,
        colour: Colour = BLACK,
    ) -> None:
        """A straight line."""
        ends = [(round(x * self.scale), round(y * self.scale)) for x, y in ((x0, y0), (x1, y1))]
        cv2.line(self.image, ends[0], ends[1], colour, max(1, round(weight * self.scale)))

    def frame(self, box: Box, weight: float = 0.7, colour: Colour = BLACK) -> None:
        """The outline of a rectangle."""
        top_left, bottom_right = self._corners(box)
        thickness = max(1, round(weight * self.scale))
        cv2.rectangle(self.image, top_left, bottom_right, colour, thickness)

    def fill(self, box: Box, colour: Colour) -> None:
        """A filled rectangle."""
        top_left, bottom_right = self._corners(box)
        cv2.rectangle(self.image, top_left, bottom_right, colour, -1)

    def circle(self, x: float, y: float, radius: float, weight: float = 0.7) -> None:
        """The outline of a circle about (x, y)."""
        centre = (round(x * self.scale), round(y * self.scale))
        thickness = max(1, round(weight * self.scale))
        reach = max(2, round(radius * self.scale))
        cv2.circle(self.image, centre, reach, BLACK, thickness, cv2.LINE_AA)

    def pixels(self, box: Box) -> Box:
        """A box in points, in pixels."""
        x, y, w, h = (value * self.scale for value in box)
        return (x, y, w, h)

    def _corners(self, box: Box) -> tuple[tuple[int, int], tuple[int, int]]:
        x, y, w, h = self.pixels(box)
        return (round(x), round(y)), (round(x + w), round(y + h))
