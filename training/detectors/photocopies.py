"""Whole pages as copiers and scanners leave them, shrunk to the network's canvas with labels."""

from functools import lru_cache
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from training.detectors.samples import Pixels
from training.detectors.sheet import LabelledPage, Rect
from training.detectors.strokes import Random

VISIBLE = 0.7
"""Share of a signature that must lie on the canvas to count as one."""


@lru_cache(maxsize=1)
def _grain_tile() -> Pixels:
    """Standard normal noise, drawn once: page-sized noise is cut from it."""
    return np.random.default_rng(0).standard_normal((3000, 3000), np.float32)


def grain(shape: tuple[int, ...], rng: Random) -> Pixels:
    """Noise (h, w) of at most 2400 x 2400 pixels."""
    y, x = rng.integers(0, 600, 2)
    return _grain_tile()[y : y + shape[0], x : x + shape[1]]


def one_bit(image: NDArray[np.uint8], rng: Random) -> NDArray[np.uint8]:
    """Black and white at the page's own resolution: strokes broken or fat, specks of dirt."""
    work: NDArray[Any] = image.astype(np.float32)
    if rng.random() < 0.6:
        work = cv2.GaussianBlur(work, (0, 0), rng.uniform(0.5, 1.3))
    spread = rng.uniform(5, 40) if rng.random() < 0.6 else 0.0
    work = work + np.float32(spread) * grain(work.shape, rng)
    out = np.where(work > rng.uniform(155, 238 - 2 * spread), 255, 0).astype(np.uint8)
    if rng.random() < 0.4:
        specks = (grain(out.shape, rng) > rng.uniform(3.1, 4.2)).astype(np.uint8)
        size = int(rng.integers(1, 4))
        out[cv2.dilate(specks, np.ones((size, size), np.uint8)) > 0] = 0
    return out


def dirty_strip(image: NDArray[np.uint8], rng: Random) -> None:
    """Dense dirt along one side, as where a copier's lid stood open; in place."""
    height, width = image.shape
    depth = int(rng.uniform(0.005, 0.07) * height)
    turned = np.rot90(image, int(rng.integers(4)))
    strip = turned[:depth]
    coarse = rng.random((depth // 2 + 1, turned.shape[1] // 2 + 1), np.float32)
    noise = cv2.resize(coarse, (turned.shape[1], depth), interpolation=cv2.INTER_LINEAR)
    fall = np.linspace(rng.uniform(0.4, 1), rng.uniform(0, 0.3), depth, dtype=np.float32)[:, None]
    lumps = rng.random((1, max(2, width // 150)), np.float32)
    along = cv2.resize(lumps, (turned.shape[1], 1), interpolation=cv2.INTER_CUBIC)
    strip[noise < fall * along] = 0


def black_surround(page: LabelledPage, rng: Random) -> LabelledPage:
    """The page on a larger dark bed, as where a scanner saw more than the paper."""
    height, width = page.image.shape
    most = np.array([height, width, height, width]) * rng.choice([0.02, 0.06, 0.2])
    top, left, bottom, right = (int(side * rng.random()) for side in most)
    dark = rng.uniform(0, 40)
    image = np.full((top + height + bottom, left + width + right), dark, np.uint8)
    for side in (image[:top], image[:, :left], image[top + height :], image[:, left + width :]):
        if rng.random() < 0.3:
            side[:] = 255
    image[top : top + height, left : left + width] = page.image
    if rng.random() < 0.5:
        edge = int(rng.integers(2, 9))
        frame = (left, top), (left + width, top + height)
        cv2.rectangle(image, *frame, int(rng.integers(0, 60)), edge)

    def moved(rects: list[Rect]) -> list[Rect]:
        return [(x + left, y + top, w, h) for x, y, w, h in rects]

    return LabelledPage(image, [], moved(page.signatures), moved(page.ignore))


def place(
    page: LabelledPage, rng: Random, canvas: tuple[int, int], enlarge: tuple[float, float]
) -> tuple[Pixels, list[Rect], list[Rect]]:
    """The page scaled, turned a little and laid on a canvas, anywhere that it fits or sticks out.

    Args:
        canvas: height and width.
        enlarge: least and greatest scale; 1 fits the page's long side to the canvas.

    Returns:
        The canvas, its signatures, and where nothing is known.
    """
    height, width = page.image.shape
    fit = min(canvas[0] / height, canvas[1] / width)
    scale = fit * float(np.exp(rng.uniform(*np.log(enlarge))))
    small = cv2.resize(page.image, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    squeeze = float(rng.uniform(0.93, 1.07))
    angle = float(np.clip(rng.normal(0, 1.0), -3, 3)) if rng.random() < 0.5 else 0.0
    turn = cv2.getRotationMatrix2D((small.shape[1] / 2, small.shape[0] / 2), angle, 1)
    matrix = np.asarray(turn, np.float64)
    matrix[0] *= squeeze
    spare = np.array([canvas[1] - small.shape[1] * squeeze, canvas[0] - small.shape[0]])
    matrix[:, 2] += spare * rng.random(2)
    paper = 255.0 if rng.random() < 0.8 else float(rng.uniform(0, 60))
    image = cv2.warpAffine(
        small, matrix, canvas[::-1], flags=cv2.INTER_LINEAR, borderValue=(paper,)
    )
    whole = matrix.copy()
    whole[:, :2] *= scale
    signatures: list[Rect] = []
    unknown: list[Rect] = []
    for rect in page.signatures:
        seen = _clipped(_moved(rect, whole, scale, squeeze), canvas)
        full = rect[2] * rect[3] * scale * scale * squeeze
        if seen is not None:
            (signatures if seen[2] * seen[3] > VISIBLE * full else unknown).append(seen)
    unknown += [_moved(rect, whole, scale, squeeze) for rect in page.ignore]
    return np.asarray(image, np.float32), signatures, unknown


def _moved(rect: Rect, matrix: NDArray[np.float64], scale: float, squeeze: float) -> Rect:
    """Where a rectangle comes to lie, its tilt disregarded."""
    x, y = matrix @ np.array([rect[0] + rect[2] / 2, rect[1] + rect[3] / 2, 1.0])
    w, h = rect[2] * scale * squeeze, rect[3] * scale
    return float(x - w / 2), float(y - h / 2), w, h


def _clipped(rect: Rect, canvas: tuple[int, int]) -> Rect | None:
    """The part of a rectangle on the canvas; None when it is a sliver."""
    x0, y0 = max(rect[0], 0.0), max(rect[1], 0.0)
    x1, y1 = min(rect[0] + rect[2], canvas[1]), min(rect[1] + rect[3], canvas[0])
    return (x0, y0, x1 - x0, y1 - y0) if x1 - x0 > 4 and y1 - y0 > 4 else None
