"""Text: a page's words are the multiset of its lower-case alphanumeric tokens."""

import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from eval.selection import Label

TOKEN = re.compile(r"[^\W_]+")
BINS = 10


@dataclass
class WordScore:
    """Sums over pages. Recall and precision are over all tokens of all pages.

    The calibration error is that of the words' confidences in ten equal bins, a word being right
    when its tokens are among the page's labels that no surer word took.
    """

    pages: int = 0
    labelled: int = 0
    read: int = 0
    right: int = 0
    confidences: list[float] = field(default_factory=list)
    truth: list[bool] = field(default_factory=list)

    @property
    def recall(self) -> float:
        return self.right / max(self.labelled, 1)

    @property
    def precision(self) -> float:
        return self.right / max(self.read, 1)

    @property
    def calibration_error(self) -> float | None:
        """None of a reader without confidences."""
        if not self.confidences:
            return None
        return expected_calibration_error(
            np.array(self.confidences), np.array(self.truth, np.float64)
        )

    @property
    def mistakes(self) -> float:
        """Tokens missed and tokens invented."""
        return self.labelled + self.read - 2 * self.right

    def add(self, labels: Counter[str], words: Iterable[tuple[str, float | None]]) -> None:
        """Count one page.

        Args:
            labels: its tokens.
            words: what was read, each with its confidence in [0, 1] if it has one.
        """
        found = [(tokens(text), confidence) for text, confidence in words]
        read = Counter(token for parts, _ in found for token in parts)
        self.pages += 1
        self.labelled += labels.total()
        self.read += read.total()
        self.right += (labels & read).total()
        left = labels.copy()
        sure = [(confidence, parts) for parts, confidence in found if confidence is not None]
        for confidence, parts in sorted(sure, key=lambda word: -word[0]):
            if parts:
                wanted = Counter(parts)
                right = wanted <= left
                left -= wanted if right else Counter()
                self.confidences.append(confidence)
                self.truth.append(right)

    def figures(self) -> dict[str, float | None]:
        return {
            "words": self.labelled,
            "recall": self.recall,
            "precision": self.precision,
            "ECE": self.calibration_error,
        }


def tokens(text: str) -> list[str]:
    """Runs of letters and digits, in lower case, in their order."""
    return TOKEN.findall(text.lower())


def labelled_tokens(label: Label) -> Counter[str]:
    """The tokens of a page that has `words` or `lines`."""
    parts = label.get("words") or label["lines"]
    return Counter(token for part in parts for token in tokens(part["text"]))


def expected_calibration_error(
    confidences: NDArray[np.float64], right: NDArray[np.float64]
) -> float:
    """Mean distance of confidence and share of right answers, weighed over equal bins."""
    bins = np.minimum((confidences * BINS).astype(int), BINS - 1)
    distances = (
        abs(confidences[bins == b].mean() - right[bins == b].mean()) * (bins == b).mean()
        for b in np.unique(bins)
    )
    return float(sum(distances))
