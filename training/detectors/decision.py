"""Scores that decide well at one half: Platt's slope, and a shift chosen by what users ask.

They ask whether a page is signed, and where. The shift puts one half where the sum of both F1 is
greatest: of pages (signed, and something found) and of signatures (found and right). A chance of
one half would be another place: a page has several places that might be signatures, and missing
the only one costs more than a false one beside it.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from eval.matching import WRONG, f1, match
from training.detectors.calibration import fit_platt, fold
from training.detectors.sheet import LabelledPage
from training.detectors.validation import Find, Floats

MIN_IOU = 0.4
SHOWN = (0.3, 0.4, 0.5, 0.6, 0.7)


@dataclass(frozen=True, slots=True)
class Found:
    """What was found on a page.

    Attributes:
        scores: (n,) of what counts.
        right: (n,) whether each is a signature.
        wanted: how many signatures there are.
    """

    scores: Floats
    right: Floats
    wanted: int


def find_on(find: Find, pages: Iterable[LabelledPage]) -> list[Found]:
    """What `find` finds on each page, compared with its labels."""
    results = []
    for page in pages:
        labelled = np.array(page.signatures, np.float64).reshape(-1, 4)
        ignore = np.array(page.ignore, np.float64).reshape(-1, 4)
        rects, scores = find(page.image)
        labels = match(rects, labelled, ignore, min_iou=MIN_IOU)
        counts = labels >= WRONG
        results.append(
            Found(scores[counts], (labels[counts] >= 0).astype(np.float64), len(labelled))
        )
    return results


def both_f1(found: list[Found], threshold: float) -> tuple[float, float]:
    """F1 of pages and of signatures at a threshold."""
    signed = sum(page.wanted > 0 for page in found)
    called = [bool((page.scores >= threshold).any()) for page in found]
    rightly = sum(call and page.wanted > 0 for call, page in zip(called, found, strict=True))
    right = sum(int(page.right[page.scores >= threshold].sum()) for page in found)
    boxes = sum(int((page.scores >= threshold).sum()) for page in found)
    wanted = sum(page.wanted for page in found)
    return f1(rightly, sum(called), signed), f1(right, boxes, wanted)


def calibrate_decision(path: Path, found: list[Found]) -> None:
    """Fold slope and shift into the network in `path`, and print what its scores then do.

    Args:
        found: what the network in `path` found so far, with all scores worth a fit.
    """
    scores = np.concatenate([page.scores for page in found])
    right = np.concatenate([page.right for page in found])
    slope, _ = fit_platt(scores, right)
    places = np.unique(np.quantile(scores[scores > np.median(scores)], np.linspace(0, 1, 400)))
    best = max(places, key=lambda place: sum(both_f1(found, float(place))))
    shift = -slope * float(np.log(best / (1 - best)))
    fold(path, slope, shift)
    print(f"calibrated on {len(found)} pages: slope {slope:.3f}, shift {shift:.3f}")
    for threshold in SHOWN:
        logit = (np.log(threshold / (1 - threshold)) - shift) / slope
        pages, boxes = both_f1(found, float(1 / (1 + np.exp(-logit))))
        print(f"threshold {threshold}: page F1 {pages:.3f}, signature F1 {boxes:.3f}")
