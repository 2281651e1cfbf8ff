"""Pages of text drawn with the font that ReportLab carries, with the place of every word."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import reportlab
from numpy.typing import NDArray
from PIL import Image as Pictures
from PIL import ImageDraw, ImageFont

from meshkit.model import Image

FONT = Path(reportlab.__file__).parent / "fonts" / "Vera.ttf"

PARAGRAPH = (
    "Application for a fishing licence",
    "Name of the applicant: Dorothy Vaughan",
    "Street and number: 1742 Harbour Road",
    "Licence fee paid on 14 March 2019",
    "All answers are true and complete",
)


@dataclass(frozen=True)
class DrawnWord:
    """A word and the box of its ink: left, top, right, bottom in pixels, all inclusive."""

    text: str
    box: tuple[int, int, int, int]


def draw(
    lines: Sequence[str],
    *,
    size: int = 28,
    width: int = 850,
    height: int = 600,
    origin: tuple[int, int] = (60, 60),
) -> tuple[Image, list[DrawnWord]]:
    """A grey page with one line of text below the other, word by word."""
    page: Image = np.full((height, width), 255, np.uint8)
    font = ImageFont.truetype(FONT, size)
    space = font.getlength("n")
    words = []
    for row, line in enumerate(lines):
        x, y = float(origin[0]), origin[1] + row * size * 2
        for text in line.split():
            ink = _ink(text, font, (x, y), (width, height))
            page = np.minimum(page, ink)
            rows, columns = np.nonzero(ink < 128)
            box = (columns.min(), rows.min(), columns.max(), rows.max())
            words.append(DrawnWord(text, tuple(map(int, box))))  # type: ignore[arg-type]
            x += font.getlength(text) + space
    return page, words


def _ink(
    text: str, font: ImageFont.FreeTypeFont, at: tuple[float, float], size: tuple[int, int]
) -> NDArray[np.uint8]:
    picture = Pictures.new("L", size, 255)
    ImageDraw.Draw(picture).text(at, text, fill=0, font=font)
    return np.asarray(picture, np.uint8)
