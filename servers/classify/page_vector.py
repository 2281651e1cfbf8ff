"""A page as numbers: what a classifier is trained on and what it judges by."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from servers.classify.text import HASHED, STATISTICS, hash_text, text_statistics

LAYOUT = 384
"""Numbers that the layout network gives for a page."""
WIDTH = HASHED + STATISTICS + LAYOUT
"""Length of a page vector."""


@dataclass(frozen=True, slots=True)
class PageVector:
    """A sparse vector of length WIDTH: hashed words, text statistics, layout, one after the other.

    Attributes:
        places: (n,) rising, in [0, WIDTH).
        values: (n,) none of them 0.
    """

    places: NDArray[np.int64]
    values: NDArray[np.float32]

    @property
    def has_text(self) -> bool:
        """Whether anything was read on the page."""
        return bool((self.places < HASHED).any())


def page_vector(layout: NDArray[np.float32], lines: Sequence[str]) -> PageVector:
    """The vector of a page.

    Args:
        layout: (LAYOUT,) from the layout network.
        lines: the page's text in reading order; none when it was not read.
    """
    places, values = hash_text(lines)
    statistics = text_statistics(lines) if len(places) else np.zeros(STATISTICS)
    dense = np.concatenate([statistics, layout]).astype(np.float32)
    kept = np.flatnonzero(dense)
    return PageVector(
        np.concatenate([places, kept + HASHED]),
        np.concatenate([values.astype(np.float32), dense[kept]]),
    )


@dataclass(frozen=True, slots=True)
class PageMatrix:
    """Page vectors, a row each, taken apart by what they are made of.

    Attributes:
        starts: (n + 1,) row i's words are places[starts[i] : starts[i + 1]], values alike.
        places, values: the hashed words.
        statistics: (n, STATISTICS).
        layout: (n, LAYOUT).
    """

    starts: NDArray[np.int64]
    places: NDArray[np.int64]
    values: NDArray[np.float32]
    statistics: NDArray[np.float32]
    layout: NDArray[np.float32]

    def __len__(self) -> int:
        return len(self.starts) - 1

    @property
    def has_text(self) -> NDArray[np.bool_]:
        """(n,) whether anything was read on the page."""
        return np.diff(self.starts) > 0

    def rows(self, chosen: NDArray[np.int64]) -> "PageMatrix":
        """Some of the rows, in the order given."""
        spans = [np.arange(self.starts[i], self.starts[i + 1]) for i in chosen]
        entries = np.concatenate([np.zeros(0, np.int64), *spans])
        starts = np.concatenate([[0], np.cumsum([len(span) for span in spans])]).astype(np.int64)
        return PageMatrix(
            starts,
            self.places[entries],
            self.values[entries],
            self.statistics[chosen],
            self.layout[chosen],
        )

    def words_times(self, table: NDArray[np.float32]) -> NDArray[np.float64]:
        """The hashed words (n, HASHED) times `table` (HASHED, m), as (n, m)."""
        product = np.zeros((len(self), table.shape[1]))
        for i, (start, end) in enumerate(zip(self.starts, self.starts[1:], strict=False)):
            # Not a matrix product: its sums depend on how many threads share it.
            product[i] = (self.values[start:end, None] * table[self.places[start:end]]).sum(axis=0)
        return product


def stack(vectors: Sequence[PageVector]) -> PageMatrix:
    """The vectors as one matrix."""
    dense = np.zeros((len(vectors), WIDTH - HASHED), np.float32)
    words = [int(np.searchsorted(vector.places, HASHED)) for vector in vectors]
    for row, vector, count in zip(dense, vectors, words, strict=True):
        row[vector.places[count:] - HASHED] = vector.values[count:]
    pairs = list(zip(vectors, words, strict=True))
    return PageMatrix(
        np.concatenate([[0], np.cumsum(words)]).astype(np.int64),
        np.concatenate([np.zeros(0, np.int64), *(v.places[:n] for v, n in pairs)]),
        np.concatenate([np.zeros(0, np.float32), *(v.values[:n] for v, n in pairs)]),
        dense[:, :STATISTICS],
        dense[:, STATISTICS:],
    )
