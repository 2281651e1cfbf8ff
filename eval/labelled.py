"""Labelled pages with boxes on them, set upright.

A set is a folder with `labels.jsonl`, a JSON object a line: `file`, and what is labelled, as
rectangles x, y, width, height in pixels of the file. A page that lies on its side or head
(`orientation`, clockwise degrees) is turned upright and its rectangles with it; one that was
squeezed into a square (`stretched`) gets the shape of a Letter page back.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from eval.selection import Label, PartOf, read_labels
from eval.split import Part, part_of
from meshkit.geometry import Points
from meshkit.model import Image

Rects = NDArray[np.float64]
"""(n, 4) x, y, width, height, counted from the outer edge of the page's first pixel."""

LETTER_ASPECT = 11 / 8.5


@dataclass(frozen=True, slots=True)
class Truth:
    """What is labelled on a page.

    Attributes:
        items: each with its `bbox`.
        rects: (n, 4) rectangles of the items.
        ignore: (m, 4) rectangles where neither hit nor false alarm counts.
        complete: False when there may be more than is labelled.
    """

    items: list[dict[str, Any]]
    rects: Rects
    ignore: Rects
    complete: bool


@dataclass(frozen=True, slots=True)
class LabelledPage:
    """A page, upright.

    Attributes:
        file: its name in the set.
        image: grey.
        truth: in the pixels of `image`.
    """

    file: str
    image: Image
    truth: Truth


def read_pages(
    folder: Path,
    key: str,
    limit: int | None = None,
    part: Part | None = None,
    part_of: PartOf = part_of,
) -> Iterator[LabelledPage]:
    """Pages of a set that carry `key` (`checkboxes`, `signatures`), selected by `read_labels`.

    Raises:
        FileNotFoundError: the set or one of its images is not there.
    """
    for label in read_labels(
        folder, lambda label: key in label, part=part, limit=limit, part_of=part_of
    ):
        yield _open(folder, label, key)


def truth_of(label: Label, key: str) -> Truth:
    """What is labelled on a page, in the pixels of its file."""
    items = label[key]
    return Truth(
        items,
        _rects([item["bbox"] for item in items]),
        _rects(label.get("ignore", [])),
        label.get(f"{key}_complete", True),
    )


def _open(folder: Path, label: Label, key: str) -> LabelledPage:
    image = cv2.imread(str(folder / label["file"]), cv2.IMREAD_GRAYSCALE)
    if image is None:
        raise FileNotFoundError(folder / label["file"])
    truth = truth_of(label, key)
    rects, ignore = truth.rects, truth.ignore
    if label.get("stretched"):
        taller = LETTER_ASPECT * image.shape[1] / image.shape[0]
        image = cv2.resize(image, None, fx=1, fy=taller, interpolation=cv2.INTER_LINEAR)
        rects, ignore = rects * (1, taller, 1, taller), ignore * (1, taller, 1, taller)
    quarters = round((label.get("orientation") or 0) / 90) % 4
    height, width = image.shape
    turned = replace(
        truth,
        rects=_turned(rects, quarters, width, height),
        ignore=_turned(ignore, quarters, width, height),
    )
    upright = np.ascontiguousarray(np.rot90(image, quarters), np.uint8)
    return LabelledPage(label["file"], upright, turned)


def _rects(boxes: list[list[float]]) -> Rects:
    return np.array(boxes, np.float64).reshape(-1, 4)


def _turned(rects: Rects, quarters: int, width: int, height: int) -> Rects:
    """Rectangles after the page was turned counter-clockwise by quarters."""
    for _ in range(quarters):
        x, y, w, h = rects.T
        rects = np.column_stack([y, width - x - w, h, w])
        width, height = height, width
    return rects


def bounds(quads: list[Points]) -> Rects:
    """Rectangles (n, 4) around quads whose points count from the middle of the first pixel."""
    if not quads:
        return np.zeros((0, 4))
    corners = np.stack(quads) + 0.5
    low, high = corners.min(axis=1), corners.max(axis=1)
    return np.column_stack([low, high - low])
