"""The checkbox model: three looks at a page, one after the other.

One network proposes boxes on the whole page, another judges each of them by its own pictures, and
then each is seen beside the page's other boxes.
"""

from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from enum import Enum
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from meshkit.errors import ModelNotReady, PagemeshError
from meshkit.geometry import Points
from meshkit.letterbox import Letterbox, fit_page, group_pages
from meshkit.model import Image, ModelIdentity, PageInput, PageModel
from meshkit.onnx import cuda_is_there, digest_of
from servers.checkbox.config import CheckboxConfig
from servers.checkbox.decode import decode, reading_order
from servers.checkbox.judge import Judge
from servers.checkbox.peers import PeerJudge
from servers.checkbox.propose import INPUT_SIZE, Proposer, to_edges

VERSION = "2.3.2"
WEIGHTS = Path(__file__).parent / "weights"
"""The folder of the networks and of the weights by which a page's boxes are compared."""
PROPOSER, JUDGE, PEERS = "checkbox.onnx", "checkbox_judge.onnx", "checkbox_peers.json"
CPU_PROPOSER, CPU_JUDGE = "checkbox_int8.onnx", "checkbox_judge_int8.onnx"
"""The same networks, mostly in eight-bit numbers: faster on a CPU, nothing gained on a GPU."""
LEAST_PROPOSAL = 0.03
"""Chance from which on a proposal is judged."""


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


@dataclass(frozen=True, slots=True)
class _Looks:
    """What is opened: three looks at a page, one after the other."""

    proposer: Proposer
    judge: Judge
    peers: PeerJudge


class CheckboxModel(PageModel[CheckboxOptions, CheckboxResult]):
    """Finds boxes on upright pages."""

    concurrent = True

    def __init__(self, config: CheckboxConfig, weights: Path = WEIGHTS) -> None:
        self._config = config
        self._weights = weights
        self._looks: _Looks | None = None

    def load(self) -> ModelIdentity:
        """Open the networks and run them once.

        Raises:
            FileNotFoundError: weights are missing.
            ValueError: the weights of the page's other boxes are not of this version.
            RuntimeError: the device asked for cannot be had.
        """
        on_gpu = self._config.device != "cpu" and cuda_is_there()
        names = (PROPOSER, JUDGE) if on_gpu else (CPU_PROPOSER, CPU_JUDGE)
        weights = [self._weights / name for name in (*names, PEERS)]
        proposer = Proposer(weights[0], self._config)
        judge = Judge(weights[1], threads=self._config.intra_op_threads, device=self._config.device)
        blank = np.full((64, 64), 255, np.uint8)
        proposer.propose(blank, 1.0)
        judge.look(blank, np.array([[8.0, 8.0, 24.0, 24.0]]), np.zeros((1, 3)))
        self._looks = _Looks(proposer, judge, PeerJudge(weights[2]))
        return ModelIdentity("checkbox", VERSION, digest_of(weights), proposer.device)

    def bucket(self, page: PageInput[CheckboxOptions]) -> Hashable:
        """The shape that the proposing network sees."""
        return INPUT_SIZE.padded(page.image)

    def predict(
        self, pages: Sequence[PageInput[CheckboxOptions]]
    ) -> Sequence[CheckboxResult | PagemeshError]:
        """The boxes of each page; none on a page without any, however small or empty it is."""
        looks = self._loaded()
        fitted = [fit_page(page.image, INPUT_SIZE) for page in pages]
        results: list[CheckboxResult] = [()] * len(pages)
        for group in group_pages(fitted, together=looks.proposer.device != "cpu"):
            heads = looks.proposer.heads([box for _, box in group])
            for (index, box), head in zip(group, heads, strict=True):
                results[index] = self._boxes(looks, head, box, pages[index])
        return results

    def close(self) -> None:
        if self._looks is not None:
            self._looks.judge.close()
        self._looks = None

    def _loaded(self) -> _Looks:
        if self._looks is None:
            raise ModelNotReady("the checkbox model is not loaded")
        return self._looks

    def _boxes(
        self,
        looks: _Looks,
        head: NDArray[np.float32],
        fitted: Letterbox,
        page: PageInput[CheckboxOptions],
    ) -> CheckboxResult:
        """What passes of what the head proposes, in reading order."""
        threshold = page.options.threshold
        if threshold is None:
            threshold = self._config.threshold
        found = decode(head, LEAST_PROPOSAL)
        rects = to_edges(found, fitted)
        crops, judged = looks.judge.look(_grey(page.image), rects, found.chances)
        chances = looks.peers.judge(rects, judged, crops)
        passed = chances[:, 0] >= threshold
        rects, chances = rects[passed], chances[passed]
        order = reading_order(rects)
        quads = rects[order][:, [[0, 1], [2, 1], [2, 3], [0, 3]]] - 0.5
        return tuple(
            Checkbox(
                quad=quad,
                score=score,
                checked=checked_score >= self._config.checked_threshold,
                checked_score=checked_score,
                shape=Shape.CIRCLE if circle >= 0.5 else Shape.SQUARE,
            )
            for quad, (score, checked_score, circle) in zip(
                quads, chances[order].tolist(), strict=True
            )
        )


def _grey(image: Image) -> Image:
    if image.ndim == 2:
        return image
    return np.asarray(cv2.cvtColor(image, cv2.COLOR_BGR2GRAY), np.uint8)
