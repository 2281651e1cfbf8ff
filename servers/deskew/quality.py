"""How well a page was scanned: measures that are comparable between pages and resolutions."""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from meshkit.model import Image
from servers.deskew.text import Mask, outline, pixels_of

Floats = NDArray[np.float64]

BLANK_COVERAGE = 0.0005
"""A page with less ink is as good as blank."""
LEAST_INK_DEPTH = 16
"""Grey levels by which ink is darker than the paper around it, at least."""
NOMINAL_TEXT_SHARE = 1 / 160
"""Height of small letters over the page's longer side, where no text was found: about that of
10 point text on A4."""
SHARP_WIDTH = 2.0
"""Pixels: width of a sharp edge after the smoothing that `edge_blur` does."""
EDGE_SAMPLES = 1500
EDGE_REACH = 1.25
"""Letter heights to either side of an edge over which its profile is read."""
NOISE_TILE = 16
"""Pixels of the working copy: side of the squares whose noise is measured apart."""
QUIET_SHARE = 0.5
"""Share of the squares, the quietest ones, that are taken for paper without writing."""
LEAST_NOISE_DEPTH = 64.0
"""Grey levels: noise is measured against the ink's depth, and against no less than this."""
GLARE_LEVEL = 245
"""Paper that is brighter is burnt out, where it outshines the rest of the page's paper."""
GLARE_RISE = 25
"""Grey levels by which glare outshines the paper that is level with most of the page."""
PAPER_SHARE = 0.6
"""What is darker than this share of the brightest paper is no paper, but what lies behind it."""


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
        noise: in [0, 1]; deviation of the empty paper's grey levels from their neighbourhood's,
            over the ink's depth. Grain and specks, also of 1-bit pages.
        faintness: in [0, 1]; by how much the strokes of writing are lighter than black ink on this
            paper. 0 on a page without ink.
        glare: in [0, 1]; share of the paper that is burnt out by a light.
        perspective_degrees: by how many degrees lines that are parallel on the paper converge
            across the text; 0 without text.
    """

    blur: float
    darkness: float
    contrast: float
    text_height: float
    cut_off: float
    ink_coverage: float
    noise: float
    faintness: float
    glare: float
    perspective_degrees: float


@dataclass(frozen=True, slots=True)
class Ink:
    """What on a page is darker than its paper.

    Attributes:
        mask: (height, width) uint8, 1 on ink.
        paper_level: median level of the paper.
        depth: grey levels between ink and the paper around it; 0 without ink.
    """

    mask: Mask
    paper_level: float
    depth: float

    @property
    def coverage(self) -> float:
        return float(self.mask.mean())


def measure_quality(
    grey: Image, working: Image, paper: Image, letter: float, convergence: float
) -> PageQuality:
    """Quality of a page.

    Args:
        grey: the page as sent.
        working: its working copy.
        paper: `servers.deskew.paper.paper_of` the working copy.
        letter: height of a small letter in pixels of the working copy; 0 without text.
        convergence: degrees by which parallel lines converge; 0 without text.
    """
    scale = working.shape[0] / grey.shape[0]
    ink = find_ink(working, paper)
    nominal = letter or max(working.shape) * NOMINAL_TEXT_SHARE
    inked = ink.coverage >= BLANK_COVERAGE
    edges = read_edges(grey, ink, scale, nominal / scale) if inked else Edges.none()
    return PageQuality(
        blur=edge_blur(edges, nominal / scale),
        darkness=1 - ink.paper_level / 255,
        contrast=ink.depth / 255 if inked else 0.0,
        text_height=letter / scale,
        cut_off=cut_off(ink.mask, nominal) if inked else 0.0,
        ink_coverage=ink.coverage,
        noise=noise(working, ink.depth or ink.paper_level),
        faintness=faintness(edges, ink.paper_level),
        glare=glare(paper),
        perspective_degrees=convergence,
    )


def find_ink(working: Image, paper: Image) -> Ink:
    """Ink of a grey page at working size.

    Ink is darker than the paper by more than noise is and by at least two fifths of what the
    darkest ink is. A page of one colour is paper.
    """
    size = working.shape[::-1]
    depth = cv2.subtract(cv2.resize(paper, size, interpolation=cv2.INTER_LINEAR), working)
    level = float(np.median(paper))
    noise = 1.4826 * float(np.median(depth[::4, ::4]))
    least = max(LEAST_INK_DEPTH, 4 * noise)
    counts = cv2.calcHist([depth], [0], None, [256], [0, 256]).ravel()
    counts[np.arange(256) <= least] = 0
    if not counts.any():
        return Ink(np.zeros_like(working), level, 0.0)
    shares = np.cumsum(counts)
    full = float(np.searchsorted(shares, 0.75 * shares[-1]))
    _, mask = cv2.threshold(depth, max(least, 0.4 * full), 1, cv2.THRESH_BINARY)
    return Ink(np.asarray(mask, np.uint8), level, full)


@dataclass(frozen=True, slots=True)
class Edges:
    """Edges of ink, read across, n of them.

    Attributes:
        steps: (n,) grey levels from ink to paper.
        slopes: (n,) steepest change over two samples, of half a pixel each, to either side.
    """

    steps: Floats
    slopes: Floats

    @classmethod
    def none(cls) -> "Edges":
        """Of a page without ink."""
        return cls(np.zeros(0), np.zeros(0))


def read_edges(grey: Image, ink: Ink, scale: float, letter: float) -> Edges:
    """The profiles of edges of ink, each read along its normal.

    Args:
        grey: the page as sent.
        ink: of its working copy.
        scale: working copy over page as sent.
        letter: height of a small letter in pixels of the page as sent.
    """
    points, normals = _ink_edges(ink.mask, scale)
    if not len(points):
        return Edges.none()
    reach = max(2.0, EDGE_REACH * letter)
    offsets = np.arange(-reach, reach + 0.25, 0.5)
    xs, ys = (points[:, axis, None] + offsets * normals[:, axis, None] for axis in (0, 1))
    profiles = np.asarray(
        cv2.remap(
            cv2.GaussianBlur(grey, (3, 3), 0),
            xs.astype(np.float32),
            ys.astype(np.float32),
            cv2.INTER_LINEAR,
            borderMode=cv2.BORDER_REPLICATE,
        ),
        dtype=np.float64,
    )
    slopes = np.abs(profiles[:, 2:] - profiles[:, :-2]).max(axis=1)
    steps = profiles.max(axis=1) - profiles.min(axis=1)
    clear = steps > LEAST_INK_DEPTH
    return Edges(steps[clear], slopes[clear])


def edge_blur(edges: Edges, letter: float) -> float:
    """Width of the edges of ink over the height of a small letter; 0 without edges.

    An edge's width is the step across it over its steepest slope (as in P. Marziliano et al., "A
    no-reference perceptual blur metric", ICIP 2002, but as a slope, which noise at the foot of the
    edge does not widen). A step that is sampled once a pixel cannot be narrower than one pixel: so
    much is taken off, in quadrature.

    Args:
        edges: of ink.
        letter: height of a small letter in pixels of the page as sent.
    """
    if not len(edges.steps):
        return 0.0
    width = float(np.median(edges.steps / np.maximum(edges.slopes, 1.0)))
    return float(np.clip(np.sqrt(max(0.0, width**2 - SHARP_WIDTH**2)) / letter, 0, 1))


def faintness(edges: Edges, paper_level: float) -> float:
    """How far the upper quartile of edges of ink falls short of a step from paper to black.

    The upper quartile, since thin strokes of a blurred page fall short too. 0 without edges.
    """
    if not len(edges.steps):
        return 0.0
    return float(np.clip(1 - np.percentile(edges.steps, 75) / max(paper_level, 1.0), 0, 1))


def noise(working: Image, depth: float) -> float:
    """Deviation of empty paper from its neighbourhood, over the depth of the ink.

    Squares that carry writing deviate most, so the quieter half of all squares is taken for paper.

    Args:
        working: grey page at working size.
        depth: grey levels between ink and paper.
    """
    around = cv2.blur(working, (7, 7))
    rough = cv2.absdiff(working, around)
    rough = cv2.multiply(rough, rough, dtype=cv2.CV_32F)
    rows, columns = (max(1, side // NOISE_TILE) for side in working.shape)
    whole = rough[: rows * NOISE_TILE, : columns * NOISE_TILE]
    # Squares of whole pixels: sharing pixels between squares takes eight times as long.
    squares = cv2.resize(whole, (columns, rows), interpolation=cv2.INTER_AREA)
    variance = np.sort(squares, axis=None)
    quiet = float(variance[: max(1, round(QUIET_SHARE * variance.size))].mean())
    return float(np.clip(np.sqrt(quiet) / max(depth, LEAST_NOISE_DEPTH), 0, 1))


def glare(paper: Image) -> float:
    """Share of the paper that is burnt out and outshines the rest.

    Where all paper is as bright, as on most scans, there is none: light that burns out a whole page
    can't be told from white paper.

    Args:
        paper: `servers.deskew.paper.paper_of` the page.
    """
    sample = paper[::2, ::2]
    sheet = sample[sample >= PAPER_SHARE * float(np.percentile(sample, 99))]
    burnt = (sheet >= GLARE_LEVEL) & (sheet >= float(np.median(sheet)) + GLARE_RISE)
    return float(burnt.mean())


def _ink_edges(mask: Mask, scale: float) -> tuple[Floats, Floats]:
    """Points (n, 2) x, y on edges of ink in pixels of the page as sent, and unit normals (n, 2)."""
    edge = pixels_of(outline(mask))
    ys, xs = np.divmod(edge[:: max(1, -(-len(edge) // EDGE_SAMPLES))], mask.shape[1])
    smooth = cv2.GaussianBlur(mask * np.uint8(255), (5, 5), 0)
    rise = np.column_stack([each[ys, xs] for each in cv2.spatialGradient(smooth)])
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
