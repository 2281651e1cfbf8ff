"""Which of four ways up a page of straight text stands."""

from collections.abc import Callable

import cv2
import numpy as np
from numpy.typing import NDArray

from meshkit.model import Image
from servers.deskew.text import Mask, places

Network = Callable[[NDArray[np.float32]], NDArray[np.float32]]
"""Views (n, 3, 224, 224) to the probabilities (n, 4) of 0, 1, 2, 3 quarter turns clockwise."""

SIDE = 224
"""Pixels of the network's square view."""
OVERSAMPLING = 3
SAMPLES = 20_000
"""Pixels of text from which its extent is measured."""
MARGIN = 0.02
"""Of the text's larger extent, on every side of the view."""
MEAN = np.array([0.485, 0.456, 0.406], np.float32)
DEVIATION = np.array([0.229, 0.224, 0.225], np.float32)


def text_view(working: Image, mask: Mask, degrees: float) -> Image:
    """The part of the page that carries text, straightened and squeezed into a square.

    Args:
        working: grey page at working size.
        mask: its text, with at least one pixel.
        degrees: clockwise direction of the lines; the view shows them horizontal, either way up.

    Returns:
        (224, 224) grey.
    """
    radians = np.radians(degrees)
    back = np.array([[np.cos(radians), np.sin(radians)], [-np.sin(radians), np.cos(radians)]])
    straight = places(mask, SAMPLES)[:, ::-1] @ back.T
    low, high = np.percentile(straight, [0.5, 99.5], axis=0)
    margin = MARGIN * max(high - low) + 1
    low, high = low - margin, high + margin
    scale = np.diag(SIDE * OVERSAMPLING / (high - low))
    matrix = np.column_stack([scale @ back, -scale @ low])
    side = SIDE * OVERSAMPLING
    view = cv2.warpAffine(
        working, matrix, (side, side), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE
    )
    return np.asarray(cv2.resize(view, (SIDE, SIDE), interpolation=cv2.INTER_AREA), dtype=np.uint8)


def vote(network: Network, view: Image) -> NDArray[np.float64]:
    """Probabilities (4,) that the view is turned clockwise by 0, 1, 2 or 3 quarter turns.

    PP-LCNet_x1_0_doc_ori of PaddleOCR looks at the view in all four positions; their answers,
    turned back, are averaged as logarithms.
    """
    views = np.stack([_normalised(np.rot90(view, -turns)) for turns in range(4)])
    answers = np.log(np.maximum(network(views).astype(np.float64), 1e-9))
    votes = np.mean([np.roll(answers[turns], -turns) for turns in range(4)], axis=0)
    weights = np.exp(votes - votes.max())
    return np.asarray(weights / weights.sum(), dtype=np.float64)


def _normalised(view: Image) -> NDArray[np.float32]:
    """Grey (224, 224) as the network's (3, 224, 224) float32."""
    planes = (view[..., None].astype(np.float32) / 255 - MEAN) / DEVIATION
    return np.ascontiguousarray(planes.transpose(2, 0, 1), dtype=np.float32)
