"""How good a classifier is on pages that its training left out."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

BINS = 10


@dataclass(frozen=True, slots=True)
class Report:
    """How good a classifier is on pages that its training left out.

    Attributes:
        pages, classes: how many there are.
        accuracy: over classes.
        leaf_accuracy: over leaves, of pages whose leaf has pages in other files.
        layout_accuracy: over classes, without the text.
        calibration_error: expected calibration error of the scores, in [0, 1].
        unknown_auroc: chance that a page of a class left out of training looks less known than one
            of a class that was in; None with fewer than three classes.
        by_class: recall and number of pages.
    """

    pages: int
    classes: int
    accuracy: float
    leaf_accuracy: float
    layout_accuracy: float
    calibration_error: float
    unknown_auroc: float | None
    by_class: dict[str, tuple[float, int]]


def calibration_error(scores: NDArray[np.float64], right: NDArray[np.bool_]) -> float:
    """Expected calibration error over BINS bins of equal width."""
    bins = np.minimum((scores * BINS).astype(int), BINS - 1)
    gaps = [
        abs(scores[bins == b].mean() - right[bins == b].mean()) * (bins == b).mean()
        for b in np.unique(bins)
    ]
    return float(sum(gaps))


def describe(report: Report) -> dict[str, Any]:
    """The report as `model.json` keeps it."""
    return {
        "pages": report.pages,
        "accuracy": round(report.accuracy, 4),
        "leaf_accuracy": round(report.leaf_accuracy, 4),
        "layout_accuracy": round(report.layout_accuracy, 4),
        "calibration_error": round(report.calibration_error, 4),
        "unknown_auroc": None if report.unknown_auroc is None else round(report.unknown_auroc, 4),
        "by_class": {
            name: {"recall": round(recall, 4), "pages": pages}
            for name, (recall, pages) in report.by_class.items()
        },
    }
