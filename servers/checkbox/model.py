"""The checkbox model: a small fully convolutional network on the whole page."""

from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from enum import Enum
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from meshkit.errors import ModelNotReady, PagemeshError
from meshkit.geometry import Points
from meshkit.letterbox import Letterbox, LetterboxSize, fit_page, group_pages, stack_pages
from meshkit.model import ModelIdentity, PageInput, PageModel
from meshkit.onnx import OnnxSession, digest_of, open_session
from servers.checkbox.config import CheckboxConfig
from servers.checkbox.decode import decode, reading_order

VERSION = "1.0.0"
WEIGHTS = Path(__file__).parent / "weights" / "checkbox.onnx"
INPUT_SIZE = LetterboxSize(long_side=1650, multiple=64)


class Shape(Enum):
    """The outline that is to be ticked."""

    SQUARE = "square"
    CIRCLE = "circle"


@dataclass(frozen=True, slots=True)
class CheckboxOptions:
    """Which boxes to return.

    Attributes:
        threshold: least score; None takes the server's.
    """

    threshold: float | None = None


@dataclass(frozen=True, slots=True)
class Checkbox:
    """A box to be ticked.

    Attributes:
        quad: (4, 2) corners of the printed outline in pixels of the page, clockwise from the top
            left.
        score: chance in [0, 1] that this is a box at all.
        checked: whether it carries a mark.
        checked_score: chance in [0, 1] that it does.
        shape: its outline.
    """

    quad: Points
    score: float
    checked: bool
    checked_score: float
    shape: Shape


CheckboxResult = tuple[Checkbox, ...]
"""Boxes from top to bottom, then from left to right."""


class CheckboxModel(PageModel[CheckboxOptions, CheckboxResult]):
    """Finds boxes on upright pages."""

    concurrent = True

    def __init__(self, config: CheckboxConfig, weights: Path = WEIGHTS) -> None:
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
        return ModelIdentity("checkbox", VERSION, digest_of([self._weights]), self._session.device)

    def bucket(self, page: PageInput[CheckboxOptions]) -> Hashable:
        """The shape that the network sees."""
        return INPUT_SIZE.padded(page.image)

    def predict(
        self, pages: Sequence[PageInput[CheckboxOptions]]
    ) -> Sequence[CheckboxResult | PagemeshError]:
        """The boxes of each page; none on a page without any, however small or empty it is."""
        fitted = [fit_page(page.image, INPUT_SIZE) for page in pages]
        results: list[CheckboxResult] = [()] * len(pages)
        for group in group_pages(fitted, together=self._on_gpu):
            heads = self._heads(stack_pages([box for _, box in group]))
            for (index, box), head in zip(group, heads, strict=True):
                results[index] = self._boxes(head, box, pages[index].options)
        return results

    def close(self) -> None:
        self._session = None

    @property
    def _on_gpu(self) -> bool:
        return self._session is not None and self._session.device != "cpu"

    def _heads(self, images: NDArray[np.float32]) -> NDArray[np.float32]:
        """(n, 1, h, w) pages in [0, 1] to (n, 7, h / 4, w / 4)."""
        if self._session is None:
            raise ModelNotReady("the checkbox model is not loaded")
        return np.asarray(self._session.run({"image": images})[0], dtype=np.float32)

    def _boxes(
        self, head: NDArray[np.float32], page: Letterbox, options: CheckboxOptions
    ) -> CheckboxResult:
        threshold = self._config.threshold if options.threshold is None else options.threshold
        found = decode(head, threshold)
        return tuple(
            Checkbox(
                quad=page.to_page(found.rects[index][[[0, 1], [2, 1], [2, 3], [0, 3]]]),
                score=float(found.scores[index]),
                checked=bool(found.checked[index] >= self._config.checked_threshold),
                checked_score=float(found.checked[index]),
                shape=Shape.CIRCLE if found.circle[index] >= 0.5 else Shape.SQUARE,
            )
            for index in reading_order(found.rects)
        )
