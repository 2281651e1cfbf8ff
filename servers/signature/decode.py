"""From the network's head to signatures.

The head has a cell for every 8 x 8 pixels of the canvas, with five channels: chance that the cell
lies in the middle of a signature, and the logarithms of the distances from the cell's middle to the
signature's left, top, right and bottom side (in 40, 20, 40, 20 pixels; the layout of FCOS, Tian et
al. 2019). Cells that agree on a signature are merged into one rectangle; of each side those know
most that lie nearest to it.

Rectangles are rows of left, top, right, bottom in canvas pixels, counted from the outer edge.
"""

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

STRIDE = 8
UNITS = np.array([40.0, 20.0, 40.0, 20.0])
SIGNS = np.array([-1.0, -1.0, 1.0, 1.0])
LOG_DISTANCE_LIMITS = -3.0, 4.0
"""From 1 px to twice a page: keeps a wild head finite."""
MAX_IOU = 0.25
MAX_COVER = 0.6
"""Share of the smaller rectangle that may lie inside a better one."""
AGREEING_IOU = 0.5
MARGINS = np.array([0.05, 0.03, 0.05, 0.03])
"""Shares of width and height added to the sides: people draw rectangles wider than the network
does, by so much at the median of the real pages that scores were calibrated on."""


def decode(head: NDArray[np.float32], threshold: float) -> tuple[Floats, Floats]:
    """The signatures of one page, best first.

    Args:
        head: (5, h, w) as described above.
        threshold: least score.

    Returns:
        Rectangles (n, 4) and scores (n,).
    """
    rows, columns = np.nonzero(head[0] >= threshold)
    order = np.argsort(-head[0, rows, columns], kind="stable")
    rows, columns = rows[order], columns[order]
    cells = head[:, rows, columns].astype(np.float64).T
    middles = (np.column_stack([columns, rows]) + 0.5) * STRIDE
    distances = np.exp(np.clip(cells[:, 1:], *LOG_DISTANCE_LIMITS)) * UNITS
    trust = cells[:, :1] / distances**2
    rects, scores = merge(np.tile(middles, 2) + SIGNS * distances, cells[:, 0], trust)
    return widen(rects), scores


def widen(rects: Floats) -> Floats:
    """Rectangles (n, 4) with the margins that people leave around ink."""
    sizes = rects[:, 2:] - rects[:, :2]
    return np.asarray(rects + SIGNS * MARGINS * np.tile(sizes, 2))


def merge(rects: Floats, scores: Floats, trust: Floats) -> tuple[Floats, Floats]:
    """One rectangle for each group of rectangles that agree; best first.

    It is the mean of the best and those that agree with it; the score is the best one's. Whatever
    else lies on it is dropped.

    Args:
        rects: (n, 4), best first.
        scores: (n,).
        trust: (n, 4) weight of each side in the mean.
    """
    areas = np.prod(rects[:, 2:] - rects[:, :2], axis=1)
    left = np.arange(len(rects))
    merged, best_scores = [], []
    while len(left):
        best = left[0]
        low = np.maximum(rects[left, :2], rects[best, :2])
        high = np.minimum(rects[left, 2:], rects[best, 2:])
        common = np.prod(np.maximum(high - low, 0), axis=1)
        iou = common / (areas[left] + areas[best] - common)
        cover = common / np.minimum(areas[left], areas[best])
        agreeing = left[iou >= AGREEING_IOU]
        merged.append(np.average(rects[agreeing], axis=0, weights=trust[agreeing]))
        best_scores.append(scores[best])
        left = left[(iou <= MAX_IOU) & (cover <= MAX_COVER)]
    return np.array(merged).reshape(-1, 4), np.array(best_scores)
