"""Checkboxes: found, and rightly read."""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from eval.labelled import Rects, Truth
from eval.matching import WRONG, f1, match, share

MIN_IOU = 0.3


@dataclass(frozen=True, slots=True)
class FoundBox:
    """What a model says: x, y, width, height in the pixels of the labels, and more."""

    rect: NDArray[np.float64]
    checked: bool
    score: float


@dataclass
class CheckboxScore:
    """Sums over pages.

    A box is found when it overlaps the labelled one by an IoU of at least 0.3 or, under 18 px, has
    its middle in it. Found boxes in `ignore` areas and on ambiguous labels count neither way; where
    labels are not complete, wrong boxes are not counted. State accuracy is over the boxes found;
    checked F1 is of boxes that were found and rightly read as checked.
    """

    pages: int = 0
    labelled: int = 0
    found: int = 0
    right: int = 0
    state_right: int = 0
    checked_labelled: int = 0
    checked_found: int = 0
    checked_right: int = 0

    @property
    def mistakes(self) -> float:
        """Boxes missed, invented, and wrongly read."""
        return self.labelled + self.found - self.right - self.state_right

    def add(self, truth: Truth, boxes: Iterable[FoundBox]) -> None:
        """Count one page's boxes."""
        best_first = sorted(boxes, key=lambda box: -box.score)
        clear = np.array([not item.get("ambiguous") for item in truth.items], bool)
        items = [item for item, kept in zip(truth.items, clear, strict=True) if kept]
        labels = match(
            as_rects([box.rect for box in best_first]),
            truth.rects[clear],
            np.concatenate([truth.ignore, truth.rects[~clear]]),
            min_iou=MIN_IOU,
            small_by_middle=True,
        )
        self.pages += 1
        self.labelled += len(items)
        self.checked_labelled += sum(item["checked"] for item in items)
        for box, label in zip(best_first, labels, strict=True):
            if label >= 0:
                checked = bool(items[label]["checked"])
                self.right += 1
                self.found += 1
                self.state_right += box.checked == checked
                self.checked_found += box.checked
                self.checked_right += box.checked and checked
            elif label == WRONG and truth.complete:
                self.found += 1
                self.checked_found += box.checked

    def figures(self) -> dict[str, float | None]:
        """None of what no label has."""
        box_f1 = f1(self.right, self.found, self.labelled)
        checked_f1 = f1(self.checked_right, self.checked_found, self.checked_labelled)
        return {
            "boxes": self.labelled,
            "precision": share(self.right, self.found),
            "recall": share(self.right, self.labelled),
            "box F1": box_f1 if self.labelled else None,
            "state": share(self.state_right, self.right),
            "checked F1": checked_f1 if self.checked_labelled else None,
        }


def as_rects(rects: list[NDArray[np.float64]]) -> Rects:
    """(n, 4), also of none."""
    return np.array(rects, np.float64).reshape(-1, 4)
