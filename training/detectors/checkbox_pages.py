"""Endless pages to train the checkbox networks on: composed, filled by hand, and scanned ones."""

from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from training.detectors.check_blocks import CHECK_BLOCKS
from training.detectors.checkbox_blocks import BOX_BLOCKS, DECOY_BLOCKS
from training.detectors.checkbox_surveys import survey_page
from training.detectors.composing import TEXT_BLOCKS, compose
from training.detectors.faces import Faces
from training.detectors.sheet import BoxLabel, LabelledPage, Rect
from training.detectors.signing_blocks import signature_block
from training.detectors.strokes import Random, draw_path
from training.detectors.templates import blank_forms, fill_form, scanned_forms

KINDS = {
    **TEXT_BLOCKS,
    **CHECK_BLOCKS,
    **BOX_BLOCKS,
    **DECOY_BLOCKS,
    signature_block([], 0.5): 0.5,
}
SURVEY_SHARE = 0.3
TURNED_SHARE = 0.15
OVERSHOT_SHARE = 0.04
SEEDS = 1 << 60


class PageMaker:
    """Makes pages of three kinds from the data, each call another one.

    Attributes:
        scanned: the scanned forms of the families to train on.
    """

    def __init__(self, data: Path, faces: Faces) -> None:
        self.scanned = scanned_forms(data, validation=False)
        self._blanks = blank_forms(data)
        self._faces = faces

    def composed(self, rng: Random) -> LabelledPage:
        """A composed page, now and then on its side: what runs sideways is rarely a box."""
        page = any_page(int(rng.integers(SEEDS)), self._faces, survey=rng.random() < SURVEY_SHARE)
        overshoot(page, rng)
        return turned(page, int(rng.choice([1, 3]))) if rng.random() < TURNED_SHARE else page

    def filled(self, rng: Random) -> LabelledPage:
        """A blank government form, ticked and filled."""
        blank, fields = self._blanks[int(rng.integers(len(self._blanks)))]
        page = fill_form(blank, fields, int(rng.integers(SEEDS)), self._faces, [])
        overshoot(page, rng)
        return page


def any_page(seed: int, faces: Faces, *, survey: bool) -> LabelledPage:
    """A composed page: of a survey, or of all kinds of blocks."""
    return survey_page(seed, faces) if survey else compose(seed, faces, KINDS)


def kept_aside_pages(faces: Faces, seed: int, count: int) -> Iterator[LabelledPage]:
    """Composed pages of the seeds from `seed` on, for validation; every third is a survey."""
    rng = np.random.default_rng(seed)
    for index in range(count):
        page = any_page(seed + index, faces, survey=index % 3 == 2)
        overshoot(page, rng)
        yield page


def overshoot(page: LabelledPage, rng: Random) -> None:
    """Let strokes from outside end just inside some boxes, whose labels stay as they are."""
    for box in page.boxes:
        if rng.random() > OVERSHOT_SHARE:
            continue
        x, y, w, h = box.rect
        along, depth, side = rng.uniform(0.1, 0.9), rng.uniform(-0.05, 0.12), int(rng.integers(4))
        end = [(along, depth), (along, 1 - depth), (depth, along), (1 - depth, along)][side]
        away = [(0.0, -1.0), (0.0, 1.0), (-1.0, 0.0), (1.0, 0.0)][side]
        start = np.array(end) + np.array(away) * rng.uniform(0.3, 1.5) + rng.normal(0, 0.3, 2)
        left, top = max(0, int(x - 3 * w)), max(0, int(y - 3 * h))
        paper = page.image[top : int(y + 4 * h), left : int(x + 4 * w)]
        ink = np.zeros(paper.shape, np.uint8)
        path = np.array([start, end]) * (w, h) + (x - left, y - top)
        draw_path(ink, path, max(1, round(min(w, h) * rng.uniform(0.05, 0.14))))
        paper[:] = paper * (1 - ink.astype(np.float32) / 255 * rng.uniform(0.4, 0.9))


def turned(page: LabelledPage, quarters: int) -> LabelledPage:
    """The page turned counter-clockwise by quarters, its boxes and ignored areas with it."""
    boxes, ignore = list(page.boxes), list(page.ignore)
    height, width = page.image.shape
    for _ in range(quarters % 4):
        boxes = [BoxLabel(_quarter(box.rect, width), box.checked, box.circle) for box in boxes]
        ignore = [_quarter(rect, width) for rect in ignore]
        height, width = width, height
    return LabelledPage(np.ascontiguousarray(np.rot90(page.image, quarters)), boxes, [], ignore)


def _quarter(rect: Rect, width: float) -> Rect:
    """A rectangle after a quarter turn counter-clockwise of a page `width` pixels wide."""
    x, y, w, h = rect
    return y, width - x - w, h, w


def faxed(image: NDArray[np.float32], rng: Random, shrink: float) -> NDArray[np.float32]:
    """One bit a pixel with specks, then shrunk by `shrink` to grey, as archives keep their faxes.

    Args:
        image: grey, 0 to 255.
        shrink: in (0, 1].
    """
    level = rng.uniform(0.5, 0.85) * float(np.percentile(image, 95))
    noise = rng.standard_normal(image.shape, np.float32) * rng.uniform(0, 40)
    bits = np.where(image + noise > level, 255.0, 0.0).astype(np.float32)
    if rng.random() < 0.3:
        kernel = np.ones((2, 2), np.uint8)
        bits = np.asarray((cv2.erode if rng.random() < 0.6 else cv2.dilate)(bits, kernel))
    grey = cv2.resize(bits, None, fx=shrink, fy=shrink, interpolation=cv2.INTER_AREA)
    return np.asarray(grey, np.float32)
