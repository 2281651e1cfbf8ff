"""Finds what looks like printed or written text on a page, letter by letter."""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from meshkit.model import Image
from servers.deskew.paper import paper_beside

WORKING_SIDE = 1600
"""Longer side in pixels of the copy of the page on which text is looked for."""
MAX_ENLARGEMENT = 2.0
"""Smaller pages are enlarged to the working size, by this factor at most."""
GRAIN = 3.0
"""Pixels: deviation of the Gaussian that melts dots into the paper and leaves words."""
NEIGHBOURHOOD = 25
"""Side in pixels of the square whose mean tells ink from paper."""
LEAST_DEPTH = np.int16(12)
"""Grey levels by which ink is darker than that mean."""
LEAST_STROKE = 6.0
"""Grey levels by which a letter's outline is darker, in the mean, than the darkest paper beside it:
less has only brighter ground on one side, as the sheet's own edge has."""
LEAST_OUTLINE = 8
"""Pixels of a letter's outline."""
LEAST_RISE = 2.0
"""Grey levels a pixel by which an edge rises, at least; what is flatter has no place."""
LONGEST_LETTER = 1 / 12
"""Of the page's longer side: what is longer is a rule, a frame or a picture."""
MOST_POINTS = 120_000
"""Of more points on edges, every second, third, ... is kept."""

Mask = NDArray[np.uint8]
"""(height, width), 1 where something is."""
Pixels = NDArray[np.intp]
"""(n,) pixels by their number, counted row by row."""
Places = tuple[NDArray[np.int32], NDArray[np.int32]]
"""(n,) y and (n,) x of pixels."""
Floats = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class TextEdges:
    """The edges of a page's text.

    Attributes:
        points: (n, 2) x, y of points on edges, in pixels from the centre of the working copy, to a
            fraction of a pixel.
        normals: (n,) degrees clockwise from the x axis in [-180, 180]: the way out of the ink.
        letters: (n,) number of the letter, in 0..count-1, that each point belongs to.
        count: of letters.
    """

    points: Floats
    normals: Floats
    letters: NDArray[np.int32]
    count: int

    def facing(self, degrees: float, half_angle: float) -> NDArray[np.bool_]:
        """(n,) which points have their normal within `half_angle` of this direction."""
        off = np.abs(self.normals - np.float32((degrees + 180) % 360 - 180))
        return np.asarray((off <= half_angle) | (off >= 360 - half_angle), bool)


def to_grey(image: Image) -> Image:
    """Grey (height, width) of a grey or BGR page."""
    if image.ndim == 2:
        return image
    return np.asarray(cv2.cvtColor(image, cv2.COLOR_BGR2GRAY), dtype=np.uint8)


def working_scale(height: int, width: int) -> float:
    """Factor from pixels of the page to pixels of its working copy."""
    return min(WORKING_SIDE / max(height, width), MAX_ENLARGEMENT)


def working_copy(grey: Image) -> Image:
    """`grey` at working size."""
    scale = working_scale(*grey.shape)
    if scale == 1:
        return grey
    size = [max(1, round(side * scale)) for side in grey.shape[::-1]]
    method = cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC
    return np.asarray(cv2.resize(grey, size, interpolation=method), dtype=np.uint8)


def without_grain(working: Image) -> Image:
    """`working` with the dots of a coarsely dithered or copied page melted into its paper."""
    return np.asarray(cv2.GaussianBlur(working, (0, 0), GRAIN), dtype=np.uint8)


def find_text(working: Image, paper: Image) -> TextEdges:
    """Edges of connected ink of the size of letters, up to short words that run together.

    Ink is what is darker than the mean of its neighbourhood. Specks, rules, frames
    and pictures are dropped by their size: a letter is 4 pixels high at least, and neither side is
    longer than 1/12 of the page. Pieces of the sheet's edge before a brighter ground are dropped
    because the sheet beside them is no brighter.

    Args:
        working: grey page at working size.
        paper: `servers.deskew.paper.paper_of` it.
    """
    smooth, depth = depth_of(working)
    ink = (depth > 0).view(np.uint8)
    _, components = cv2.connectedComponents(ink, connectivity=8)
    height, width = working.shape
    pixels = pixels_of(outline(ink))
    places = np.divmod(pixels.astype(np.int32), np.int32(width))
    component = np.asarray(components.ravel()[pixels], np.int32)
    rise = paper_beside(paper, places, working.shape)
    rise -= np.asarray(smooth.ravel()[pixels], np.int16)
    letter_of = _letters(places, component, rise, LONGEST_LETTER * max(working.shape))
    letters = letter_of[component]
    ys, xs = places
    inside = (ys > 0) & (ys < height - 1) & (xs > 0) & (xs < width - 1)
    chosen = np.flatnonzero((letters >= 0) & inside)
    chosen = chosen[:: max(1, -(-len(chosen) // MOST_POINTS))]
    count = int(letter_of.max(initial=-1)) + 1
    return placed_edges(pixels[chosen], letters[chosen], depth, count)


def depth_of(working: Image) -> tuple[Image, NDArray[np.int16]]:
    """The page a little smoothed, and how many grey levels darker each pixel is than ink must be.

    Args:
        working: grey page at working size.
    """
    smooth = np.asarray(cv2.GaussianBlur(working, (3, 3), 0), np.uint8)
    around = cv2.blur(smooth, (NEIGHBOURHOOD, NEIGHBOURHOOD), borderType=cv2.BORDER_REPLICATE)
    depth = np.asarray(cv2.subtract(around, smooth, dtype=cv2.CV_16S), np.int16)
    return smooth, depth - LEAST_DEPTH


def _letters(
    places: Places,
    component: NDArray[np.int32],
    rise: NDArray[np.int16],
    longest: float,
) -> NDArray[np.int32]:
    """The number of the letter that each connected component is, -1 for what is none.

    Args:
        places: of the components' outermost pixels.
        component: (n,) number of the component that each belongs to.
        rise: (n,) grey levels by which the paper beside each is brighter.
        longest: pixels of a letter's longer side at most.
    """
    count = int(component.max(initial=-1)) + 1
    low = np.full((2, count), np.iinfo(np.int32).max, np.int32)
    high = np.full((2, count), -1, np.int32)
    for axis in (0, 1):
        np.minimum.at(low[axis], component, places[axis])
        np.maximum.at(high[axis], component, places[axis])
    shorter, longer = np.sort(np.where(high < 0, 0, high - low + 1), axis=0)
    keep = (shorter >= 2) & (longer >= 4) & (longer <= longest)
    outlined = np.bincount(component, minlength=count)
    keep &= outlined >= LEAST_OUTLINE
    keep &= np.bincount(component, rise, count) >= LEAST_STROKE * outlined
    return np.where(keep, np.cumsum(keep) - 1, -1).astype(np.int32)


def placed_edges(
    pixels: Pixels,
    letters: NDArray[np.int32],
    depth: NDArray[np.int16],
    count: int,
) -> TextEdges:
    """The edges at the outermost pixels of ink, where the depth passes through zero.

    That is along the depth's gradient, at most a pixel away, and a fraction of a pixel better than
    the pixel's own place, whatever the edge's direction.

    Args:
        pixels: (n,) none of them at the border.
        letters: (n,) each one's letter.
        depth: (height, width); by how many grey levels a pixel is darker than ink must be.
        count: of letters.
    """
    height, width = depth.shape
    flat = depth.ravel()
    rise_x = (flat[pixels + 1].astype(np.float32) - flat[pixels - 1]) / 2
    rise_y = (flat[pixels + width].astype(np.float32) - flat[pixels - width]) / 2
    rise = np.hypot(rise_x, rise_y)
    clear = rise > LEAST_RISE
    pixels, rise_x, rise_y, rise = (part[clear] for part in (pixels, rise_x, rise_y, rise))
    out = np.minimum(flat[pixels] / rise, 1) / rise
    ys, xs = np.divmod(pixels, width)
    points = np.empty((len(pixels), 2), np.float32)
    points[:, 0] = xs - out * rise_x - (width - 1) / 2
    points[:, 1] = ys - out * rise_y - (height - 1) / 2
    normals = np.degrees(np.arctan2(-rise_y, -rise_x))
    return TextEdges(points, normals, letters[clear], count)


def outline(mask: Mask) -> Mask:
    """The outermost pixels of what the mask shows."""
    inner = np.asarray(cv2.erode(mask, np.ones((3, 3), np.uint8)), dtype=np.uint8)
    return mask & ~inner


def pixels_of(mask: Mask) -> Pixels:
    """The pixels that the mask shows."""
    return np.flatnonzero(mask.view(bool))
