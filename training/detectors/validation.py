"""What a trained detector does on pages kept aside: its scores calibrated, its figures printed."""

from collections.abc import Callable, Iterable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from eval.matching import WRONG, f1, match
from training.detectors.calibration import fit_platt, fold
from training.detectors.samples import wear
from training.detectors.sheet import LabelledPage, Rect
from training.detectors.strokes import Random

Floats = NDArray[np.float64]
Find = Callable[[NDArray[np.uint8]], tuple[Floats, Floats]]
"""A page to rectangles (n, 4) x, y, width, height and scores (n,), best first."""
Truth = Callable[[LabelledPage], list[Rect]]

MIN_IOU = 0.3
THRESHOLDS = (0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8)


def worn(pages: Iterable[LabelledPage], rng: Random) -> list[LabelledPage]:
    """The pages as a bad scanner would have left them."""
    return [
        LabelledPage(
            wear(page.image.astype(np.float32), rng).astype(np.uint8),
            page.boxes,
            page.signatures,
            page.ignore,
        )
        for page in pages
    ]


def judge(find: Find, pages: list[LabelledPage], truth: Truth) -> tuple[Floats, Floats, int]:
    """Scores of all that was found, whether each is right (0 or 1), and how much there is."""
    scores: list[float] = []
    right: list[float] = []
    wanted = 0
    for page in pages:
        labelled = np.array(truth(page), np.float64).reshape(-1, 4)
        ignore = np.array(page.ignore, np.float64).reshape(-1, 4)
        rects, found = find(page.image)
        labels = match(rects, labelled, ignore, min_iou=MIN_IOU, small_by_middle=True)
        wanted += len(labelled)
        scores.extend(found[labels >= WRONG])
        right.extend(labels[labels >= WRONG] >= 0)
    return np.array(scores, np.float64), np.array(right, np.float64), wanted


def calibrate_network(
    path: Path, find: Callable[[], Find], pages: list[LabelledPage], truth: Truth
) -> None:
    """Calibrate the network in `path` on `pages`, and print what it does at several thresholds.

    Args:
        find: opens the network in `path` anew; must return all with scores worth a fit.
    """
    scores, right, _ = judge(find(), pages, truth)
    slope, shift = fit_platt(scores, right)
    print(f"calibrated on {len(scores)} found: slope {slope:.3f}, shift {shift:.3f}")
    fold(path, slope, shift)
    scores, right, wanted = judge(find(), pages, truth)
    for threshold in THRESHOLDS:
        kept = scores >= threshold
        hits, found = int(right[kept].sum()), int(kept.sum())
        print(
            f"threshold {threshold}: precision {hits / max(found, 1):.3f} "
            f"recall {hits / max(wanted, 1):.3f} F1 {f1(hits, found, wanted):.3f}"
        )
