"""Pages composed word by word, with the label and the question of every box known."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from orchestrator.reading.layout import Box, Token

HEIGHT, LETTER, SPACE = 20.0, 10.0, 9.0
LINE = 27.0
BOX = 18.0


@dataclass
class Sheet:
    """A page in the making.

    Attributes:
        tokens: its words.
        boxes: its boxes.
        truth: (label, question) of each box; empty where there is none.
    """

    tokens: list[Token] = field(default_factory=list)
    boxes: list[Box] = field(default_factory=list)
    truth: list[tuple[str, str]] = field(default_factory=list)
    lines: int = 0

    def write(self, text: str, left: float, top: float) -> float:
        """Write a line; its right edge."""
        x = left
        for word in text.split():
            right = x + LETTER * len(word)
            area = Box(x, top, right, top + HEIGHT)
            self.tokens.append(Token(word, area, 0.9, self.lines))
            x = right + SPACE
        self.lines += 1
        return x - SPACE

    def box(self, left: float, top: float, label: str, question: str = "") -> None:
        """Draw a box that means this; `top` is that of the text beside it."""
        y = top + (HEIGHT - BOX) / 2
        self.boxes.append(Box(left, y, left + BOX, y + BOX))
        self.truth.append((label, question))


def width(text: str) -> float:
    """Pixels that a line of this text takes."""
    return sum(LETTER * len(word) + SPACE for word in text.split()) - SPACE


def column_right(labels: Sequence[str], question: str = "", top: float = 100) -> Sheet:
    """Options under each other, right of their boxes; the question above them."""
    sheet = Sheet()
    if question:
        sheet.write(question, 80, top - LINE)
    for number, label in enumerate(labels):
        y = top + number * 1.3 * LINE
        sheet.box(80, y, label, question)
        sheet.write(label, 80 + BOX + 10, y)
    return sheet


def column_left(labels: Sequence[str], question: str = "", top: float = 100) -> Sheet:
    """Options under each other, all boxes at one edge right of them."""
    sheet = Sheet()
    edge = 100 + max(map(width, labels))
    if question:
        sheet.write(question, 80, top - LINE)
    for number, label in enumerate(labels):
        y = top + number * 1.3 * LINE
        sheet.write(label, edge - width(label), y)
        sheet.box(edge + 10, y, label, question)
    return sheet


def row_right(labels: Sequence[str], question: str = "", top: float = 100) -> Sheet:
    """Options in a row, right of their boxes; the question before them."""
    sheet, x = Sheet(), 80.0
    if question:
        x = sheet.write(question, x, top) + 60
    for label in labels:
        sheet.box(x, top, label, question)
        x = sheet.write(label, x + BOX + 8, top) + 50
    return sheet


def row_left(labels: Sequence[str], question: str = "", top: float = 100) -> Sheet:
    """Options in a row, left of their boxes; the question before them."""
    sheet, x = Sheet(), 80.0
    if question:
        x = sheet.write(question, x, top) + 60
    for label in labels:
        x = sheet.write(label, x, top) + 8
        sheet.box(x, top, label, question)
        x += BOX + 50
    return sheet


def row_below(labels: Sequence[str], question: str = "", top: float = 100) -> Sheet:
    """Options in a row, each centred under its box."""
    sheet, x = Sheet(), 300.0
    if question:
        sheet.write(question, 80, top - 1.6 * LINE)
    for label in labels:
        sheet.box(x + width(label) / 2 - BOX / 2, top, label)
        sheet.write(label, x, top + 1.0 * LINE)
        x += width(label) + 70
    return sheet


def table(heads: Sequence[str], rows: Sequence[str], top: float = 150) -> Sheet:
    """Questions as rows, answers as columns with headings."""
    sheet = Sheet()
    begin = 100 + max(map(width, rows)) + 60
    step = max(map(width, heads)) + 40
    for number, head in enumerate(heads):
        sheet.write(head, begin + number * step + (BOX - width(head)) / 2, top - 1.6 * LINE)
    for number, row in enumerate(rows):
        y = top + number * 1.5 * LINE
        sheet.write(row, 80, y)
        for place, head in enumerate(heads):
            sheet.box(begin + place * step, y, head, row)
    return sheet
