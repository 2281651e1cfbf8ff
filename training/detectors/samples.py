"""Crops of labelled pages, scanned badly on purpose, for training."""

import math
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from training.detectors.sheet import LabelledPage, Rect
from training.detectors.strokes import Random

Pixels = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class View:
    """A square crop of a page, turned and scaled.

    Attributes:
        image: (side, side) grey, 0 to 255.
        matrix: (2, 3) from page pixels to crop pixels.
        scale: crop pixels in a page pixel.
    """

    image: Pixels
    matrix: NDArray[np.float64]
    scale: float

    def place(self, rect: Rect) -> Rect:
        """Where a page rectangle lies in the crop, its tilt disregarded."""
        centre = self.matrix @ np.array([rect[0] + rect[2] / 2, rect[1] + rect[3] / 2, 1.0])
        width, height = rect[2] * self.scale, rect[3] * self.scale
        return float(centre[0] - width / 2), float(centre[1] - height / 2), width, height


def take_view(
    page: LabelledPage, rng: Random, around: list[Rect], side: int, long_side: int, near: float
) -> View:
    """A crop of `side` pixels from the page as if its long side had `long_side` pixels.

    With the chance `near` it lies near one of the rectangles `around`. Scale varies by a factor of
    1.5 either way and the page is turned by up to 3 degrees.
    """
    height, width = page.image.shape
    scale = long_side / max(height, width) * math.exp(rng.uniform(-0.4, 0.4))
    if around and rng.random() < near:
        x, y, w, h = around[int(rng.integers(len(around)))]
        reach = 0.4 * side / scale
        centre = np.array([x + w / 2, y + h / 2]) + rng.uniform(-reach, reach, 2)
    else:
        centre = rng.uniform(0, 1, 2) * (width, height)
    angle = float(np.clip(rng.normal(0, 1.0), -3, 3)) if rng.random() < 0.5 else 0.0
    turn = cv2.getRotationMatrix2D((float(centre[0]), float(centre[1])), angle, scale)
    matrix = np.asarray(turn, np.float64)
    matrix[:, 2] = matrix[:, 2] + side / 2 - centre
    source, local = _nearby(page.image, matrix, side, scale)
    flags = cv2.INTER_LINEAR if scale < 1 else cv2.INTER_CUBIC
    crop = cv2.warpAffine(source, local, (side, side), flags=flags, borderValue=(255.0,))
    return View(np.asarray(crop, np.float32), matrix, scale)


def _nearby(
    image: NDArray[np.uint8], matrix: NDArray[np.float64], side: int, scale: float
) -> tuple[NDArray[np.uint8], NDArray[np.float64]]:
    """The page shrunk (by area) to about the crop's scale first, so that thin lines survive."""
    if scale > 0.75:
        return image, matrix
    corners = np.array([[0, 0, 1], [side, 0, 1], [0, side, 1], [side, side, 1]], float)
    inverse = cv2.invertAffineTransform(matrix)
    points = corners @ inverse.T
    low = np.clip(np.floor(points.min(axis=0)) - 4, 0, None).astype(int)
    high = np.ceil(points.max(axis=0)).astype(int) + 4
    part = image[low[1] : high[1], low[0] : high[0]]
    if min(part.shape) < 8:
        return image, matrix
    shrunk = cv2.resize(part, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    ratio = np.array([shrunk.shape[1] / part.shape[1], shrunk.shape[0] / part.shape[0]])
    local = matrix.copy()
    local[:, 2] = matrix[:, :2] @ low + matrix[:, 2]
    local[:, :2] = matrix[:, :2] / ratio
    return np.asarray(shrunk, np.uint8), local


def shadow_edge(image: Pixels, rng: Random, keep: list[Rect]) -> Pixels:
    """Now and then a black band along one side of the crop, as where a scanner saw no paper.

    No band is laid over the rectangles to keep.
    """
    if rng.random() > 0.15:
        return image
    depth, slope, quarters = rng.uniform(0.03, 0.6), rng.normal(0, 0.03), int(rng.integers(4))
    height, side = image.shape[::-1] if quarters % 2 else image.shape
    band = np.zeros((height, side), np.uint8)
    depth, slope = depth * min(height, side), slope * side
    points = np.array([[0, 0], [side, 0], [side, depth + slope], [0, depth - slope]])
    cv2.fillPoly(band, [points.astype(np.int32)], 1)
    band = np.rot90(band, quarters)
    for x, y, w, h in keep:
        if band[
            max(0, int(y)) : max(0, int(y + h) + 1), max(0, int(x)) : max(0, int(x + w) + 1)
        ].any():
            return image
    return np.where(band > 0, np.float32(rng.uniform(0, 50)), image)


def wear(image: Pixels, rng: Random) -> Pixels:
    """The crop (or page) as a bad scanner, copier or fax would have left it; in 0 to 255."""
    height, width = image.shape
    worn: NDArray[Any] = image
    if rng.random() < 0.3:
        coarse = rng.uniform(0.45, 0.95)
        worn = cv2.resize(worn, None, fx=coarse, fy=coarse, interpolation=cv2.INTER_AREA)
        worn = cv2.resize(worn, (width, height), interpolation=cv2.INTER_CUBIC)
    if rng.random() < 0.2:
        kernel = np.ones((2, 2) if rng.random() < 0.7 else (3, 3), np.uint8)
        worn = (cv2.erode if rng.random() < 0.7 else cv2.dilate)(worn, kernel)
    if rng.random() < 0.4:
        worn = cv2.GaussianBlur(worn, (0, 0), rng.uniform(0.3, 1.2))
    if rng.random() < 0.6:
        worn = 255 - (255 - worn) * rng.uniform(0.45, 1.1) - rng.uniform(0, 35)
    if rng.random() < 0.2:
        start, end = rng.uniform(0.6, 1), rng.uniform(0.6, 1)
        along = np.linspace(start, end, width if rng.random() < 0.5 else height, dtype=np.float32)
        worn = worn * (along if len(along) == width else along[:, None])
    if rng.random() < 0.5:
        worn = worn + rng.standard_normal(worn.shape, np.float32) * rng.uniform(0, 22)
    if rng.random() < 0.3:
        worn = _binarise(np.asarray(worn, np.float32), rng)
    worn = np.clip(worn, 0, 255)
    if rng.random() < 0.3:
        worn = _compressed(worn, int(rng.integers(25, 85)))
    return np.asarray(worn, np.float32)


def _compressed(image: NDArray[Any], quality: int) -> NDArray[Any]:
    """The image after JPEG."""
    _, data = cv2.imencode(".jpg", image.astype(np.uint8), [cv2.IMWRITE_JPEG_QUALITY, quality])
    return np.asarray(cv2.imdecode(data, cv2.IMREAD_GRAYSCALE))


def _binarise(image: Pixels, rng: Random) -> Pixels:
    """One bit a pixel, with specks; half of the time softened as by a later resize."""
    level = rng.uniform(0.45, 0.8) * float(np.percentile(image, 95))
    image = np.where(image > level, 255.0, 0.0).astype(np.float32)
    specks = rng.random(image.shape, np.float32)
    amount = rng.uniform(0, 0.004)
    image[specks < amount] = 0
    image[specks > 1 - amount] = 255
    if rng.random() < 0.5:
        image = np.asarray(cv2.GaussianBlur(image, (0, 0), rng.uniform(0.3, 0.8)), np.float32)
    return image
