"""How well a page was scanned: measures that are comparable between pages and resolutions."""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from meshkit.model import Image
from servers.deskew.text import Mask, outline, places

Floats = NDArray[np.float64]

BLANK_COVERAGE = 0.0005
"""A page with less ink is as good as blank."""
LEAST_INK_DEPTH = 16
"""Grey levels by which ink is darker than the paper around it, at least."""
PAPER_BLOCK = 32
"""Pixels of the working copy over which the paper's level is followed."""
NOMINAL_TEXT_SHARE = 1 / 160
"""Height of small letters over the page's longer side, where no text was found: about that of
10 point text on A4."""
SHARP_WIDTH = 2.0
"""Pixels: width of a sharp edge after the smoothing that `edge_blur` does."""
EDGE_SAMPLES = 2500
EDGE_REACH = 1.25
"""Letter heights to either side of an edge over which its profile is read."""


@dataclass(frozen=True, slots=True)
class PageQuality:
    """Measures of a scan.

    Attributes:
        blur: in [0, 1]; width of the edges of letters, less what sampling alone gives, over the
            height of a small letter. 0 is sharp; above about 0.5 text is hard to read.
        darkness: in [0, 1]; by how much the paper is darker than white.
        contrast: in [0, 1]; paper minus ink, of the whole range. 0 on a page without ink.
        text_height: median height in pixels of small letters, of the page as sent; 0 without text.
        cut_off: in [0, 1]; share of the page's edge at which content is cut off.
        ink_coverage: in [0, 1]; share of pixels that carry ink.
    """

    blur: float
    darkness: float
    contrast: float
    text_height: float
    cut_off: float
    ink_coverage: float


@dataclass(frozen=True, slots=True)
class Ink:
    """What on a page is darker than its paper.

    Attributes:
        mask: (height, width) uint8, 1 on ink.
        paper_level: median grey level of the paper.
        depth: grey levels between ink and the paper around it; 0 without ink.
    """

    mask: Mask
    paper_level: float
    depth: float

    @property
    def coverage(self) -> float:
        return float(self.mask.mean())


def measure_quality(grey: Image, working: Image, letter: float) -> PageQuality:
    """Quality of a page.

    Args:
        grey: the page as sent.
        working: its working copy.
        letter: height of a small letter in pixels of the working copy; 0 without text.
    """
    scale = working.shape[0] / grey.shape[0]
    ink = find_ink(working)
    nominal = letter or max(working.shape) * NOMINAL_TEXT_SHARE
    inked = ink.coverage >= BLANK_COVERAGE
    return PageQuality(
        blur=edge_blur(grey, ink, scale, nominal / scale) if inked else 0.0,
        darkness=1 - ink.paper_level / 255,
        contrast=ink.depth / 255 if inked else 0.0,
        text_height=letter / scale,
        cut_off=cut_off(ink.mask, nominal) if inked else 0.0,
        ink_coverage=ink.coverage,
    )


def find_ink(working: Image) -> Ink:
    """Ink of a grey page at working size.

    The paper is the bright end of every neighbourhood; ink is darker than it by more than noise is
    and by at least two fifths of what the darkest ink is. A page of one colour is paper.
    """
    paper = _paper(working)
    depth = cv2.subtract(paper, working)
    level = float(np.median(paper))
    noise = 1.4826 * float(np.median(depth[::4, ::4]))
    least = max(LEAST_INK_DEPTH, 4 * noise)
    dark = depth[depth > least]
    if not len(dark):
        return Ink(np.zeros_like(working), level, 0.0)
    full = float(np.percentile(dark, 75))
    mask = (depth > max(least, 0.4 * full)).astype(np.uint8)
    return Ink(mask, level, full)


def _paper(working: Image) -> Image:
    """The level of the paper at every pixel."""
    height, width = working.shape
    small = (max(1, width // 4), max(1, height // 4))
    reduced = cv2.resize(working, small, interpolation=cv2.INTER_AREA)
    block = cv2.getStructuringElement(cv2.MORPH_RECT, (PAPER_BLOCK // 4 | 1,) * 2)
    closed = cv2.medianBlur(cv2.morphologyEx(reduced, cv2.MORPH_CLOSE, block), 5)
    return np.asarray(
        cv2.resize(closed, (width, height), interpolation=cv2.INTER_LINEAR), dtype=np.uint8
    )


def edge_blur(grey: Image, ink: Ink, scale: float, letter: float) -> float:
    """Width of the edges of ink over the height of a small letter.

    An edge's width is the step across it over its steepest slope, read along its normal (as in
    P. Marziliano et al., "A no-reference perceptual blur metric", ICIP 2002, but as a slope, which
    noise at the foot of the edge does not widen). A step that is sampled once a pixel cannot be
    narrower than one pixel: so much is taken off, in quadrature.

    Args:
        grey: the page as sent.
        ink: of its working copy.
        scale: working copy over page as sent.
        letter: height of a small letter in pixels of the page as sent.
    """
    points, normals = _ink_edges(ink.mask, scale)
    if not len(points):
        return 0.0
    reach = max(2.0, EDGE_REACH * letter)
    offsets = np.arange(-reach, reach + 0.25, 0.5)
    places = points[:, None, :] + offsets[None, :, None] * normals[:, None, :]
    profiles = np.asarray(
        cv2.remap(
            cv2.GaussianBlur(grey, (3, 3), 0),
            places[..., 0].astype(np.float32),
            places[..., 1].astype(np.float32),
            cv2.INTER_LINEAR,
            borderMode=cv2.BORDER_REPLICATE,
        ),
        dtype=np.float64,
    )
    slope = np.abs(profiles[:, 2:] - profiles[:, :-2]).max(axis=1)
    step = profiles.max(axis=1) - profiles.min(axis=1)
    clear = step > LEAST_INK_DEPTH
    if not clear.any():
        return 0.0
    width = float(np.median(step[clear] / np.maximum(slope[clear], 1.0)))
    return float(np.clip(np.sqrt(max(0.0, width**2 - SHARP_WIDTH**2)) / letter, 0, 1))


def _ink_edges(mask: Mask, scale: float) -> tuple[Floats, Floats]:
    """Points (n, 2) x, y on edges of ink in pixels of the page as sent, and unit normals (n, 2)."""
    edge = places(outline(mask))
    ys, xs = edge[:: max(1, -(-len(edge) // EDGE_SAMPLES))].T
    smooth = cv2.GaussianBlur(mask * np.uint8(255), (5, 5), 0)
    rise = np.column_stack(
        [
            cv2.Sobel(smooth, cv2.CV_16S, 1, 0)[ys, xs],
            cv2.Sobel(smooth, cv2.CV_16S, 0, 1)[ys, xs],
        ]
    ).astype(np.float64)
    length = np.hypot(rise[:, 0], rise[:, 1])
    steep = length > 0
    inside = np.column_stack([xs, ys])[steep].astype(np.float64)
    points: Floats = (inside + 0.5) / scale - 0.5
    return points, rise[steep] / length[steep, None]


def cut_off(mask: Mask, letter: float) -> float:
    """Share of the page's edge at which ink runs off the page.

    Every cut stroke stands for the letter it belongs to: it counts for a letter's height to both
    sides. Ink along more than an eightieth of the edge in one run is no content but the shadow or
    the lid of a scanner, and does not count.

    Args:
        mask: ink.
        letter: height of a small letter in pixels of the mask.
    """
    edge = np.concatenate([mask[0], mask[:, -1], mask[-1, ::-1], mask[::-1, 0]]) > 0
    if edge.all():
        return 0.0
    edge = np.roll(edge, -int(np.argmin(edge)))  # starts on paper, so that no run is split
    changes = np.diff(np.concatenate([edge, [False]]).astype(np.int8))
    starts, ends = np.flatnonzero(changes == 1) + 1, np.flatnonzero(changes == -1) + 1
    cut = np.zeros(len(edge), bool)
    for start, end in zip(starts, ends, strict=True):
        if end - start <= max(2 * letter, len(edge) / 80):
            cut[max(0, int(start - letter)) : int(end + letter)] = True
    return float(cut.mean())
