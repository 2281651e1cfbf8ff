"""Asks the checkbox model for the page's boxes."""

from collections.abc import Iterable

from pydantic import Field

from orchestrator.stages.base import StageConfig
from orchestrator.stages.model_stage import ModelContract, model_factory
from pagemesh.checkbox.v1.checkbox_service_pb2 import (
    CheckboxOptions,
    CheckboxResult,
    DetectCheckboxesRequest,
)
from pagemesh.checkbox.v1.checkbox_service_pb2_grpc import CheckboxServiceStub


class CheckboxConfig(StageConfig):
    """Options of the checkbox step."""

    threshold: float = Field(default=0.0, ge=0.0, le=1.0)
    """Boxes with a lower score are left out; 0 takes the server's default."""


def _scores(result: CheckboxResult) -> Iterable[float]:
    for box in result.checkboxes:
        yield from (box.score, box.checked_score)


FACTORY = model_factory(
    ModelContract(
        model="checkbox",
        stub=CheckboxServiceStub,
        method="DetectCheckboxes",
        request=DetectCheckboxesRequest,
        result=CheckboxResult,
        options=lambda config: CheckboxOptions(threshold=config.threshold),
        quads=lambda result: (box.quad for box in result.checkboxes),
        scores=_scores,
    ),
    CheckboxConfig,
)
