"""Grey pages travel as one channel: a third of the bytes."""

import numpy as np

from orchestrator.documents.pages import Samples

TOLERANCE = 3
"""Channels that differ by no more than this everywhere count as grey: JPEG's rounding leaves as
much on a grey scan."""

_ROWS = 64


def as_grey_if_grey(bgr: Samples) -> Samples:
    """The green channel alone when no pixel has colour, else the image as it is.

    Args:
        bgr: (height, width, 3).
    Returns:
        (height, width) contiguous, or `bgr`.
    """
    if _has_colour(bgr[::_ROWS]):
        return bgr
    for top in range(0, bgr.shape[0], _ROWS):
        if _has_colour(bgr[top : top + _ROWS]):
            return bgr
    return np.ascontiguousarray(bgr[:, :, 1])


def _has_colour(rows: Samples) -> bool:
    blue, green, red = rows[:, :, 0], rows[:, :, 1], rows[:, :, 2]
    highest = np.maximum(np.maximum(blue, green), red)
    lowest = np.minimum(np.minimum(blue, green), red)
    return bool((highest - lowest).max(initial=0) > TOLERANCE)
