"""Labelled page vectors: what a classifier is trained from, kept beside it so that it can grow."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from servers.classify.classifier import WrongModelError, class_of
from servers.classify.page_vector import LAYOUT, WIDTH, PageMatrix, PageVector, stack
from servers.classify.text import STATISTICS

EXAMPLES_FILE = "examples.npz"


class BadExamplesError(ValueError):
    """A file that holds no page vectors; the message says what is wrong."""


@dataclass(frozen=True, slots=True)
class Examples:
    """Pages and what they are.

    Attributes:
        leaves: `class` or `class/family` of each page.
        files: of each page; pages of one file are never split between training and testing.
        pages: their vectors.
        shares: (n,) how much each counts among the pages of a training; 1 is usual.
    """

    leaves: tuple[str, ...]
    files: tuple[str, ...]
    pages: PageMatrix
    shares: NDArray[np.float64]

    def __len__(self) -> int:
        return len(self.leaves)

    def rows(self, chosen: Sequence[int]) -> "Examples":
        """Some of the pages, in the order given."""
        places = np.array(chosen, np.int64)
        return Examples(
            tuple(self.leaves[i] for i in places),
            tuple(self.files[i] for i in places),
            self.pages.rows(places),
            self.shares[places],
        )

    def save(self, path: Path) -> None:
        """Write them to one file, words and layouts with the precision that training needs."""
        pages = self.pages
        np.savez_compressed(
            path,
            allow_pickle=False,
            leaves=np.array(self.leaves),
            shares=self.shares,
            files=np.array(self.files),
            starts=pages.starts.astype(np.uint32),
            places=pages.places.astype(np.uint16),
            values=pages.values.astype(np.float16),
            statistics=pages.statistics.astype(np.float16),
            layout=pages.layout.astype(np.float16),
        )


def read_examples(path: Path) -> Examples:
    """The examples in a file.

    Raises:
        WrongModelError: it is missing, or no file of examples.
    """
    try:
        with np.load(path, allow_pickle=False) as stored:
            arrays = {name: stored[name] for name in stored.files}
        pages = PageMatrix(
            arrays["starts"].astype(np.int64),
            arrays["places"].astype(np.int64),
            arrays["values"].astype(np.float32),
            arrays["statistics"].astype(np.float32),
            arrays["layout"].astype(np.float32),
        )
        leaves = tuple(str(leaf) for leaf in arrays["leaves"])
        files = tuple(str(file) for file in arrays["files"])
        shares = arrays["shares"].astype(np.float64)
    except FileNotFoundError:
        raise WrongModelError(f"{path} is missing: its classes cannot be taken over") from None
    except Exception as error:
        raise WrongModelError(f"{path} cannot be read: {error}") from None
    count = len(pages)
    if not (
        len(leaves) == len(files) == len(shares) == count
        and pages.statistics.shape == (count, STATISTICS)
        and pages.layout.shape == (count, LAYOUT)
    ):
        raise WrongModelError(f"{path} was made by another version; train anew")
    return Examples(leaves, files, pages, shares)


def examples_of(
    leaves: Sequence[str], files: Sequence[str], vectors: Sequence[PageVector]
) -> Examples:
    """Pages that count alike."""
    return Examples(tuple(leaves), tuple(files), stack(vectors), np.ones(len(leaves)))


def read_vectors(path: Path) -> Examples:
    """Examples as a client collects them from the server's answers.

    The file (.npz) holds `leaves` and `files` (n,), `counts` (n,) of each page's features, and
    `places` and `values` of all pages, one after the other.

    Raises:
        BadExamplesError: it does not hold them.
    """
    try:
        with np.load(path, allow_pickle=False) as stored:
            arrays = {name: stored[name] for name in stored.files}
        ends = np.cumsum(arrays["counts"].astype(np.int64))[:-1]
        places = np.split(arrays["places"].astype(np.int64), ends)
        values = np.split(arrays["values"].astype(np.float32), ends)
        vectors = [PageVector(p, v) for p, v in zip(places, values, strict=True)]
        leaves = tuple(str(leaf) for leaf in arrays["leaves"])
        files = tuple(str(file) for file in arrays["files"])
        if any(len(p) and not 0 <= p[0] <= p[-1] < WIDTH for p in places):
            raise ValueError("a place lies outside the vector")
        if not len(leaves) == len(files) == len(vectors):
            raise ValueError("leaves, files and counts differ in number")
    except Exception as error:
        raise BadExamplesError(f"{path} holds no page vectors: {error}") from None
    return examples_of(leaves, files, vectors)


def helping(own: Examples, base: Examples) -> Examples | None:
    """The base's pages of classes that the own pages have too; None when there are none.

    They take the own pages' way of naming: without families unless these have some.
    """
    leaves, classes = set(own.leaves), {class_of(leaf) for leaf in own.leaves}
    renamed = [
        leaf if leaf in leaves else class_of(leaf) if class_of(leaf) in leaves else ""
        for leaf in base.leaves
    ]
    kept = [i for i, leaf in enumerate(renamed) if leaf and class_of(leaf) in classes]
    if not kept:
        return None
    return replace(base.rows(kept), leaves=tuple(renamed[i] for i in kept))


def join(first: Examples, second: Examples) -> Examples:
    """The examples of both, one after the other."""
    a, b = first.pages, second.pages
    pages = PageMatrix(
        np.concatenate([a.starts, b.starts[1:] + a.starts[-1]]),
        np.concatenate([a.places, b.places]),
        np.concatenate([a.values, b.values]),
        np.concatenate([a.statistics, b.statistics]),
        np.concatenate([a.layout, b.layout]),
    )
    return Examples(
        (*first.leaves, *second.leaves),
        (*first.files, *second.files),
        pages,
        np.concatenate([first.shares, second.shares]),
    )


def weights_of(examples: Examples) -> NDArray[np.float64]:
    """(n,) weight of each page, about 1.

    A class weighs the square root of its pages, however many families it has; so do the families
    among each other.
    """
    leaves = np.array(examples.leaves)
    within = _root_weights(leaves)
    classes = np.array([class_of(leaf) for leaf in leaves])
    names, places, counts = np.unique(classes, return_inverse=True, return_counts=True)
    sums = np.array([within[places == i].sum() for i in range(len(names))])
    weights = within * (np.sqrt(counts) / sums)[places]
    return np.asarray(weights / weights.mean() * examples.shares, np.float64)


def _root_weights(names: NDArray[np.str_]) -> NDArray[np.float64]:
    """(n,) so that each name's rows add up to the square root of their number."""
    _, places, counts = np.unique(names, return_inverse=True, return_counts=True)
    return np.asarray(counts[places] ** -0.5, np.float64)
