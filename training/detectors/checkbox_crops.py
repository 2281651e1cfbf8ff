"""Samples for the judge: what the proposing network finds on worn pages, right or wrong."""

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, fields
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from eval.matching import contains, overlaps
from servers.checkbox.crops import crop_boxes
from training.detectors.checkbox_pages import PageMaker, faxed
from training.detectors.samples import shadow_edge, wear
from training.detectors.sheet import BoxLabel, LabelledPage
from training.detectors.strokes import Random
from training.detectors.templates import has_border

Floats = NDArray[np.float64]
Propose = Callable[[NDArray[np.uint8]], tuple[Floats, Floats]]
"""A page to rectangles (n, 4) left, top, right, bottom and chances (n, 3): box, checked, circle."""

RIGHT_IOU, WRONG_IOU = 0.35, 0.15
"""Proposals between both are neither right nor wrong."""
UNKNOWN = -1
MOST_RIGHT, MOST_WRONG = 30, 70
"""Of a page's proposals, so that no page counts for many."""
SHAPES = 25
SHAPE_PX = 6, 90
FAXED_SHARE = 0.25
LONG_SIDE_PX = 800, 3500
SURE = 0.85
"""From this chance on, a proposal with a printed border that no label speaks of is left out: real
forms print boxes that are no fields of the PDF they were labelled by."""


@dataclass(frozen=True, slots=True)
class Samples:
    """n proposals as the judge sees them, with the truth.

    Attributes:
        crops: (n, 2, 48, 48) uint8, as `crop_boxes` makes them.
        chances: (n, 3) of the proposing network: box, checked, circle; 0 where it proposed nothing.
        truth: (n, 3) int8, the same three as 1, 0 or -1 when not known.
    """

    crops: NDArray[np.uint8]
    chances: NDArray[np.float32]
    truth: NDArray[np.int8]

    def save(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        np.savez(path, crops=self.crops, chances=self.chances, truth=self.truth)


def load_samples(folder: Path) -> Samples:
    """All samples saved in a folder's `.npz` files, in the order of their names."""
    parts = [np.load(path) for path in sorted(folder.glob("*.npz"))]
    return Samples(*(np.concatenate([p[field.name] for p in parts]) for field in fields(Samples)))


def join(parts: list[Samples]) -> Samples:
    """Several pages' samples as one."""
    return Samples(
        *(np.concatenate([getattr(p, field.name) for p in parts]) for field in fields(Samples))
    )


def worn_pages(maker: PageMaker, rng: Random) -> Iterator[tuple[LabelledPage, bool]]:
    """Endless pages, badly scanned at any resolution: composed ones, filled and scanned forms.

    Yields: the page, and whether all its boxes are labelled.
    """
    while True:
        which = rng.choice(3, p=(0.6, 0.25, 0.15))
        if which == 2:
            page = maker.scanned[int(rng.integers(len(maker.scanned)))]
            long_side = max(page.image.shape) * rng.uniform(0.6, 1.2)
        else:
            page = maker.composed(rng) if which == 0 else maker.filled(rng)
            long_side = math.exp(rng.uniform(*np.log(LONG_SIDE_PX)))
        yield worn_page(page, long_side, rng), which == 0


def worn_page(page: LabelledPage, long_side: float, rng: Random) -> LabelledPage:
    """The page turned a little, scaled so that its long side has about so many pixels, and worn."""
    height, width = page.image.shape
    scale = long_side / max(height, width)
    shrink = min(1.0, rng.uniform(0.4, 0.8)) if rng.random() < FAXED_SHARE else 1.0
    scale /= shrink
    angle = float(np.clip(rng.normal(0, 0.7), -2, 2)) if rng.random() < 0.5 else 0.0
    turn = np.asarray(cv2.getRotationMatrix2D((width / 2, height / 2), angle, 1.0), np.float64)
    flat = cv2.warpAffine(page.image, turn, (width, height), borderValue=(255.0,))
    method = cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC
    flat = cv2.resize(flat, None, fx=scale, fy=scale, interpolation=method)
    image = np.asarray(flat, np.float32)
    if shrink < 1:
        image = faxed(image, rng, shrink)
    scales = image.shape[1] / width, image.shape[0] / height
    boxes = [
        BoxLabel(_place(box.rect, turn, scales), box.checked, box.circle) for box in page.boxes
    ]
    image = wear(shadow_edge(image, rng, [box.rect for box in boxes]), rng)
    ignore = [_place(rect, turn, scales) for rect in page.ignore]
    return LabelledPage(image.astype(np.uint8), boxes, [], ignore)


def _place(
    rect: tuple[float, float, float, float],
    turn: NDArray[np.float64],
    scales: tuple[float, float],
) -> tuple[float, float, float, float]:
    """Where a rectangle lies on the turned and scaled page, its own tilt disregarded."""
    x, y, w, h = rect
    middle = turn @ np.array([x + w / 2, y + h / 2, 1.0])
    width, height = w * scales[0], h * scales[1]
    return (
        float(middle[0] * scales[0] - width / 2),
        float(middle[1] * scales[1] - height / 2),
        width,
        height,
    )


def page_samples(
    page: LabelledPage, propose: Propose, rng: Random, *, complete: bool, cuts: int = 2
) -> Samples:
    """The page's proposals, each cut out `cuts` times: exactly, and then a little beside its place.

    With more than one cut the boxes that were not proposed come too, some letters and other
    printed shapes of a page whose boxes are all labelled, and no more than
    `MOST_RIGHT` and `MOST_WRONG` of a page.

    Args:
        complete: whether all boxes of the page are labelled.
    """
    rects, chances = propose(page.image)
    truth = truth_of(page, rects, chances, complete)
    known = truth[:, 0] != UNKNOWN
    rects, chances, truth = rects[known], chances[known], truth[known]
    if cuts > 1:
        shapes = printed_shapes(page.image, rng) if complete else np.zeros((0, 4))
        shape_truth = truth_of(page, shapes, np.zeros((len(shapes), 3)), complete)
        shapes, shape_truth = shapes[shape_truth[:, 0] == 0], shape_truth[shape_truth[:, 0] == 0]
        missed, missed_truth = _missed(page, rects)
        rects = np.concatenate([rects, missed, shapes])
        chances = np.concatenate([chances, np.zeros((len(missed) + len(shapes), 3))])
        truth = np.concatenate([truth, missed_truth, shape_truth])
        some = np.concatenate(
            [
                rng.permutation(np.flatnonzero(truth[:, 0] == 1))[:MOST_RIGHT],
                rng.permutation(np.flatnonzero(truth[:, 0] == 0))[:MOST_WRONG],
            ]
        )
        rects, chances, truth = rects[some], chances[some], truth[some]
    places = [rects, *(_beside(rects, rng) for _ in range(cuts - 1))]
    return Samples(
        np.concatenate([crop_boxes(page.image, place) for place in places]),
        np.tile(chances, (cuts, 1)).astype(np.float32),
        np.tile(truth, (cuts, 1)).astype(np.int8),
    )


def printed_shapes(image: NDArray[np.uint8], rng: Random) -> Floats:
    """Some connected pieces of ink of a box's size, mostly letters: (n, 4) as proposals are."""
    dark = (image < np.percentile(image, 90) * 0.6).astype(np.uint8)
    stats = cv2.connectedComponentsWithStats(dark)[2][1:].astype(np.float64)
    sizes = stats[:, 2:4]
    like_box = (sizes.min(axis=1) >= SHAPE_PX[0]) & (sizes.max(axis=1) <= SHAPE_PX[1])
    like_box &= sizes.max(axis=1) < 2 * sizes.min(axis=1)
    rects = stats[rng.permutation(np.flatnonzero(like_box))[:SHAPES], :4]
    rects[:, 2:] += rects[:, :2]
    return rects


def truth_of(
    page: LabelledPage, rects: Floats, chances: Floats, complete: bool
) -> NDArray[np.int8]:
    """(n, 3) box, checked, circle of each proposal."""
    truth = np.full((len(rects), 3), UNKNOWN, np.int8)
    labelled = np.array([box.rect for box in page.boxes]).reshape(-1, 4)
    ignore = np.array(page.ignore).reshape(-1, 4)
    taken: set[int] = set()
    for index, (left, top, right, bottom) in enumerate(rects):
        rect = np.array([left, top, right - left, bottom - top])
        middle = rect[:2] + rect[2:] / 2
        common = overlaps(rect, labelled)
        best = int(np.argmax(common)) if len(labelled) else 0
        if len(labelled) and common[best] >= RIGHT_IOU:
            truth[index] = _label(page.boxes[best])
            truth[index, 0] = UNKNOWN if best in taken else 1
            taken.add(best)
        elif (len(labelled) and common[best] > WRONG_IOU) or contains(ignore, middle).any():
            continue
        elif complete or chances[index, 0] < SURE or not has_border(page.image, tuple(rect)):
            truth[index, 0] = 0
    return truth


def _label(box: BoxLabel) -> tuple[int, int, int]:
    return (
        1,
        UNKNOWN if box.checked is None else int(box.checked),
        UNKNOWN if box.circle is None else int(box.circle),
    )


def _missed(page: LabelledPage, rects: Floats) -> tuple[Floats, NDArray[np.int8]]:
    """Labelled boxes that no proposal overlaps: rectangles (m, 4) and truth (m, 3)."""
    found = np.column_stack([rects[:, :2], rects[:, 2:] - rects[:, :2]])
    missed = [
        box
        for box in page.boxes
        if not len(found) or overlaps(np.array(box.rect), found).max() < WRONG_IOU
    ]
    places = np.array([box.rect for box in missed]).reshape(-1, 4)
    places[:, 2:] += places[:, :2]
    return places, np.array([_label(box) for box in missed], np.int8).reshape(-1, 3)


def _beside(rects: Floats, rng: Random) -> Floats:
    """The rectangles moved and scaled by some hundredths of their size."""
    sizes = rects[:, 2:] - rects[:, :2]
    middles = rects[:, :2] + sizes / 2 + rng.normal(0, 0.05, sizes.shape) * sizes
    sizes = sizes * np.exp(rng.normal(0, 0.08, (len(rects), 1)))
    return np.concatenate([middles - sizes / 2, middles + sizes / 2], axis=1)
