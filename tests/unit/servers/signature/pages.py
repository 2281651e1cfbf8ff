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
    """Scrawl loops that die away, in one pen stroke, in place."""
    rng = np.random.default_rng(seed)
    time = np.linspace(0, 1, 400)
    turn = 2 * np.pi * (7.5 + rng.uniform(-0.5, 0.5)) * time
    swing = np.exp(-1.6 * time) * np.sin(turn)
    loops = 0.05 * np.cos(turn)
    x = np.clip(0.04 + 0.9 * time + loops, 0, 1)
    y = np.clip(0.5 - 0.5 * swing + 0.1 * (time - 0.5), 0, 1)
    points = np.column_stack([scrawl.left + x * scrawl.width, scrawl.top + y * scrawl.height])
    cv2.polylines(image, [np.round(points * 16).astype(np.int32)], False, 25, 3, cv2.LINE_AA, 4)
