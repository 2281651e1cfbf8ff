"""A page that is drawn together with its labels.

`Sheet` is a white page with drawing helpers that note every checkbox and signature drawn. The
documents drawn on it are in `blocks`. Everything is drawn from one random generator, so a page is
reproduced by its seed.

Coordinates are pixels with edges at integers (the page's left edge is 0, its right edge its
width); rectangles are x, y, width, height.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

import cv2
import numpy as np
from faker import Faker
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from training.detectors.faces import Faces, open_face
from training.detectors.strokes import MARKS, Mask, Random, mark_ink, pencil, ring_ink

Rect = tuple[float, float, float, float]
T = TypeVar("T")
SUBPIXEL_BITS = 4
MIN_LETTERING_PX = 7
PAPER = 255


@dataclass(frozen=True, slots=True)
class BoxLabel:
    """A checkbox on a page.

    Attributes:
        rect: its printed outline.
        checked: whether it carries a mark; None when people would disagree.
        circle: True for a circle or oval, False for a rectangle, None when not known.
    """

    rect: Rect
    checked: bool | None
    circle: bool | None


@dataclass(slots=True)
class LabelledPage:
    """A grey page with what is on it.

    Attributes:
        image: (height, width) uint8, 255 = paper.
        boxes: every checkbox on the page that is not inside `ignore`.
        signatures: rectangles around the ink of every signature.
        ignore: rectangles where nothing is known.
    """

    image: NDArray[np.uint8]
    boxes: list[BoxLabel] = field(default_factory=list)
    signatures: list[Rect] = field(default_factory=list)
    ignore: list[Rect] = field(default_factory=list)


class Sheet:
    """A page being drawn. Lengths given to its methods are pixels unless named `_mm`.

    Attributes:
        page: the page so far.
        mm: pixels in a millimetre.
        face: path of the page's main font.
        marks: kinds of marks that the page's writer ticks boxes with.
    """

    def __init__(self, rng: Random, faces: Faces, faker: Faker, page: LabelledPage) -> None:
        self.rng = rng
        self.faces = faces
        self.faker = faker
        self.page = page
        self.height, self.width = page.image.shape
        self.mm: float = max(self.height, self.width) / 297
        self.face: Path = self.choice(faces.printed)
        self.marks = MARKS if self.chance(0.5) else (self.choice(MARKS),)
        self._outline_style = self.between(0.12, 0.5), int(rng.integers(0, 110))
        self._shade = int(rng.integers(215, 246)) if self.chance(0.1) else PAPER

    def choice(self, items: Sequence[T]) -> T:
        """One of `items`."""
        return items[int(self.rng.integers(len(items)))]

    def chance(self, probability: float) -> bool:
        """True with `probability`."""
        return bool(self.rng.random() < probability)

    def between(self, low: float, high: float) -> float:
        """A number between both."""
        return float(self.rng.uniform(low, high))

    def lettering(self, text: str, size_px: float, face: Path | None = None) -> Mask:
        """Ink of a line of text, `size_px` pixels an em."""
        font = open_face(face or self.face, max(MIN_LETTERING_PX, round(size_px)))
        left, top, right, bottom = font.getbbox(text)
        size = max(1, int(right - left) + 1), max(1, int(bottom - top) + 1)
        image = Image.new("L", size, 0)
        ImageDraw.Draw(image).text((-left, -top), text, font=font, fill=255)
        return np.asarray(image, np.uint8)

    def ink(self, mask: Mask, x: float, y: float, darkness: float = 0.9) -> Rect | None:
        """Lay ink on the paper with the mask's corner at x, y. What falls off the page is lost.

        Returns: the rectangle of the part on the page; None when there is none.
        """
        left, top = round(x), round(y)
        x0, y0 = max(left, 0), max(top, 0)
        x1 = min(left + mask.shape[1], self.width)
        y1 = min(top + mask.shape[0], self.height)
        if x1 <= x0 or y1 <= y0:
            return None
        part = mask[y0 - top : y1 - top, x0 - left : x1 - left].astype(np.float32) / 255 * darkness
        paper = self.page.image[y0:y1, x0:x1]
        paper[:] = (paper * (1 - part)).astype(np.uint8)
        return x0, y0, x1 - x0, y1 - y0

    def text(self, text: str, x: float, y: float, size_mm: float, face: Path | None = None) -> Rect:
        """Print a line whose top left is at x, y. Returns its rectangle."""
        if not text.strip():
            return x, y, 0.0, 0.0
        mask = self.lettering(text, size_mm * self.mm, face)
        self.ink(mask, x, y, self.between(0.75, 1.0))
        return x, y, float(mask.shape[1]), float(mask.shape[0])

    def line(self, x0: float, y0: float, x1: float, y1: float, width_mm: float = 0.25) -> None:
        """Print a straight rule."""
        self._polyline([(x0, y0), (x1, y1)], False, width_mm, 30)

    def frame(self, rect: Rect, width_mm: float = 0.25, grey: int = 30) -> None:
        """Print a rectangle's outline, its middle on the edge."""
        x, y, w, h = rect
        corners = [(x, y), (x + w, y), (x + w, y + h), (x, y + h)]
        self._polyline(corners, True, width_mm, grey)

    def oval(
        self, rect: Rect, width_mm: float = 0.25, grey: int = 30, filled: bool = False
    ) -> None:
        """Print an ellipse that touches the rectangle's sides."""
        x, y, w, h = rect
        scale = 1 << SUBPIXEL_BITS
        centre = round((x + w / 2 - 0.5) * scale), round((y + h / 2 - 0.5) * scale)
        axes = max(1, round(w / 2 * scale)), max(1, round(h / 2 * scale))
        thickness = -1 if filled else max(1, round(width_mm * self.mm))
        cv2.ellipse(
            self.page.image, centre, axes, 0, 0, 360, grey, thickness, cv2.LINE_AA, SUBPIXEL_BITS
        )

    def checkbox(self, rect: Rect, circle: bool, letter: str = "", mark: float = 0.4) -> None:
        """Print a box to be ticked and, with the chance `mark`, tick it. Notes its label."""
        self._outline(rect, circle)
        if letter:
            self._letter_inside(rect, letter)
        checked: bool | None = False
        if self.chance(mark):
            checked = True
            self.mark(rect, self.choice(self.marks))
        elif self.chance(0.02):
            checked = True
            mask, dx, dy = ring_ink(self.rng, rect[2], rect[3])
            self.ink(mask, rect[0] + dx, rect[1] + dy, self.between(0.5, 0.9))
        self.page.boxes.append(BoxLabel(rect, checked, circle))

    def mark(self, rect: Rect, kind: str) -> None:
        """Mark a box in pencil or pen or, for the kind `typed`, with a letter."""
        if kind == "typed":
            self._letter_inside(rect, self.choice("XXXx√"))
            return
        mask, dx, dy = mark_ink(self.rng, kind, rect[2], rect[3])
        darkness = self.between(0.6, 1.0)
        if self.chance(0.3):
            mask, darkness = pencil(self.rng, mask), self.between(0.3, 0.7)
        self.ink(mask, rect[0] + dx, rect[1] + dy, darkness)

    def signature(self, mask: Mask, x: float, y: float, darkness: float) -> None:
        """Sign with the mask's corner at x, y, and note the label."""
        rect = self.ink(mask, x, y, darkness)
        if rect is not None and rect[2] * rect[3] > 0.6 * mask.size:
            self.page.signatures.append(rect)
        elif rect is not None:
            self.page.ignore.append(rect)

    def _polyline(
        self, points: list[tuple[float, float]], closed: bool, width_mm: float, grey: int
    ) -> None:
        fixed = np.round((np.array(points) - 0.5) * (1 << SUBPIXEL_BITS)).astype(np.int32)
        thickness = max(1, round(width_mm * self.mm))
        cv2.polylines(self.page.image, [fixed], closed, grey, thickness, cv2.LINE_AA, SUBPIXEL_BITS)

    def _outline(self, rect: Rect, circle: bool) -> None:
        """The printed outline of a box, now and then shadowed or with a gap in a side."""
        width_mm, grey = self._outline_style
        x, y, w, h = rect
        if self._shade < PAPER and not circle:
            inside = self.page.image[round(y) : round(y + h), round(x) : round(x + w)]
            np.minimum(inside, self._shade, out=inside)
        if circle:
            self.oval(rect, width_mm, grey)
            return
        self.frame(rect, width_mm, grey)
        if self.chance(0.08):
            shade = max(1.0, w * 0.1)
            self.line(x + shade, y + h + shade / 2, x + w + shade / 2, y + h + shade / 2, 0.4)
            self.line(x + w + shade / 2, y + shade, x + w + shade / 2, y + h + shade / 2, 0.4)
        if self.chance(0.06):
            side = np.array(self.choice([(0, 0, 1, 0), (0, 1, 1, 1), (0, 0, 0, 1), (1, 0, 1, 1)]))
            ends = side.reshape(2, 2) * (w, h) + (x, y)
            gap = [tuple(ends[0] * t + ends[1] * (1 - t)) for t in (0.7, 0.4)]
            self._polyline(gap, False, width_mm * 2, 250)

    def _letter_inside(self, rect: Rect, letter: str) -> None:
        mask = self.lettering(letter, rect[3] * self.between(0.6, 1.0))
        x = rect[0] + (rect[2] - mask.shape[1]) / 2
        y = rect[1] + (rect[3] - mask.shape[0]) / 2
        self.ink(mask, x, y, self.between(0.3, 0.9))
