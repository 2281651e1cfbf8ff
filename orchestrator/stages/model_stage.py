"""A step that asks one model by its contract's unary method."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
from google.protobuf.message import Message

from meshkit.errors import Internal
from orchestrator.facts import declared_facts
from orchestrator.faults import INVALID_MODEL_ANSWER
from orchestrator.models import ModelClient
from orchestrator.pages import PageImage
from orchestrator.stages.base import StageConfig, StageContext, StageFactory, StageResult
from pagemesh.common.v1.geometry_pb2 import Quad, UprightTransform
from pagemesh.deskew.v1.deskew_service_pb2 import DeskewResult

# A corner may lie beyond the page by a rounded warp, never by this share of the page's longer side.
_MARGIN = 0.5


def nothing(_result: Any) -> Iterable[Any]:
    """For results without quads or scores."""
    return ()


@dataclass(frozen=True)
class ModelContract:
    """One model's contract, as a step uses it.

    Attributes:
        model: the model's noun, which is the PageResult field of its answer too.
        stub: the generated stub class.
        method: the stub's unary method.
        request: the method's request message.
        result: the answer's `result` message.
        options: the stage's options as the contract's.
        quads, scores: every quad and every number in [0, 1] of a result, to be checked.
        check: further demands on a result for this page; returns what is wrong, or nothing.
        amend: adds to the request what the steps before found.
    """

    model: str
    stub: Callable[[Any], Any]
    method: str
    request: type[Any]
    result: type[Message]
    options: Callable[[Any], Message]
    quads: Callable[[Any], Iterable[Quad]] = nothing
    scores: Callable[[Any], Iterable[float]] = nothing
    check: Callable[[Any, PageImage], str] = lambda _result, _page: ""
    amend: Callable[[Any, StageContext], None] = lambda _request, _context: None


class ModelStage:
    """Sends the page, checks the answer."""

    def __init__(self, contract: ModelContract, client: ModelClient) -> None:
        self._contract = contract
        self._client = client
        self._method = getattr(contract.stub(client.channel), contract.method)

    async def run(self, context: StageContext) -> StageResult:
        """Ask the model. Raises what the call raises, and Internal (INVALID_MODEL_ANSWER)."""
        request = self._contract.request(options=self._contract.options(context.options))
        self._contract.amend(request, context)
        await context.page.write_to(request.page, upright_transform(context))
        response = await self._client.call(self._method, request, context.budget)
        if fault := self._fault(response, context.page):
            raise Internal(
                f"the {self._client.name} model answered nonsense: {fault}",
                reason=INVALID_MODEL_ANSWER,
                metadata={"model": self._client.name},
            )
        return StageResult(response.result, response.model, response.cost)

    def _fault(self, response: Any, page: PageImage) -> str:
        if response.page_id != page.page_id:
            return f"page `{response.page_id[:100]}` instead of `{page.page_id}`"
        if not response.HasField("result"):
            return "no result"
        result = response.result
        return (
            quad_fault(self._contract.quads(result), page.width, page.height)
            or score_fault(self._contract.scores(result))
            or self._contract.check(result, page)
        )


def model_factory(contract: ModelContract, config: type[StageConfig]) -> StageFactory:
    """The factory of a stage that asks this model."""
    return StageFactory(
        build=lambda models: ModelStage(contract, models.client(contract.model)),
        config=config,
        models=(contract.model,),
        slot=contract.model,
        facts=declared_facts(contract.result),
    )


def upright_transform(context: StageContext) -> UprightTransform | None:
    """The transform that an earlier deskew step found; None when there was none."""
    for value in context.results.values():
        if isinstance(value, DeskewResult) and value.HasField("upright_transform"):
            return value.upright_transform
    return None


def quad_fault(quads: Iterable[Quad], width: int, height: int) -> str:
    """What is wrong with the quads of a page of this size in pixels; empty when nothing is."""
    corners = np.array(
        [
            (corner.x, corner.y)
            for quad in quads
            for corner in (quad.top_left, quad.top_right, quad.bottom_right, quad.bottom_left)
        ],
        dtype=np.float64,
    ).reshape(-1, 2)
    if not np.isfinite(corners).all():
        return "a quad is not finite"
    margin = _MARGIN * max(width, height)
    is_far = (corners < -margin) | (corners > np.array([width, height]) + margin)
    if is_far.any():
        x, y = corners[is_far.any(axis=1)][0]
        return f"a quad at ({x:.0f}, {y:.0f}) is far outside the page of {width} x {height} pixels"
    return ""


def score_fault(scores: Iterable[float]) -> str:
    """What is wrong with numbers that should be in [0, 1]; empty when nothing is."""
    for score in scores:
        if not -1e-6 <= score <= 1 + 1e-6:
            return f"a score of {score}, outside [0, 1]"
    return ""
