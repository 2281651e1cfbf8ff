"""Where the lines of text are: a DB network's probability map, and boxes around its blobs.

Source: Liao et al., "Real-time Scene Text Detection with Differentiable Binarization" (AAAI 2020).
The network marks the core of each line; a box around the core is grown back to the line's full
size by the ratio that the network was trained with.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import cv2
import numpy as np
from numpy.typing import NDArray

from meshkit.model import Image
from servers.ocr.domain import Quad

STRIDE = 32
"""The network halves its input five times: both sides are multiples of this."""

SMALLEST_AREA = 1 / 3
LONGEST = 8

_MEAN = np.array([0.485, 0.456, 0.406], np.float32) * 255
_DEVIATION = np.array([0.229, 0.224, 0.225], np.float32) * 255


class Network(Protocol):
    """Images (3, height, width), float32, to their text maps (height, width) in [0, 1]."""

    def __call__(self, tensors: Sequence[NDArray[np.float32]], /) -> list[NDArray[np.float32]]: ...


@dataclass(frozen=True, slots=True)
class DetectionSettings:
    """How a text map becomes boxes.

    Attributes:
        long_side: larger pages are shrunk to this many pixels along their long side (narrow
            strips less, so that their text stays legible).
        scale: and every page to this part of its size then.
        pixel_threshold: a pixel of the map above this belongs to a blob.
        box_threshold: blobs with a lower mean are dropped.
        growth: how much a blob's box grows: distance = area * growth / perimeter.
        smallest_side: blobs thinner than this many map pixels are dropped.
    """

    long_side: int = 1216
    scale: float = 1.0
    pixel_threshold: float = 0.3
    box_threshold: float = 0.5
    growth: float = 1.6
    smallest_side: float = 3.0


def find_lines(
    pages: Sequence[Image], network: Network, settings: DetectionSettings
) -> list[list[Quad]]:
    """Boxes of the lines of text on each of some grey or BGR pages, in no particular order.

    Corners may lie outside the page by the growth of a box at its edge.
    """
    tensors = [_as_tensor(page, settings) for page in pages]
    found = []
    for page, text_map in zip(pages, network(tensors), strict=True):
        scale = np.array(page.shape[1::-1]) / text_map.shape[::-1]
        quads = boxes_of_map(text_map, settings)
        found.append([(quad + 0.5) * scale - 0.5 for quad in quads])
    return found


def _as_tensor(image: Image, settings: DetectionSettings) -> NDArray[np.float32]:
    height, width = image.shape[:2]
    map_width, map_height = map_size(width, height, settings.long_side, settings.scale)
    shrinks = map_width < width or map_height < height
    resized = cv2.resize(
        image,
        (map_width, map_height),
        interpolation=cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR,
    )
    tensor = np.array(planes(resized), np.float32, order="C")
    tensor -= _MEAN[:, None, None]
    tensor /= _DEVIATION[:, None, None]
    return tensor


def planes(image: NDArray[Any]) -> NDArray[Any]:
    """A view (3, height, width) of a grey or BGR image."""
    if image.ndim == 2:
        return np.broadcast_to(image, (3, *image.shape))
    return image.transpose(2, 0, 1)


def map_size(width: int, height: int, long_side: int, scale: float = 1.0) -> tuple[int, int]:
    """Width and height, multiples of `STRIDE`, at which the network sees a page.

    A page is shrunk to `long_side`, but never below a third of that square's area, because a long
    receipt would lose its letters; and a strip is never longer than `LONGEST` long sides. What
    comes of it is shrunk by `scale`.
    """
    longest = max(width, height)
    by_side = long_side / longest
    by_area = (SMALLEST_AREA * long_side**2 / (width * height)) ** 0.5
    ratio = scale * min(1.0, max(by_side, by_area), LONGEST * long_side / longest)
    return _to_stride(width * ratio), _to_stride(height * ratio)


def _to_stride(length: float) -> int:
    return max(STRIDE, round(length / STRIDE) * STRIDE)


def boxes_of_map(text_map: NDArray[np.float32], settings: DetectionSettings) -> list[Quad]:
    """Grown boxes around the blobs of a text map, in the map's pixels."""
    blobs = (text_map > settings.pixel_threshold).astype(np.uint8)
    contours, _ = cv2.findContours(blobs, cv2.RETR_LIST, cv2.CHAIN_APPROX_SIMPLE)
    quads = []
    for contour in contours:
        center, (width, height), angle = cv2.minAreaRect(contour)
        if min(width, height) < settings.smallest_side:
            continue
        if _mean_inside(text_map, contour.astype(np.int32)) < settings.box_threshold:
            continue
        grow = width * height * settings.growth / (width + height)
        rectangle = (center, (width + grow, height + grow), angle)
        quads.append(_from_top_left(cv2.boxPoints(rectangle).astype(np.float64)))
    return quads


def _mean_inside(text_map: NDArray[np.float32], contour: NDArray[np.int32]) -> float:
    x, y, width, height = cv2.boundingRect(contour)
    mask = np.zeros((height, width), np.uint8)
    cv2.fillPoly(mask, [contour - np.array([x, y], np.int32)], 1)
    return float(cv2.mean(text_map[y : y + height, x : x + width], mask)[0])


def _from_top_left(corners: Quad) -> Quad:
    """The same rectangle, clockwise, from the corner whose next edge points most to the right."""
    edges = np.roll(corners, -1, axis=0) - corners
    clockwise = edges[0, 0] * edges[1, 1] - edges[0, 1] * edges[1, 0] > 0
    if not clockwise:
        corners = corners[::-1]
        edges = np.roll(corners, -1, axis=0) - corners
    rightwards = edges[:, 0] / np.maximum(np.linalg.norm(edges, axis=1), 1e-9)
    return np.roll(corners, -int(np.argmax(rightwards)), axis=0)
