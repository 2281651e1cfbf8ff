"""Putting ink on a page: print, handwriting, ticks and signatures, from a seeded generator.

A page is a BGR uint8 image; coordinates are its pixels, boxes are (x, y, width, height).
"""

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image as PilImage
from PIL import ImageDraw, ImageFont

Page = NDArray[np.uint8]
Box = tuple[float, float, float, float]
Colour = tuple[int, int, int]

FONTS = Path(__file__).parent / "fonts"
PRINTED = ("arimo", "tinos", "cousine", "barlow-condensed", "roboto-slab")
HANDWRITTEN = (
    "caveat",
    "patrick-hand",
    "homemade-apple",
    "shadows-into-light",
    "indie-flower",
    "reenie-beanie",
    "cedarville-cursive",
)
BLACK: Colour = (25, 22, 20)
BLUE_PEN: Colour = (150, 60, 25)
BLACK_PEN: Colour = (55, 45, 45)
TICK_STYLES = ("check", "cross", "slash", "scribble", "filled")


@dataclass(frozen=True, slots=True)
class Word:
    """A word and where its ink is."""

    text: str
    box: Box


@lru_cache(maxsize=512)
def font(name: str, size: int, bold: bool = False) -> ImageFont.FreeTypeFont:
    """A font of `training/fonts` with an em of `size` pixels."""
    weight = 700 if bold else 400
    return ImageFont.truetype(str(FONTS / f"{name}-latin-{weight}-normal.woff"), size)


def write(
    page: Page,
    text: str,
    left: float,
    baseline: float,
    face: ImageFont.FreeTypeFont,
    colour: Colour = BLACK,
) -> list[Word]:
    """Write one line in place, word by word, and tell where each word's ink is."""
    words = []
    pen = left
    for part in text.split(" "):
        if part:
            x0, y0, x1, y1 = face.getbbox(part, anchor="ls")
            _stamp(page, part, pen, baseline, face, colour)
            words.append(Word(part, (pen + x0, baseline + y0, x1 - x0, y1 - y0)))
        pen += face.getlength(part + " ")
    return words


def write_by_hand(
    page: Page,
    text: str,
    box: Box,
    face_name: str,
    rng: np.random.Generator,
    colour: Colour = BLUE_PEN,
) -> list[Word]:
    """Write into a field's box as a hand does, a little uneven; shrunk until it fits."""
    x, y, width, height = box
    size = int(np.clip(height * rng.uniform(0.95, 1.2), 12, 90))
    while size > 10 and font(face_name, size).getlength(text) > width * 0.98:
        size -= 1
    face = font(face_name, size)
    pen = x + min(width * 0.04, size * 0.4) * rng.uniform(0.5, 1.5)
    baseline = y + height * rng.uniform(0.72, 0.86)
    slope = rng.uniform(-0.012, 0.012)
    words: list[Word] = []
    for part in text.split(" "):
        words += write(page, part, pen, baseline + rng.uniform(-0.04, 0.04) * size, face, colour)
        advance = face.getlength(part + " ") * rng.uniform(0.95, 1.05)
        pen, baseline = pen + advance, baseline + slope * advance
    return words


def draw_tick(
    page: Page, box: Box, style: str, rng: np.random.Generator, colour: Colour = BLUE_PEN
) -> None:
    """Mark a box by hand in one of `TICK_STYLES`; the mark may overshoot the outline."""
    x, y, width, height = box
    strokes = [np.asarray(stroke) for stroke in _TICKS[style](rng)]
    thickness = max(1, round(min(width, height) * rng.uniform(0.09, 0.15)))
    for stroke in strokes:
        points = stroke + rng.normal(0, 0.035, stroke.shape)
        draw_stroke(page, points * (width, height) + (x, y), thickness, colour)


def draw_signature(
    page: Page, box: Box, rng: np.random.Generator, colour: Colour = BLUE_PEN
) -> Box:
    """Draw an invented signature inside `box`: capital loops, a wave that runs out, a flourish.

    Returns:
        The box around its ink.
    """
    x, y, width, height = box
    strokes = [_capital(0.02, rng), _wave(0.16, 0.55, rng), _capital(0.5, rng)]
    strokes.append(_wave(0.62, 0.97, rng))
    if rng.random() < 0.7:
        strokes.append(np.array([[0.95, 0.72], [0.6, 0.9], [0.2, 0.88], [0.45, 0.8], [0.99, 0.76]]))
    slant = rng.uniform(0.05, 0.3)
    thickness = max(1, round(height * rng.uniform(0.025, 0.045)))
    inked = []
    for stroke in strokes:
        points = stroke.copy()
        points[:, 0] += slant * (0.6 - points[:, 1]) * height / width
        points = np.clip(points, 0.01, 0.99) * (width, height) + (x, y)
        inked.append(draw_stroke(page, points, thickness, colour))
    ink = np.concatenate(inked)
    (left, top), (right, bottom) = ink.min(axis=0), ink.max(axis=0)
    return (float(left), float(top), float(right - left), float(bottom - top))


def draw_stroke(
    page: Page, points: NDArray[np.float64], thickness: int, colour: Colour
) -> NDArray[np.float64]:
    """Draw a smooth pen stroke through the points (n, 2); return the curve (m, 2)."""
    curve = _catmull_rom(points)
    scale = 16
    fixed = np.round(curve * scale).astype(np.int32)
    cv2.polylines(page, [fixed], False, colour, thickness, cv2.LINE_AA, shift=4)
    return curve


def _stamp(
    page: Page,
    text: str,
    left: float,
    baseline: float,
    face: ImageFont.FreeTypeFont,
    colour: Colour,
) -> None:
    """Ink text onto the page. What lies outside the page is cut."""
    x0, y0, x1, y1 = face.getbbox(text, anchor="ls")
    pad = 2
    mask = PilImage.new("L", (int(x1 - x0) + 2 * pad, int(y1 - y0) + 2 * pad), 0)
    ImageDraw.Draw(mask).text((pad - x0, pad - y0), text, fill=255, font=face, anchor="ls")
    alpha = np.asarray(mask, dtype=np.float32)[..., None] / 255
    top, start = round(baseline + y0) - pad, round(left + x0) - pad
    rows = slice(max(top, 0), min(top + alpha.shape[0], page.shape[0]))
    columns = slice(max(start, 0), min(start + alpha.shape[1], page.shape[1]))
    if rows.start >= rows.stop or columns.start >= columns.stop:
        return
    alpha = alpha[rows.start - top : rows.stop - top, columns.start - start : columns.stop - start]
    under = page[rows, columns].astype(np.float32)
    page[rows, columns] = (under * (1 - alpha) + np.asarray(colour, np.float32) * alpha).astype(
        np.uint8
    )


def _catmull_rom(points: NDArray[np.float64], steps: int = 14) -> NDArray[np.float64]:
    """A curve through all points (E. Catmull, R. Rom, 1974)."""
    padded = np.vstack([points[:1], points, points[-1:]])
    t = np.linspace(0, 1, steps, endpoint=False)[:, None]
    pieces = []
    for i in range(len(points) - 1):
        a, b, c, d = padded[i : i + 4]
        pieces.append(
            0.5
            * (
                2 * b
                + (c - a) * t
                + (2 * a - 5 * b + 4 * c - d) * t**2
                + (3 * (b - c) + d - a) * t**3
            )
        )
    return np.vstack([*pieces, points[-1:]])


def _check(rng: np.random.Generator) -> list[NDArray[np.float64]]:
    reach = rng.uniform(1.0, 1.45)
    return [np.array([[0.12, 0.5], [0.42, 0.86], [reach, 1 - reach]])]


def _cross(rng: np.random.Generator) -> list[NDArray[np.float64]]:
    over = rng.uniform(0.0, 0.18)
    low, high = -over, 1 + over
    return [np.array([[low, low], [high, high]]), np.array([[high, low], [low, high]])]


def _slash(rng: np.random.Generator) -> list[NDArray[np.float64]]:
    over = rng.uniform(0.0, 0.25)
    return [np.array([[-over, 1 + over], [1 + over, -over]])]


def _scribble(rng: np.random.Generator) -> list[NDArray[np.float64]]:
    turns = int(rng.integers(5, 9))
    x = np.linspace(0.1, 0.9, turns)
    y = np.where(np.arange(turns) % 2 == 0, 0.12, 0.88)
    return [np.column_stack([x, y])]


def _filled(rng: np.random.Generator) -> list[NDArray[np.float64]]:
    return [*_scribble(rng), *[s[:, ::-1] for s in _scribble(rng)], *_cross(rng)]


_TICKS = {
    "check": _check,
    "cross": _cross,
    "slash": _slash,
    "scribble": _scribble,
    "filled": _filled,
}


def _capital(left: float, rng: np.random.Generator) -> NDArray[np.float64]:
    """A tall loop, in the unit square."""
    w = rng.uniform(0.08, 0.14)
    outline = [
        [0.1, 0.75],
        [0.5, 0.1],
        [0.9, 0.25],
        [0.5, 0.55],
        [0.2, 0.5],
        [0.8, 0.6],
        [1.1, 0.75],
    ]
    points = np.array(outline) + rng.normal(0, 0.09, (7, 2))
    return points * (w, 1) + (left, 0)


def _wave(left: float, right: float, rng: np.random.Generator) -> NDArray[np.float64]:
    """Letters that flatten out from left to right, in the unit square."""
    count = int(rng.integers(9, 15))
    x = np.linspace(left, right, count) + rng.normal(0, 0.012, count)
    fade = np.linspace(1, 0.35, count)
    swing = np.where(np.arange(count) % 2 == 0, 0.12, -0.16) * rng.uniform(0.5, 1.3, count)
    tall = (rng.random(count) < 0.18) * -0.28
    return np.column_stack([x, 0.66 + (swing + tall) * fade])
