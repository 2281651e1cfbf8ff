"""The document classifier: a small convolutional network on a page's layout."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from meshkit.errors import ModelNotReady, PagemeshError
from meshkit.model import ModelIdentity, PageInput, PageModel
from meshkit.onnx import OnnxSession, digest_of, open_session
from servers.classify.config import ClassifyConfig
from servers.classify.features import SIZE, page_features

VERSION = "1.0.0"
WEIGHTS = Path(__file__).parent / "weights" / "classify.onnx"
UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class ClassifyOptions:
    """How sure to be.

    Attributes:
        threshold: below this score the label is `unknown`; None takes the server's.
    """

    threshold: float | None = None


@dataclass(frozen=True, slots=True)
class ClassifyResult:
    """The kind of document a page belongs to.

    Attributes:
        label: the best class, or `unknown`.
        score: of the best class, in [0, 1], also when the label is `unknown`.
        threshold: the one that was applied.
        scores: every class and its score, best first; they add up to 1.
    """

    label: str
    score: float
    threshold: float
    scores: tuple[tuple[str, float], ...]


class ClassifyModel(PageModel[ClassifyOptions, ClassifyResult]):
    """Classifies pages by their layout. It reads no text."""

    concurrent = True

    def __init__(self, config: ClassifyConfig) -> None:
        self._config = config
        self._session: OnnxSession | None = None
        self._labels: tuple[str, ...] = ()

    def load(self) -> ModelIdentity:
        """Open the network and run it once.

        Raises:
            FileNotFoundError: the weights are missing.
            RuntimeError: the device asked for cannot be had.
        """
        session = open_session(
            WEIGHTS,
            intra_op_threads=self._config.intra_op_threads,
            device=self._config.device,
        )
        self._labels = tuple(json.loads(session.metadata["labels"]))
        self._session = session
        self._scores(np.zeros((1, 3, SIZE, SIZE), np.float32))
        return ModelIdentity("classify", VERSION, digest_of([WEIGHTS]), session.device)

    def predict(
        self, pages: Sequence[PageInput[ClassifyOptions]]
    ) -> Sequence[ClassifyResult | PagemeshError]:
        """The class of each page. An empty page is `unknown`, not an error."""
        features = np.stack([page_features(page.image) for page in pages])
        rows = self._scores(features)
        return [self._result(row, page.options) for row, page in zip(rows, pages, strict=True)]

    def close(self) -> None:
        self._session = None

    def _scores(self, features: NDArray[np.float32]) -> NDArray[np.float64]:
        """(n, 3, SIZE, SIZE) to (n, classes). On a CPU one page at a time, the fastest there."""
        session = self._session
        if session is None:
            raise ModelNotReady("the classifier is not loaded")
        parts = [features] if session.device != "cpu" else np.split(features, len(features))
        rows = np.concatenate([session.run({"pages": part})[0] for part in parts])
        scores = rows.astype(np.float64)
        return np.asarray(scores / scores.sum(axis=1, keepdims=True), dtype=np.float64)

    def _result(self, scores: NDArray[np.float64], options: ClassifyOptions) -> ClassifyResult:
        threshold = self._config.threshold if options.threshold is None else options.threshold
        order = np.argsort(-scores, kind="stable")
        ranked = tuple((self._labels[i], float(scores[i])) for i in order)
        best, score = ranked[0]
        return ClassifyResult(best if score >= threshold else UNKNOWN, score, threshold, ranked)
