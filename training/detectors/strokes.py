"""Ink as a hand leaves it: signatures, scrawled lines, and the marks people tick boxes with.

Pen movement follows the sigma-lognormal model of the kinematic theory (Plamondon 1995; O'Reilly
and Plamondon 2009): a movement is the sum of overlapping strokes, each with a lognormal speed
profile along a circular arc between two virtual targets. All masks are uint8 ink coverage:
0 = no ink, 255 = full ink.
"""

from collections.abc import Callable

import cv2
import numpy as np
from numpy.typing import NDArray

Mask = NDArray[np.uint8]
Path = NDArray[np.float64]
Point = tuple[float, float]
Random = np.random.Generator

SAMPLES_PER_STROKE = 28
SUBPIXEL_BITS = 4


def glide(rng: Random, targets: Path) -> Path:
    """The fluent pen path through virtual targets (n, 2): (m, 2) points.

    Successive strokes overlap in time, so corners are rounded as in fast writing.
    """
    deltas = np.diff(targets, axis=0)
    lengths = np.hypot(deltas[:, 0], deltas[:, 1])
    headings = np.arctan2(deltas[:, 1], deltas[:, 0])
    onsets = np.cumsum(rng.uniform(0.45, 0.9, len(deltas)))
    arcs = rng.uniform(-0.9, 0.9, len(deltas))
    time = np.linspace(0, onsets[-1] + 2.5, SAMPLES_PER_STROKE * len(deltas))
    velocity = np.zeros((len(time), 2))
    for onset, length, heading, arc in zip(onsets, lengths, headings, arcs, strict=True):
        speed, progress = _lognormal(time - onset, rng.uniform(-0.6, -0.2), rng.uniform(0.2, 0.4))
        angle = heading + arc * (progress - 0.5)
        velocity += (length * speed)[:, None] * np.column_stack([np.cos(angle), np.sin(angle)])
    steps = np.cumsum(velocity, axis=0) * (time[1] - time[0])
    return np.asarray(targets[0] + steps, np.float64)


def _lognormal(
    time: NDArray[np.float64], mu: float, sigma: float
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Lognormal density over `time` > 0, and its running integral."""
    late = np.maximum(time, 1e-6)
    density = np.exp(-((np.log(late) - mu) ** 2) / (2 * sigma**2))
    density = np.where(time > 0, density / (late * sigma * np.sqrt(2 * np.pi)), 0.0)
    return density, np.cumsum(density) * (time[1] - time[0])


def draw_path(mask: Mask, path: Path, thickness: int) -> None:
    """Draw a pen path of `thickness` pixels into `mask`, antialiased, in place."""
    points = np.round(path * (1 << SUBPIXEL_BITS)).astype(np.int32)
    cv2.polylines(mask, [points], False, 255, thickness, cv2.LINE_AA, SUBPIXEL_BITS)


def trim(mask: Mask) -> Mask:
    """The mask cut to its ink; 1 x 1 when there is none."""
    rows, columns = np.flatnonzero(mask.max(axis=1) > 60), np.flatnonzero(mask.max(axis=0) > 60)
    if not len(rows) or not len(columns):
        return np.zeros((1, 1), np.uint8)
    return mask[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]


def _cursive_targets(rng: Random, start: float, letters: int, height: float, pitch: float) -> Path:
    """Up-and-down targets of a cursive word that begins at x = `start`, baseline y = 0."""
    points = [(start, 0.0)]
    x = start
    for _ in range(letters):
        tall = rng.random()
        top = height * (rng.uniform(0.8, 1.3) if tall < 0.25 else rng.uniform(0.25, 0.55))
        bottom = height * (rng.uniform(0.3, 0.8) if tall > 0.88 else rng.uniform(-0.08, 0.08))
        x += pitch * rng.uniform(0.3, 1.1)
        points.append((x, -top))
        x += pitch * rng.uniform(-0.25, 0.6)
        points.append((x, bottom))
    return np.array(points)


def _capital_targets(rng: Random, start: float, height: float) -> Path:
    """Big loose loops of an initial."""
    count = int(rng.integers(3, 7))
    x = start + rng.uniform(-0.3, 1.0, count) * height
    y = np.where(np.arange(count) % 2, -1.0, 0.15) * height * rng.uniform(0.7, 1.3, count)
    return np.column_stack([x, y])


def _flourish_targets(rng: Random, left: float, right: float, height: float) -> Path:
    """A stroke back under, or through, what was written."""
    y = height * rng.uniform(-0.3, 0.6)
    points = [(right, y), (left + (right - left) * rng.uniform(-0.1, 0.4), y + height * 0.2)]
    if rng.random() < 0.6:
        points.append((right * rng.uniform(0.8, 1.2), y + height * rng.uniform(0.0, 0.4)))
    return np.array(points)


def signature_ink(rng: Random) -> Mask:
    """A scrawled signature: initials, a decaying cursive word or two, often a flourish."""
    height = 100.0
    pitch = height * rng.uniform(0.18, 0.5)
    parts: list[Path] = []
    x = 0.0
    for _ in range(int(rng.integers(1, 4))):
        if rng.random() < 0.75:
            parts.append(glide(rng, _capital_targets(rng, x, height * rng.uniform(0.8, 1.5))))
            x += height * rng.uniform(0.2, 0.7)
        letters = int(rng.integers(0 if parts else 2, 9))
        if letters:
            word = _cursive_targets(rng, x, letters, height * rng.uniform(0.4, 0.9), pitch)
            parts.append(glide(rng, word))
            x = float(word[-1, 0])
        x += height * rng.uniform(0.05, 0.5)
    if rng.random() < 0.5:
        parts.append(glide(rng, _flourish_targets(rng, 0.0, max(x, height), height)))
    slant = np.array([[1.0, 0.0], [-rng.uniform(-0.1, 0.6), 1.0]])
    return _render([part @ slant for part in parts], int(rng.integers(3, 9)))


def scrawled_line(rng: Random, words: int, height: float = 40.0) -> Mask:
    """A line of small illegible cursive words: handwriting that is no signature."""
    parts: list[Path] = []
    x = 0.0
    for _ in range(words):
        word = _cursive_targets(
            rng, x, int(rng.integers(2, 9)), height, height * rng.uniform(0.35, 0.6)
        )
        parts.append(glide(rng, word))
        x = float(word[-1, 0]) + height * rng.uniform(0.6, 1.2)
    return _render(parts, int(rng.integers(3, 6)))


def _render(parts: list[Path], thickness: int) -> Mask:
    """All parts in one tight mask."""
    points = np.concatenate(parts)
    low = points.min(axis=0) - 12
    size = np.ceil(points.max(axis=0) + 12 - low).astype(int)
    mask = np.zeros((min(int(size[1]), 2000), min(int(size[0]), 3000)), np.uint8)
    for part in parts:
        draw_path(mask, part - low, thickness)
    return trim(mask)


DRAWN_MARKS = ("cross", "tick", "fill", "scribble", "dot", "slash", "strike", "short", "corner")
MARKS = ("cross", "cross", "cross", "tick", "tick", "typed", *DRAWN_MARKS)
"""Kinds of marks, as often as people use them."""


def mark_ink(rng: Random, kind: str, width: float, height: float) -> tuple[Mask, float, float]:
    """A mark for a box of `width` x `height` pixels, of a kind in `DRAWN_MARKS`.

    Returns: the mask, and the x and y of the mask's corner relative to the box's corner. Marks may
    overshoot the box, as pens do.
    """
    margin = max(width, height) * 1.2
    mask = np.zeros((int(height + 2 * margin) + 1, int(width + 2 * margin) + 1), np.uint8)
    size = min(width, height)
    thick = max(1, round(size * rng.uniform(0.05, 0.2)))
    reach = rng.uniform(0.85, 1.5) if rng.random() < 0.5 else rng.uniform(0.5, 0.85)

    def at(x: float, y: float) -> Point:
        """Point of the box (0..1), stretched by `reach` and shaken."""
        shake = rng.normal(0, 0.06, 2)
        return (
            margin + width * (0.5 + (x - 0.5) * reach + shake[0]),
            margin + height * (0.5 + (y - 0.5) * reach + shake[1]),
        )

    for line in _mark_lines(rng, kind, at):
        draw_path(mask, line, thick if kind != "dot" else max(2, round(size * 0.3)))
    if kind == "fill":
        _fill(rng, mask, margin, width, height)
    return mask, -margin, -margin


def _mark_lines(rng: Random, kind: str, at: Callable[[float, float], Point]) -> list[Path]:
    """Pen paths of a mark, by kind."""
    lines: list[Path] = []
    if kind in {"cross", "slash"}:
        lines.append(glide(rng, np.array([at(0, 1), at(1, 0)])))
    if kind == "cross":
        lines.append(glide(rng, np.array([at(0, 0), at(1, 1)])))
    elif kind == "tick":
        lift = rng.uniform(0.0, 0.5)
        lines.append(np.array([at(0.05, 0.55), at(rng.uniform(0.25, 0.5), 1), at(1 + lift, -lift)]))
    elif kind == "scribble":
        count = int(rng.integers(6, 14))
        turns = [at(0.9 if i % 2 else 0.1, i / (count - 1)) for i in range(count)]
        lines.append(glide(rng, np.array(turns)))
    elif kind == "dot":
        lines.append(np.array([at(0.45, 0.5), at(0.55, 0.5)]))
    elif kind == "strike":
        lines.append(glide(rng, np.array([at(0, 0.5), at(1, 0.5)])))
    elif kind == "short":
        start, turn = rng.uniform(0.25, 0.75, 2), rng.uniform(0, 2 * np.pi)
        end = start + rng.uniform(0.2, 0.45) * np.array([np.cos(turn), np.sin(turn)])
        lines.append(np.array([at(*start), at(*end)]))
    elif kind == "corner":
        edge = rng.uniform(0.0, 0.35)
        path = np.array([at(edge, rng.uniform(0.3, 0.7)), at(0.5, 0.9), at(1.2, -edge)])
        lines.append(path[::-1] if rng.random() < 0.5 else path)
    return lines


def _fill(rng: Random, mask: Mask, margin: float, width: float, height: float) -> None:
    """Fill most of the box, as with a felt pen or by a computer."""
    inset = rng.uniform(-0.05, 0.25)
    low = (int(margin + width * inset), int(margin + height * inset))
    high = (int(margin + width * (1 - inset)), int(margin + height * (1 - inset)))
    cv2.rectangle(mask, low, high, 255, -1)


def pencil(rng: Random, mask: Mask) -> Mask:
    """The mask as a pencil leaves it: the paper's grain shows, up to gaps in the stroke."""
    grain = cv2.GaussianBlur(rng.random(mask.shape, np.float32), (0, 0), rng.uniform(0.5, 1.2))
    grain = (grain - grain.mean()) / max(float(grain.std()), 1e-3)
    cover = np.clip(0.75 + rng.uniform(0.1, 0.45) * grain, 0, 1)
    return np.asarray(mask * cover, np.uint8)


def ring_ink(rng: Random, width: float, height: float) -> tuple[Mask, float, float]:
    """A hand-drawn ring around a box or word of `width` x `height`; returned as by `mark_ink`."""
    margin = max(width, height) * 0.6 + 4
    mask = np.zeros((int(height + 2 * margin) + 1, int(width + 2 * margin) + 1), np.uint8)
    turns = np.linspace(rng.uniform(-1, 1), 2 * np.pi * rng.uniform(0.95, 1.2), 60)
    radius_x, radius_y = width / 2 + margin * 0.6, height / 2 + margin * 0.6
    wobble = 1 + 0.08 * np.sin(turns * rng.uniform(1, 3) + rng.uniform(0, 6))
    path = np.column_stack([np.cos(turns) * radius_x * wobble, np.sin(turns) * radius_y * wobble])
    centre = np.array([margin + width / 2, margin + height / 2])
    draw_path(mask, path + centre, max(1, round(min(width, height) * 0.08)))
    return mask, -margin, -margin
