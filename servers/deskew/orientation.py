"""Which of four ways up a page of straight text stands."""

from collections.abc import Callable, Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from meshkit.model import Image
from servers.deskew.text import TextEdges

Network = Callable[[NDArray[np.float32]], NDArray[np.float32]]
"""Views (n, 3, 224, 224) to the probabilities (n, 4) of 0, 1, 2, 3 quarter turns clockwise."""

SIDE = 224
"""Pixels of the network's square view."""
OVERSAMPLING = 3
SAMPLES = 20_000
"""Points of text from which its extent is measured."""
MOST_SQUEEZE = 2.0
"""Times by which text may be squeezed more one way than the other; letters of a line or two that
fill a square can't be read."""
MARGIN = 0.02
"""Of the text's larger extent, on every side of the view."""
SURE = 0.9
"""Probability at which the network is believed when it says so of two positions."""
MEAN = np.array([0.485, 0.456, 0.406], np.float32)
DEVIATION = np.array([0.229, 0.224, 0.225], np.float32)


def text_view(working: Image, text: TextEdges, degrees: float) -> Image:
    """The part of the page that carries text, straightened and squeezed into a square.

    Text that is far longer one way than the other is shown true to its shape, with what is around
    it.

    Args:
        working: grey page at working size.
        text: its text, with at least one point.
        degrees: clockwise direction of the lines; the view shows them horizontal, either way up.

    Returns:
        (224, 224) grey.
    """
    radians = np.radians(degrees)
    back = np.array([[np.cos(radians), np.sin(radians)], [-np.sin(radians), np.cos(radians)]])
    centre = (np.array(working.shape[::-1]) - 1) / 2
    sample = text.points[:: -(-len(text.points) // SAMPLES)]
    straight = (sample + centre) @ back.T
    low, high = np.percentile(straight, [0.5, 99.5], axis=0)
    margin = MARGIN * max(high - low) + 1
    low, high = low - margin, high + margin
    if max(high - low) > MOST_SQUEEZE * min(high - low):
        middle, half = (low + high) / 2, max(high - low) / 2
        low, high = middle - half, middle + half
    scale = np.diag(SIDE * OVERSAMPLING / (high - low))
    matrix = np.column_stack([scale @ back, -scale @ low])
    side = SIDE * OVERSAMPLING
    view = cv2.warpAffine(
        working, matrix, (side, side), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE
    )
    return np.asarray(cv2.resize(view, (SIDE, SIDE), interpolation=cv2.INTER_AREA), dtype=np.uint8)


def vote(network: Network, view: Image) -> NDArray[np.float64]:
    """Probabilities (4,) that the view is turned clockwise by 0, 1, 2 or 3 quarter turns.

    PP-LCNet_x1_0_doc_ori of PaddleOCR looks at the view as it is and upside down, and unless it is
    sure both times and of the same, on its sides too. The answers, turned back, are averaged as
    logarithms.
    """
    answers = _answers(network, view, (0, 2))
    surest = answers.argmax(axis=1)
    if surest[0] != surest[1] or np.exp(answers.max(axis=1).min()) < SURE:
        answers = np.concatenate([answers, _answers(network, view, (1, 3))])
    votes = answers.mean(axis=0)
    weights = np.exp(votes - votes.max())
    return np.asarray(weights / weights.sum(), dtype=np.float64)


def _answers(network: Network, view: Image, positions: Sequence[int]) -> NDArray[np.float64]:
    """Logarithms (n, 4) of what the network says of the view in these positions, turned back."""
    planes = _normalised(view)
    views = np.stack([np.rot90(planes, -turns, axes=(1, 2)) for turns in positions])
    answers = np.log(np.maximum(network(views).astype(np.float64), 1e-9))
    return np.stack([np.roll(row, -turns) for row, turns in zip(answers, positions, strict=True)])


def _normalised(view: Image) -> NDArray[np.float32]:
    """Grey (224, 224) as the network's (3, 224, 224) float32."""
    light = view.astype(np.float32) / 255
    planes = (light - MEAN[:, None, None]) / DEVIATION[:, None, None]
    return np.asarray(planes, np.float32)
