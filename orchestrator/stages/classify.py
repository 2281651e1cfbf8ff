"""Asks the classify model what kind of page it is, with the page's text if it was read before."""

from collections.abc import Iterable

from pydantic import Field

from orchestrator.stages.base import StageConfig, StageContext
from orchestrator.stages.model_stage import ModelContract, model_factory
from pagemesh.classify.v1.classify_service_pb2 import (
    ClassifyOptions,
    ClassifyPageRequest,
    ClassifyResult,
)
from pagemesh.classify.v1.classify_service_pb2_grpc import ClassifyServiceStub
from pagemesh.ocr.v1.ocr_service_pb2 import OcrResult


class ClassifyConfig(StageConfig):
    """Options of the classify step."""

    threshold: float = Field(default=0.0, ge=0.0, le=1.0)
    """Below this score a page is `unknown`; 0 takes the server's default."""
    with_features: bool = False
    """Whether the answer holds what a classifier is trained on."""


def _scores(result: ClassifyResult) -> Iterable[float]:
    yield from (result.score, result.threshold)
    yield result.typicality
    yield from (score.score for score in (*result.scores, *result.families))


def _options(config: ClassifyConfig) -> ClassifyOptions:
    return ClassifyOptions(threshold=config.threshold, with_features=config.with_features)


def _add_text(request: ClassifyPageRequest, context: StageContext) -> None:
    """The text of the last step before that read the page."""
    read = [value for value in context.results.values() if isinstance(value, OcrResult)]
    if read:
        request.options.text_lines.extend(line.text for line in read[-1].lines)


FACTORY = model_factory(
    ModelContract(
        model="classify",
        stub=ClassifyServiceStub,
        method="ClassifyPage",
        request=ClassifyPageRequest,
        result=ClassifyResult,
        options=_options,
        scores=_scores,
        check=lambda result, _page: "" if result.label else "no label",
        amend=_add_text,
    ),
    ClassifyConfig,
)
