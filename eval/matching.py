"""Which found rectangle is which labelled one."""

import numpy as np
from numpy.typing import NDArray

from eval.labelled import Rects

SMALL_PX = 18
"""A labelled box under this size is found when the middle of the found one lies in it."""
IGNORED = -2
WRONG = -1


def match(
    found: Rects,
    labelled: Rects,
    ignore: Rects,
    *,
    min_iou: float,
    small_by_middle: bool = False,
) -> NDArray[np.intp]:
    """For each found rectangle the index of the labelled one, `WRONG`, or `IGNORED`.

    Args:
        found: (n, 4), best first: a better one takes the label, later ones are wrong.
        labelled: (m, 4); the one with the greatest overlap that is still free is taken.
        ignore: (k, 4); a found one with its middle in these is neither right nor wrong.
        min_iou: least intersection over union.
        small_by_middle: whether small labels are matched by the middle.
    """
    free = np.ones(len(labelled), bool)
    answer = np.full(len(found), WRONG, np.intp)
    small = np.minimum(labelled[:, 2], labelled[:, 3]) < SMALL_PX
    for index, rect in enumerate(found):
        iou = overlaps(rect, labelled)
        good = iou >= min_iou
        if small_by_middle:
            good |= small & contains(labelled, rect[:2] + rect[2:] / 2)
        good &= free
        if good.any():
            best = int(np.argmax(np.where(good, iou, -1)))
            free[best], answer[index] = False, best
        elif contains(ignore, rect[:2] + rect[2:] / 2).any():
            answer[index] = IGNORED
    return answer


def overlaps(rect: NDArray[np.float64], others: Rects) -> NDArray[np.float64]:
    """Intersection over union of one rectangle with each of the others (n,)."""
    low = np.maximum(rect[:2], others[:, :2])
    high = np.minimum(rect[:2] + rect[2:], others[:, :2] + others[:, 2:])
    common = np.prod(np.maximum(high - low, 0), axis=1)
    return np.asarray(common / (rect[2] * rect[3] + others[:, 2] * others[:, 3] - common))


def contains(rects: Rects, point: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Which of the rectangles (n,) hold the point."""
    inside = (point >= rects[:, :2]) & (point <= rects[:, :2] + rects[:, 2:])
    return np.asarray(inside.all(axis=1))


def share(part: float, whole: float) -> float | None:
    """None of nothing."""
    return part / whole if whole else None


def f1(right: int, found: int, wanted: int) -> float:
    """Harmonic mean of precision and recall; 1 when nothing was wanted and nothing found."""
    return 2 * right / (found + wanted) if found + wanted else 1.0


def average_precision(scores: list[float], right: list[bool], wanted: int) -> float:
    """Area under the precision-recall curve, precision made monotone (as in PASCAL VOC 2010)."""
    if not wanted or not scores:
        return 0.0
    order = np.argsort(-np.array(scores), kind="stable")
    hits = np.cumsum(np.array(right)[order])
    precision = hits / np.arange(1, len(hits) + 1)
    precision = np.maximum.accumulate(precision[::-1])[::-1]
    recall = np.concatenate([[0.0], hits / wanted])
    return float(np.sum(np.diff(recall) * precision))
