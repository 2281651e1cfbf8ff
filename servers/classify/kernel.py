"""Pages by their similarity to each other: what a classifier is solved among."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from servers.classify.classifier import Scaling, dense_features
from servers.classify.page_vector import PageMatrix
from servers.classify.text import HASHED


class Kernel:
    """Pages by their similarity to each other, for one view of them."""

    def __init__(
        self, pages: PageMatrix, statistics: Scaling, layout: Scaling, with_text: bool
    ) -> None:
        self._pages = pages if with_text else None
        self.dense = dense_features(pages, statistics, layout, with_text)
        gram = self.dense @ self.dense.T
        if with_text:
            gram += _word_gram(pages)
        self._norms = np.sqrt(np.maximum(gram.diagonal(), 1e-12))
        values, vectors = np.linalg.eigh(gram)
        kept = values > values[-1] * 1e-7
        self._back = vectors[:, kept] / np.sqrt(values[kept])
        self.rows: NDArray[np.float64] = vectors[:, kept] * np.sqrt(values[kept])
        """(n, r) coordinates of the pages with the same similarities."""

    def means(
        self, chosen: NDArray[np.int64], classes: NDArray[np.str_], labels: Sequence[str]
    ) -> NDArray[np.float64]:
        """(labels, r) coordinates of the mean page of each class, of norm 1; 0 without pages.

        Args:
            chosen: the pages that count.
            classes: of all pages.
            labels: the classes wanted.
        """
        rows = self.rows[chosen] / self._norms[chosen, None]
        sums = np.stack([rows[classes[chosen] == name].sum(axis=0) for name in labels])
        return np.asarray(sums / np.maximum(np.linalg.norm(sums, axis=1), 1e-12)[:, None])

    def likeness(
        self, chosen: NDArray[np.int64], means: NDArray[np.float64]
    ) -> NDArray[np.float64]:
        """(chosen, labels) cosine between pages and mean pages."""
        return np.asarray(self.rows[chosen] @ means.T / self._norms[chosen, None])

    def weights(
        self, coefficients: NDArray[np.float64]
    ) -> tuple[NDArray[np.float32] | None, NDArray[np.float32]]:
        """Coefficients (k, r) of the coordinates as weights of words (HASHED, k), dense (d, k)."""
        shares = self._back @ coefficients.T
        dense = (self.dense.T @ shares).astype(np.float32)
        if self._pages is None:
            return None, dense
        words = np.zeros((HASHED, len(coefficients)))
        pages = self._pages
        for share, start, end in zip(shares, pages.starts, pages.starts[1:], strict=False):
            words[pages.places[start:end]] += np.outer(pages.values[start:end], share)
        return words.astype(np.float32), dense


def _word_gram(pages: PageMatrix) -> NDArray[np.float64]:
    """(n, n) inner products of the hashed words."""
    from scipy.sparse import csr_array  # noqa: PLC0415  only training needs it

    shape = len(pages), HASHED
    table = csr_array((pages.values.astype(np.float64), pages.places, pages.starts), shape=shape)
    return np.asarray((table @ table.T).toarray(), np.float64)
