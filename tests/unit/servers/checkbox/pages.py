"""Forms that the tests draw themselves."""

from dataclasses import dataclass

import numpy as np
from PIL import Image as Pillow
from PIL import ImageDraw, ImageFont

from meshkit.model import Image

SENTENCES = (
    "Every applicant must answer all questions in this section, in ink.",
    "I have read the notes and agree that the office may ask my bank.",
    "The amount on line 14 was paid before the end of the quarter.",
    "Keep a copy of this page with your other records for 7 years.",
)


@dataclass(frozen=True, slots=True)
class Drawn:
    """A box drawn on a form: left, top, width, height in pixels; how it is marked."""

    left: int
    top: int
    width: int
    height: int
    mark: str
    circle: bool = False

    @property
    def checked(self) -> bool:
        return self.mark != "empty"


def form(
    boxes: list[Drawn] | None = None, *, width: int = 1275, height: int = 1650, size: int = 24
) -> Image:
    """A grey page of text, with boxes between its lines; 150 dpi by default."""
    page = Pillow.new("L", (width, height), 255)
    pen = ImageDraw.Draw(page)
    font = ImageFont.load_default(size)
    boxes = boxes or []
    taken = [(box.top - size, box.top + box.height + size) for box in boxes]
    for index, y in enumerate(range(60, height - 80, int(size * 1.6))):
        if not any(top < y + size and y < bottom for top, bottom in taken):
            pen.text((80, y), SENTENCES[index % len(SENTENCES)], fill=20, font=font)
    for index, box in enumerate(boxes):
        draw_box(pen, box)
        label = ("Yes", "No", "Married", "Other")[index % 4]
        pen.text((box.left + box.width + 12, box.top), label, fill=20, font=font)
    return np.asarray(page, np.uint8).copy()


def draw_box(pen: ImageDraw.ImageDraw, box: Drawn) -> None:
    """A box and its mark."""
    right, bottom = box.left + box.width - 1, box.top + box.height - 1
    outline = (box.left, box.top, right, bottom)
    if box.circle:
        pen.ellipse(outline, outline=30, width=2)
    else:
        pen.rectangle(outline, outline=30, width=2)
    inset = box.width // 5
    if box.mark == "cross":
        pen.line((box.left + inset, box.top + inset, right - inset, bottom - inset), 20, 3)
        pen.line((box.left + inset, bottom - inset, right - inset, box.top + inset), 20, 3)
    elif box.mark == "tick":
        middle = (box.left + box.width * 2 // 5, bottom - inset)
        pen.line((box.left + inset, box.top + box.height // 2, *middle), 20, 3)
        pen.line((*middle, right + inset, box.top - inset), 20, 3)
    elif box.mark == "fill":
        pen.rectangle((box.left + inset, box.top + inset, right - inset, bottom - inset), fill=20)


def rows_of_boxes(size: int) -> list[Drawn]:
    """Twelve boxes in three rows, each row with every kind of mark, in reading order."""
    marks = ("tick", "empty", "cross", "fill")
    return [
        Drawn(120 + 280 * column, 300 + 400 * row, size, size, mark)
        for row in range(3)
        for column, mark in enumerate(marks)
    ]
