"""The direction of a page's lines by the spectrum of all its ink, rules and pictures included.

The Fourier transform of a page along a ray is that of its projection across the ray. Where rays
carry most magnitude, there the page is most regular: so says the adaptive radial projection of
L. Pham et al. ("Adaptive radial projection on Fourier magnitude spectrum for document image skew
estimation", ICIP 2022), of which jdeskew is the authors' own form. That reads the page's transform
at the pixel next to the ray towards its centre, which lies half a pixel off on average: it tells
angles that are too large. Here each ray is a projection of its own, and lies where it is said to.

Angles are degrees clockwise, in image coordinates (x right, y down).
"""

import cv2
import numpy as np

from meshkit.model import Image
from servers.deskew.profile import Singles, in_frame, profile_of, vertex
from servers.deskew.text import to_grey, working_copy

REACH, STEP = 0.5, 0.04
"""Degrees around a known direction in which the page's is looked for."""
NEIGHBOURHOOD, DEPTH = 15, 10
"""Ink is darker than the mean of so many pixels around it by so many grey levels: as in jdeskew."""
SLOWEST = 8
"""Periods a page of what is no line but the page's own unevenness."""


def direction_by_spectrum(image: Image, degrees: float) -> float:
    """The direction within half a degree of `degrees` in which the page is most regular."""
    working = working_copy(to_grey(image))
    ink = cv2.adaptiveThreshold(
        ~working,
        255,
        cv2.ADAPTIVE_THRESH_GAUSSIAN_C,
        cv2.THRESH_BINARY,
        NEIGHBOURHOOD,
        -DEPTH,
    )
    ys, xs = (places.astype(np.float32) for places in np.nonzero(ink))
    bins = cv2.getOptimalDFTSize(int(np.hypot(*working.shape)) + 4)
    from_centre = np.column_stack(
        [xs - (working.shape[1] - 1) / 2, ys - (working.shape[0] - 1) / 2]
    ).astype(np.float32)
    offsets = np.arange(-REACH, REACH + STEP / 2, STEP)
    magnitudes = np.array([_magnitude(from_centre, degrees + off, bins) for off in offsets])
    return degrees + vertex(offsets, magnitudes)


def _magnitude(points: Singles, degrees: float, bins: int) -> float:
    """What a ray of the transform carries: that of the ink projected on lines of this direction."""
    _, across = in_frame(points, degrees)
    profile = profile_of(across + np.float32(bins / 2), bins)
    return float(np.abs(np.fft.rfft(profile)[SLOWEST:]).sum())
