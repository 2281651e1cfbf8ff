"""Letters that the tests draw and sign themselves."""

from dataclasses import dataclass

import cv2
import numpy as np
from PIL import Image as Pillow
from PIL import ImageDraw, ImageFont

from meshkit.model import Image

SENTENCES = (
    "Thank you for your letter of the 14th, which reached us on Monday.",
    "We have asked the office to send the forms to your new address.",
    "The remaining amount will be paid in three parts from next month.",
    "Please keep a copy of this page with your other records.",
)


@dataclass(frozen=True, slots=True)
class Scrawl:
    """Where a letter is signed: left, top, width, height in pixels."""

    left: int
    top: int
    width: int
    height: int


def letter(
    *scrawls: Scrawl, width: int = 1275, height: int = 1650, size: int = 24, lines: int = 22
) -> Image:
    """A grey page of text with room below it, signed where asked; 150 dpi by default."""
    page = Pillow.new("L", (width, height), 255)
    pen = ImageDraw.Draw(page)
    font = ImageFont.load_default(size)
    for index in range(lines):
        y = 80 + int(index * size * 1.7)
        pen.text((110, y), SENTENCES[index % len(SENTENCES)], fill=20, font=font)
    image = np.asarray(page, np.uint8).copy()
    for seed, scrawl in enumerate(scrawls):
        sign(image, scrawl, seed)
    return image


def sign(image: Image, scrawl: Scrawl, seed: int = 0) -> None:
    """Scrawl looped initials, letters that get lower and a stroke back under them, in place."""
    rng = np.random.default_rng(seed)
    count = int(rng.integers(11, 15))
    x = np.linspace(0.24, 0.9, count) + rng.uniform(-0.02, 0.02, count)
    heights = np.linspace(0.55, 0.2, count) * rng.uniform(0.5, 1.2, count)
    y = np.where(np.arange(count) % 2, 0.75 - heights, 0.75 + rng.uniform(-0.05, 0.1, count))
    x = np.concatenate([[0.02, 0.16, 0.05, 0.25, 0.03, 0.17], x, [0.98, 0.2]])
    y = np.concatenate([[0.7, -0.1, 1.1, 0.2, 0.35, 0.6], y, [0.85, 0.95]])
    # A pen rounds corners: many points between the turns, smoothed.
    time = np.linspace(0, len(x) - 1, 30 * len(x))
    turns = np.column_stack([np.interp(time, np.arange(len(x)), values) for values in (x, y)])
    path = cv2.GaussianBlur(turns, (1, 0), 1, sigmaY=9, borderType=cv2.BORDER_REPLICATE)
    points = path * (scrawl.width, scrawl.height) + (scrawl.left, scrawl.top)
    cv2.polylines(image, [np.round(points * 16).astype(np.int32)], False, 25, 3, cv2.LINE_AA, 4)
