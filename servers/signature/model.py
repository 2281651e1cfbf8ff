"""The signature model: a small fully convolutional network on the whole page."""

from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from meshkit.errors import ModelNotReady, PagemeshError
from meshkit.geometry import Points
from meshkit.letterbox import Letterbox, LetterboxSize, fit_page, group_pages, stack_pages
from meshkit.model import ModelIdentity, PageInput, PageModel
from meshkit.onnx import OnnxSession, digest_of, open_session
from servers.signature.config import SignatureConfig
from servers.signature.decode import decode

VERSION = "2.0.1"
WEIGHTS = Path(__file__).parent / "weights" / "signature.onnx"
INPUT_SIZE = LetterboxSize(long_side=960, multiple=64)


@dataclass(frozen=True, slots=True)
class SignatureOptions:
    """Which signatures to return.

    Attributes:
        threshold: least score; None takes the server's.
    """

    threshold: float | None = None


@dataclass(frozen=True, slots=True)
class Signature:
    """A handwritten signature.

    Attributes:
        quad: (4, 2) corners around its ink in pixels of the page, clockwise from the top left.
        score: chance in [0, 1] that this is a signature.
    """

    quad: Points
    score: float


SignatureResult = tuple[Signature, ...]
"""Signatures, best first."""


class SignatureModel(PageModel[SignatureOptions, SignatureResult]):
    """Finds signatures on upright pages."""

    concurrent = True

    def __init__(self, config: SignatureConfig, weights: Path = WEIGHTS) -> None:
        self._config = config
        self._weights = weights
        self._session: OnnxSession | None = None

    def load(self) -> ModelIdentity:
        """Open the network and run it once.

        Raises:
            FileNotFoundError: the weights are missing.
            RuntimeError: the device asked for cannot be had.
        """
        self._session = open_session(
            self._weights,
            intra_op_threads=self._config.intra_op_threads,
            device=self._config.device,
        )
        self._heads(np.zeros((1, 1, 64, 64), np.float32))
        return ModelIdentity("signature", VERSION, digest_of([self._weights]), self._session.device)

    def bucket(self, page: PageInput[SignatureOptions]) -> Hashable:
        """The shape that the network sees."""
        return INPUT_SIZE.padded(page.image)

    def predict(
        self, pages: Sequence[PageInput[SignatureOptions]]
    ) -> Sequence[SignatureResult | PagemeshError]:
        """The signatures of each page; none on an unsigned one, however small or empty it is."""
        fitted = [fit_page(page.image, INPUT_SIZE) for page in pages]
        results: list[SignatureResult] = [()] * len(pages)
        for group in group_pages(fitted, together=self._on_gpu):
            heads = self._heads(stack_pages([box for _, box in group]))
            for (index, box), head in zip(group, heads, strict=True):
                results[index] = self._signatures(head, box, pages[index].options)
        return results

    def close(self) -> None:
        self._session = None

    @property
    def _on_gpu(self) -> bool:
        return self._session is not None and self._session.device != "cpu"

    def _heads(self, images: NDArray[np.float32]) -> NDArray[np.float32]:
        """(n, 1, h, w) pages in [0, 1] to (n, 5, h / 8, w / 8)."""
        if self._session is None:
            raise ModelNotReady("the signature model is not loaded")
        return np.asarray(self._session.run({"image": images})[0], dtype=np.float32)

    def _signatures(
        self, head: NDArray[np.float32], page: Letterbox, options: SignatureOptions
    ) -> SignatureResult:
        threshold = self._config.threshold if options.threshold is None else options.threshold
        rects, scores = decode(head, threshold)
        return tuple(
            Signature(page.to_page(rect[[[0, 1], [2, 1], [2, 3], [0, 3]]]), float(score))
            for rect, score in zip(rects, scores, strict=True)
        )
