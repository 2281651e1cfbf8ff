"""The deskew model: how a page lies, the way to set it upright, and its quality."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from meshkit.errors import Internal, ModelNotReady, PagemeshError
from meshkit.geometry import Transform
from meshkit.model import Image, ModelIdentity, PageInput, PageModel
from meshkit.onnx import OnnxSession, digest_of, open_session
from servers.deskew.config import DeskewConfig
from servers.deskew.orientation import SIDE
from servers.deskew.paper import paper_of
from servers.deskew.pose import find_pose
from servers.deskew.quality import PageQuality, measure_quality
from servers.deskew.text import to_grey, working_copy
from servers.deskew.upright import upright_transform

VERSION = "1.4.0"
WEIGHTS = Path(__file__).parent / "weights" / "pplcnet_doc_ori.onnx"


@dataclass(frozen=True, slots=True)
class DeskewOptions:
    """What to do beyond measuring.

    Attributes:
        include_upright_page: also return the upright page as a PNG file.
    """

    include_upright_page: bool = False


@dataclass(frozen=True, slots=True)
class DeskewResult:
    """How a page lies and how well it was scanned.

    Attributes:
        skew_degrees: clockwise, beyond the quarter turns; in [-45, 45], 0 when unknown.
        skew_confidence: in [0, 1].
        quarters: clockwise quarter turns in 0..3; None when unknown.
        orientation_confidence: in [0, 1].
        transform: from the page to the upright page.
        quality: of the scan.
        upright_png: the upright page as a PNG file, when it was asked for.
    """

    skew_degrees: float
    skew_confidence: float
    quarters: int | None
    orientation_confidence: float
    transform: Transform
    quality: PageQuality
    upright_png: bytes | None


class DeskewModel(PageModel[DeskewOptions, DeskewResult]):
    """Measures pages one by one; it has no state but its network."""

    concurrent = True

    def __init__(self, config: DeskewConfig) -> None:
        self._config = config
        self._session: OnnxSession | None = None

    def load(self) -> ModelIdentity:
        """Open the orientation network and run it once.

        Raises:
            FileNotFoundError: the weights are missing.
            RuntimeError: the device asked for cannot be had.
        """
        self._session = open_session(
            WEIGHTS,
            intra_op_threads=self._config.intra_op_threads,
            device=self._config.device,
        )
        self._network(np.zeros((2, 3, SIDE, SIDE), np.float32))
        return ModelIdentity("deskew", VERSION, digest_of([WEIGHTS]), self._session.device)

    def predict(
        self, pages: Sequence[PageInput[DeskewOptions]]
    ) -> Sequence[DeskewResult | PagemeshError]:
        """How each page lies. A page without text is no error: its confidences are low."""
        return [self._answer(page) for page in pages]

    def close(self) -> None:
        self._session = None

    def _answer(self, page: PageInput[DeskewOptions]) -> DeskewResult | PagemeshError:
        height, width = page.image.shape[:2]
        grey = to_grey(page.image)
        working = working_copy(grey)
        stretch = (working.shape[1] / width) / (working.shape[0] / height)
        paper = paper_of(working)
        pose = find_pose(working, paper, self._network, stretch)
        transform = upright_transform(width, height, pose.quarters or 0, pose.skew_degrees)
        try:
            wanted = page.options.include_upright_page
            png = _png(transform.warp(page.image)) if wanted else None
        except PagemeshError as error:
            return error
        return DeskewResult(
            skew_degrees=pose.skew_degrees,
            skew_confidence=pose.skew_confidence,
            quarters=pose.quarters,
            orientation_confidence=pose.orientation_confidence,
            transform=transform,
            quality=measure_quality(grey, working, paper, pose.letter_height, pose.convergence),
            upright_png=png,
        )

    def _network(self, views: NDArray[np.float32]) -> NDArray[np.float32]:
        if self._session is None:
            raise ModelNotReady("the deskew model is not loaded")
        return np.asarray(self._session.run({"x": views})[0], dtype=np.float32)


def _png(image: Image) -> bytes:
    """The image as a PNG file, packed fast rather than tight."""
    done, data = cv2.imencode(".png", image, [cv2.IMWRITE_PNG_COMPRESSION, 1])
    if not done:
        raise Internal("the upright page could not be written as PNG")
    return bytes(data)
