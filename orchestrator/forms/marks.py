"""Boxes, signatures and other ink, seen on the blank page."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import cv2
import numpy as np
from numpy.typing import NDArray

from meshkit.geometry import Points
from orchestrator.forms.alignment import Alignment
from orchestrator.forms.frame import Rect, rect_around
from orchestrator.forms.overlay import PIXELS, REACH, Overlay
from orchestrator.forms.shading import print_of
from pagemesh.checkbox.v1.checkbox_service_pb2 import CheckboxResult
from pagemesh.common.v1.geometry_pb2 import Quad
from pagemesh.signature.v1.signature_service_pb2 import SignatureResult

_TRUST_IN_MODEL = 0.7
_INK_OF_TICK, _INK_SLOPE = 0.068, 70.0
"""Empty boxes of filled forms had at most 0.076, ticked ones at least 0.060."""
_INK_EVIDENCE = (-2.5, 6.0)
"""Faint pencil is no ink, so that missing ink says less than ink."""
_PRINT_SHARE = 0.78
"""Of the paper's brightness: darker is print."""


@dataclass(frozen=True, slots=True)
class Mark:
    """Something that a model found, on the blank page.

    Attributes:
        box: where.
        is_set: ticked, or signed.
        score: chance in [0, 1] that `is_set` is right.
        index: of the box or signature in its model's answer; None when no model found it.
    """

    box: Rect
    is_set: bool
    score: float
    index: int | None = None


def checkbox_marks(result: CheckboxResult | None, alignment: Alignment) -> list[Mark] | None:
    """The page's boxes; None when nobody looked for them."""
    if result is None:
        return None
    boxes = _boxes([box.quad for box in result.checkboxes], alignment)
    return [
        Mark(
            place,
            found.checked,
            found.checked_score if found.checked else 1 - found.checked_score,
            index,
        )
        for index, (found, place) in enumerate(zip(result.checkboxes, boxes, strict=True))
    ]


def signature_marks(result: SignatureResult | None, alignment: Alignment) -> list[Mark] | None:
    """The page's signatures; None when nobody looked for them."""
    if result is None:
        return None
    boxes = _boxes([one.quad for one in result.signatures], alignment)
    return [
        Mark(place, True, found.score, index)
        for index, (found, place) in enumerate(zip(result.signatures, boxes, strict=True))
    ]


def mark_at(marks: Sequence[Mark], zone: Rect) -> Mark | None:
    """The mark that is the box printed at a place: it covers it best."""
    reach = 0.5 * max(zone.width, zone.height)
    near = [mark for mark in marks if zone.grown(reach, reach).contains(*mark.box.centre)]

    def fit(mark: Mark) -> float:
        x, y = mark.box.centre
        away = np.hypot(x - zone.centre[0], y - zone.centre[1])
        return mark.box.overlap(zone) - float(away) / (4 * reach)

    best = max(near, key=fit, default=None)
    return best if best is not None and best.box.overlap(zone) > 0.05 else None


def judged_by_ink(mark: Mark | None, zone: Rect, ink: float) -> Mark:
    """A box's state by its model's word and the ink that the blank has not, as odds that multiply.

    Args:
        mark: what the model found at the place; None when it found no box there.
        ink: the place's share of ink.
    """
    chance = 0.5 if mark is None else mark.score if mark.is_set else 1 - mark.score
    chance = float(np.clip(chance, 1e-3, 1 - 1e-3))
    said = _TRUST_IN_MODEL * np.log(chance / (1 - chance))
    seen = np.clip(_INK_SLOPE * (ink - _INK_OF_TICK), *_INK_EVIDENCE)
    ticked = float(1 / (1 + np.exp(-(said + seen))))
    is_set = ticked >= 0.5
    score = ticked if is_set else 1 - ticked
    return Mark(zone, is_set, score) if mark is None else replace(mark, is_set=is_set, score=score)


class Ink:
    """What is darker on the page than on the blank page under it."""

    def __init__(self, overlay: Overlay) -> None:
        self._overlay = overlay

    def area(self, zone: Rect) -> float:
        """The same in square points."""
        return self.share(zone) * zone.width * zone.height

    def share(self, zone: Rect) -> float:
        """Share of a place, in [0, 1], that has ink which the blank has not. 0 off the page."""
        left, top, right, bottom = (round(v * PIXELS) for v in _sides(zone))
        shift = self._overlay.alignment.local_shift(zone) * PIXELS
        moved = np.round(shift).astype(int)
        ink = _crop(
            self._overlay.ink, left + moved[0], top + moved[1], right + moved[0], bottom + moved[1]
        )
        printed = _crop(self._printed, left, top, right, bottom)
        if ink.size == 0 or ink.shape != printed.shape:
            return 0.0
        free = ~printed
        return float((ink & free).sum() / max(1, int(free.sum())))

    @cached_property
    def _printed(self) -> NDArray[np.bool_]:
        """True where the blank has print, and close to it."""
        overlay = self._overlay
        dark = print_of(overlay.picture, overlay.shading, _PRINT_SHARE).astype(np.uint8)
        side = 2 * REACH + 1
        return np.asarray(cv2.dilate(dark, np.ones((side, side), np.uint8)), bool)


def _boxes(quads: Sequence[Quad], alignment: Alignment) -> list[Rect]:
    if not quads:
        return []
    corners: Points = np.array(
        [
            (corner.x, corner.y)
            for quad in quads
            for corner in (quad.top_left, quad.top_right, quad.bottom_right, quad.bottom_left)
        ]
    )
    return [rect_around(four) for four in alignment.to_blank(corners).reshape(-1, 4, 2)]


def _sides(zone: Rect) -> tuple[float, float, float, float]:
    return zone.left, zone.top, zone.right, zone.bottom


def _crop(
    mask: NDArray[np.bool_], left: int, top: int, right: int, bottom: int
) -> NDArray[np.bool_]:
    return mask[max(0, top) : max(0, bottom), max(0, left) : max(0, right)]
