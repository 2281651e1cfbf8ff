"""What lies on a page without belonging to it: stamps, punch holes, black scan edges, scribbles.

It lands on every kind of page alike, so that a classifier cannot take it for a sign of one kind.
"""

import cv2
import numpy as np

from training.ink import BLACK_PEN, HANDWRITTEN, Page, font, write, write_by_hand
from training.sheet import NAMES, pick


def add_clutter(page: Page, rng: np.random.Generator) -> Page:
    """The page with a random choice of clutter on it. The input is not changed."""
    page = page.copy()
    for chance, add in (
        (0.2, _stamp),
        (0.3, _number),
        (0.15, _scribble),
        (0.12, _holes),
        (0.2, _edge_lines),
    ):
        if rng.random() < chance:
            add(page, rng)
    if rng.random() < 0.25:
        _black_edge(page, rng)
    if rng.random() < 0.12:
        page = _black_surround(page, rng)
    return page


def _stamp(page: Page, rng: np.random.Generator) -> None:
    """RECEIVED, in a frame, a little turned."""
    size = max(8, page.shape[0] // 40)
    patch = np.full((size * 3, size * 9, 3), 255, np.uint8)
    cv2.rectangle(patch, (2, 2), (size * 9 - 3, size * 3 - 3), (60, 60, 60), max(1, size // 8))
    word = pick(rng, ("RECEIVED", "COPY", "APPROVED", "PAID", "CONFIDENTIAL"))
    write(patch, word, size * 0.8, size * 2, font("arimo", int(size * 1.3), True), (60, 60, 60))
    middle = (size * 4.5, size * 1.5)
    turn = cv2.getRotationMatrix2D(middle, rng.uniform(-18, 18), rng.uniform(0.6, 1.2))
    patch = cv2.warpAffine(patch, turn, (size * 9, size * 3), borderValue=(255, 255, 255))
    _lay(page, np.asarray(patch, dtype=np.uint8), rng)


def _number(page: Page, rng: np.random.Generator) -> None:
    """An archive's running number, at the foot or along the side."""
    size = max(7, page.shape[0] // 60)
    patch = np.full((size * 2, size * 7, 3), 255, np.uint8)
    digits = str(rng.integers(10**8, 10**9))
    write(patch, digits, 2, size * 1.6, font("cousine", size, True), (20, 20, 20))
    if rng.random() < 0.5:
        patch = np.ascontiguousarray(np.rot90(patch))
    height, width = page.shape[:2]
    top = int(height * rng.uniform(0.75, 0.95))
    left = int(width * rng.uniform(0.55, 0.93))
    _lay(page, patch, rng, (top, left))


def _scribble(page: Page, rng: np.random.Generator) -> None:
    height, width = page.shape[:2]
    box = (
        width * rng.uniform(0.05, 0.6),
        height * rng.uniform(0.02, 0.85),
        width * rng.uniform(0.15, 0.4),
        height * rng.uniform(0.02, 0.045),
    )
    write_by_hand(page, pick(rng, NAMES), box, pick(rng, HANDWRITTEN), rng, BLACK_PEN)


def _holes(page: Page, rng: np.random.Generator) -> None:
    height, width = page.shape[:2]
    x = int(width * rng.uniform(0.02, 0.05))
    for y in np.linspace(0.15, 0.85, int(rng.integers(2, 4))):
        cv2.circle(page, (x, int(y * height)), max(2, width // 80), (15, 15, 15), -1)


def _edge_lines(page: Page, rng: np.random.Generator) -> None:
    """Thin lines along the sides, where the paper ends."""
    height, width = page.shape[:2]
    for side in rng.choice(4, int(rng.integers(1, 4)), replace=False):
        at = rng.uniform(0.005, 0.05)
        x, y = (
            int(width * (1 - at if side == 1 else at)),
            int(height * (1 - at if side == 3 else at)),
        )
        slip = int(rng.integers(-3, 4))
        ends = ((x, 0), (x + slip, height)) if side < 2 else ((0, y), (width, y + slip))
        cv2.line(page, ends[0], ends[1], (40, 40, 40), int(rng.integers(1, 3)))


def _black_edge(page: Page, rng: np.random.Generator) -> None:
    """A dark strip along some sides, as of a lid left open."""
    height, width = page.shape[:2]
    for side in rng.choice(4, int(rng.integers(1, 4)), replace=False):
        depth = int(rng.uniform(0.003, 0.04) * width)
        strip = [
            np.s_[:depth],
            np.s_[height - depth :],
            np.s_[:, :depth],
            np.s_[:, width - depth :],
        ]
        page[strip[side]] = int(rng.integers(0, 60))


def _black_surround(page: Page, rng: np.random.Generator) -> Page:
    """The page on a larger glass with a dark lid."""
    height, width = page.shape[:2]
    tone = int(rng.integers(0, 70)) if rng.random() < 0.7 else int(rng.integers(120, 200))
    margins = (rng.uniform(0, 0.2, 4) * (height, height, width, width)).astype(int)
    top, bottom, left, right = (int(m) for m in margins)
    framed = cv2.copyMakeBorder(
        page, top, bottom, left, right, cv2.BORDER_CONSTANT, value=(tone, tone, tone)
    )
    return np.asarray(framed, dtype=np.uint8)


def _lay(
    page: Page, patch: Page, rng: np.random.Generator, place: tuple[int, int] | None = None
) -> None:
    """Print a patch onto the page, cut at its edges."""
    height, width = page.shape[:2]
    top, left = place or (int(rng.integers(0, height)), int(rng.integers(0, width)))
    area = page[top : top + patch.shape[0], left : left + patch.shape[1]]
    np.minimum(area, patch[: area.shape[0], : area.shape[1]], out=area)
