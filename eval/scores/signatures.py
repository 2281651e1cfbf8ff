"""Signatures: whether a page is signed, and where."""

from collections.abc import Iterable
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from eval.labelled import Rects, Truth
from eval.matching import WRONG, average_precision, f1, match, share

MIN_IOU = 0.4
PRECISION_IOU = 0.5
SCORE = 0.5


@dataclass(frozen=True, slots=True)
class FoundSignature:
    """What a model says: x, y, width, height in the pixels of the labels, and a score."""

    rect: NDArray[np.float64]
    score: float


@dataclass
class SignatureScore:
    """Sums over pages.

    Presence F1 is over pages: signed, and at least one signature found with a score of 0.5. Recall
    and precision are over signatures with that score, right at an IoU of at least 0.4; average
    precision is over all scores, right at an IoU of at least 0.5. Pages whose labels are not
    complete count for recall alone, and for presence when they are signed.

    Attributes:
        score: instead of 0.5.
    """

    score: float = SCORE
    pages: int = 0
    labelled: int = 0
    labelled_complete: int = 0
    found: int = 0
    right: int = 0
    right_complete: int = 0
    signed: int = 0
    called_signed: int = 0
    rightly_signed: int = 0
    scores: list[float] = field(default_factory=list)
    hits: list[bool] = field(default_factory=list)

    @property
    def mistakes(self) -> float:
        """Signatures missed and invented."""
        return self.labelled - self.right + self.found - self.right_complete

    def add(self, truth: Truth, signatures: Iterable[FoundSignature]) -> None:
        """Count one page's signatures, with all scores for the curve."""
        best_first = sorted(signatures, key=lambda signature: -signature.score)
        rects = np.array([signature.rect for signature in best_first]).reshape(-1, 4)
        sure = sum(signature.score >= self.score for signature in best_first)
        labels = match(rects[:sure], truth.rects, truth.ignore, min_iou=MIN_IOU)
        right = int((labels >= 0).sum())
        self.pages += 1
        self.labelled += len(truth.items)
        self.right += right
        if truth.complete:
            self.labelled_complete += len(truth.items)
            self.right_complete += right
            self.found += right + int((labels == WRONG).sum())
            self._add_curve(truth, rects, [signature.score for signature in best_first])
        if truth.items or truth.complete:
            self.signed += bool(truth.items)
            self.called_signed += bool(sure)
            self.rightly_signed += bool(sure and truth.items)

    def _add_curve(self, truth: Truth, rects: Rects, scores: list[float]) -> None:
        labels = match(rects, truth.rects, truth.ignore, min_iou=PRECISION_IOU)
        for score, label in zip(scores, labels, strict=True):
            if label >= WRONG:
                self.scores.append(score)
                self.hits.append(bool(label >= 0))

    def figures(self) -> dict[str, float | None]:
        """None of what no label has."""
        presence_f1 = f1(self.rightly_signed, self.called_signed, self.signed)
        area = average_precision(self.scores, self.hits, self.labelled_complete)
        return {
            "signatures": self.labelled,
            "presence F1": presence_f1 if self.signed else None,
            "recall": share(self.right, self.labelled),
            "precision": share(self.right_complete, self.found),
            "AP@0.5": area if self.labelled_complete else None,
        }
