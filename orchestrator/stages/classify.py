"""Asks the classify model what kind of page it is."""

from collections.abc import Iterable

from pydantic import Field

from orchestrator.stages.base import StageConfig
from orchestrator.stages.model_stage import ModelContract, model_factory
from pagemesh.classify.v1.classify_service_pb2 import (
    ClassifyOptions,
    ClassifyPageRequest,
    ClassifyResult,
)
from pagemesh.classify.v1.classify_service_pb2_grpc import ClassifyServiceStub


class ClassifyConfig(StageConfig):
    """Options of the classify step."""

    threshold: float = Field(default=0.0, ge=0.0, le=1.0)
    """Below this score a page is `unknown`; 0 takes the server's default."""


def _scores(result: ClassifyResult) -> Iterable[float]:
    yield from (result.score, result.threshold)
    yield from (score.score for score in result.scores)


FACTORY = model_factory(
    ModelContract(
        model="classify",
        stub=ClassifyServiceStub,
        method="ClassifyPage",
        request=ClassifyPageRequest,
        result=ClassifyResult,
        options=lambda config: ClassifyOptions(threshold=config.threshold),
        scores=_scores,
        check=lambda result, _page: "" if result.label else "no label",
    ),
    ClassifyConfig,
)
