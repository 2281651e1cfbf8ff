"""The seam between the pipeline engine and what a step does."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from google.protobuf.message import Message
from pydantic import BaseModel, ConfigDict

from orchestrator.calls import CallBudget
from orchestrator.conditions import Fact, FactKind
from orchestrator.facts import facts_of
from orchestrator.forms.library import FormSet
from orchestrator.models import Models
from orchestrator.pages import PageImage
from pagemesh.common.v1.model_pb2 import InferenceCost, ModelIdentity

StageValue = Message | Sequence[Message] | Mapping[str, Any]
"""A contract's result message, a list of them, or (for a plug-in) plain data as JSON knows it."""


class StageConfig(BaseModel):
    """Base of a stage's options. A pipeline sets them, and a request may override them as text."""

    model_config = ConfigDict(frozen=True, extra="forbid")


def split_list(value: Any) -> Any:
    """`en,de` as a list, for options that hold several values: a request gives them as text."""
    return [part.strip() for part in value.split(",")] if isinstance(value, str) else value


@dataclass(frozen=True, slots=True)
class StageResult:
    """What a step found on a page.

    Attributes:
        value: the answer.
        model: which model gave it; None when no model was asked.
        cost: what the model says it cost.
    """

    value: StageValue
    model: ModelIdentity | None = None
    cost: InferenceCost | None = None


@dataclass(frozen=True, slots=True)
class StageContext:
    """All that a step knows about the page.

    Attributes:
        page: the page image, as rasterised; geometry in results is in its pixels.
        results: answers of the steps before this one, by step name.
        options: an instance of the factory's `config`.
        budget: the time and the calls that the step may still spend.
        forms: the registered forms, as they were when the document was begun.
    """

    page: PageImage
    results: Mapping[str, StageValue]
    options: Any
    budget: CallBudget
    forms: FormSet = field(default_factory=FormSet)


class Stage(Protocol):
    """What a step does. One instance serves every page; pages run at the same time."""

    async def run(self, context: StageContext) -> StageResult:
        """Work on one page. Raises a PagemeshError to fail the step on this page."""


@dataclass(frozen=True)
class StageFactory:
    """What the entry point of a stage names.

    Attributes:
        build: makes the stage, given the models.
        config: the type of its options.
        models: nouns of the models that it asks; a pipeline that uses the stage is refused when
            one of them has no address.
        slot: field of PageResult that the answer goes to; empty for a plug-in, whose answer goes
            to `extensions` under the step's name.
        facts: what conditions may ask of its answer; None: whatever the answer has.
        read_facts: finds these facts in an answer.
    """

    build: Callable[[Models], Stage]
    config: type[StageConfig] = StageConfig
    models: tuple[str, ...] = ()
    slot: str = ""
    facts: Mapping[str, FactKind] | None = None
    read_facts: Callable[[Any], Mapping[str, Fact]] = facts_of
