"""Asks the deskew model how the page lies and how well it was scanned."""

from collections.abc import Iterable

import numpy as np

from orchestrator.pages import PageImage
from orchestrator.stages.base import StageConfig
from orchestrator.stages.model_stage import ModelContract, model_factory
from pagemesh.deskew.v1.deskew_service_pb2 import DeskewOptions, DeskewPageRequest, DeskewResult
from pagemesh.deskew.v1.deskew_service_pb2_grpc import DeskewServiceStub

# An upright page is as large as the page, turned; twice the sum of its sides is beyond any turn.
_LARGEST_GROWTH = 2.0


class DeskewConfig(StageConfig):
    """The deskew step takes no options."""


def _scores(result: DeskewResult) -> Iterable[float]:
    quality = result.quality
    yield from (result.skew_confidence, result.orientation_confidence)
    yield from (quality.blur, quality.darkness, quality.contrast, quality.cut_off)
    yield from (quality.ink_coverage, quality.noise, quality.faintness, quality.glare)


def _check(result: DeskewResult, page: PageImage) -> str:
    """The transform must be one that geometry can be mapped back through."""
    if not result.HasField("upright_transform"):
        return "no upright transform"
    transform = result.upright_transform
    matrix = np.array(transform.matrix)
    if matrix.shape != (9,) or not np.isfinite(matrix).all():
        return "an upright transform without nine finite numbers"
    if abs(np.linalg.det(matrix.reshape(3, 3))) < 1e-12:
        return "an upright transform that cannot be inverted"
    limit = _LARGEST_GROWTH * (page.width + page.height)
    if not (0 < transform.width <= limit and 0 < transform.height <= limit):
        return f"an upright page of {transform.width} x {transform.height} pixels"
    return ""


FACTORY = model_factory(
    ModelContract(
        model="deskew",
        stub=DeskewServiceStub,
        method="DeskewPage",
        request=DeskewPageRequest,
        result=DeskewResult,
        options=lambda _config: DeskewOptions(),
        scores=_scores,
        check=_check,
    ),
    DeskewConfig,
)
