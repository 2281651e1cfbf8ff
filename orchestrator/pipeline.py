"""A pipeline: which steps a page goes through, in which order, under which conditions."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property

from pydantic import ValidationError

from meshkit.errors import InvalidInput
from orchestrator.calls import RetryPolicy
from orchestrator.conditions import Condition
from orchestrator.stages.base import Stage, StageConfig, StageFactory

_DURATION = re.compile(r"([0-9]+(?:\.[0-9]+)?)\s*(ms|s|m|h)")
_SECONDS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0}


def parse_duration(text: str) -> float:
    """`500ms`, `30s`, `10m`, `1.5h` in seconds. Raises ValueError for anything else, and for 0."""
    match = _DURATION.fullmatch(text.strip())
    seconds = float(match[1]) * _SECONDS[match[2]] if match else 0.0
    if seconds <= 0:
        raise ValueError(f"`{text}` is no duration above 0 such as 500ms, 30s, 10m or 1h")
    return seconds


@dataclass(frozen=True)
class Step:
    """One step.

    Attributes:
        name: unique in its pipeline; facts are asked for under it.
        stage: name of the stage that does it.
        factory: that stage's.
        work: the stage, made for this step.
        after: names of the steps that it follows.
        helped_by: those of them that it can do without: it waits for them, and runs without the
            answer of one that failed or was skipped.
        when: its condition; None: always.
        deadline: seconds for one page, retries included.
        retries: how often a call to a model is repeated.
        options: the stage's options as the pipeline sets them.
        is_optional: whether the page may be ok, and the steps after it run, without it.
        is_kept: whether its answer is in the page's result; the steps after it see it either way.
    """

    name: str
    stage: str
    factory: StageFactory
    work: Stage
    after: tuple[str, ...] = ()
    helped_by: frozenset[str] = frozenset()
    when: Condition | None = None
    deadline: float = 60.0
    retries: RetryPolicy = field(default_factory=RetryPolicy)
    options: StageConfig = field(default_factory=StageConfig)
    is_optional: bool = False
    is_kept: bool = True


@dataclass(frozen=True)
class Pipeline:
    """A validated pipeline at one version.

    Attributes:
        name, version, description: as its file states them.
        digest: `sha256:<hex>` of the file.
        deadline: seconds for a whole document.
        steps: in the order of the file.
    """

    name: str
    version: str
    description: str
    digest: str
    deadline: float
    steps: tuple[Step, ...]

    @cached_property
    def order(self) -> tuple[Step, ...]:
        """The steps, each behind those that it follows."""
        done: dict[str, Step] = {}
        waiting = list(self.steps)
        while waiting:
            ready = [step for step in waiting if all(name in done for name in step.after)]
            done.update((step.name, step) for step in ready)
            waiting = [step for step in waiting if step.name not in done]
        return tuple(done.values())

    @cached_property
    def last_steps(self) -> frozenset[str]:
        """Names of the steps that none follows."""
        followed = {name for step in self.steps for name in step.after}
        return frozenset(step.name for step in self.steps) - followed

    def options_for(self, overrides: Mapping[str, str]) -> dict[str, StageConfig]:
        """Every step's options, with a request's `step.option` = text laid over them.

        Raises InvalidInput naming every option that does not exist or has a bad value.
        """
        if not overrides:
            return {step.name: step.options for step in self.steps}
        wanted: dict[str, dict[str, str]] = {step.name: {} for step in self.steps}
        problems: list[str] = []
        for key, value in sorted(overrides.items()):
            step, _, option = key.partition(".")
            if step not in wanted or not option:
                names = ", ".join(wanted)
                problems.append(f"`{key}`: give step.option; pipeline `{self.name}` has {names}")
            else:
                wanted[step][option] = value
        options = {step.name: _overlaid(step, wanted[step.name], problems) for step in self.steps}
        if problems:
            raise InvalidInput("options: " + "; ".join(problems), metadata={"field": "options"})
        return options


def _overlaid(step: Step, overrides: Mapping[str, str], problems: list[str]) -> StageConfig:
    if not overrides:
        return step.options
    try:
        return type(step.options).model_validate({**step.options.model_dump(), **overrides})
    except ValidationError as error:
        problems.extend(f"`{step.name}.{text}" for text in option_problems(error, step.options))
        return step.options


def option_problems(error: ValidationError, options: StageConfig | type[StageConfig]) -> list[str]:
    """What is wrong with a stage's options: a line each, beginning with the option and a tick."""
    config = options if isinstance(options, type) else type(options)
    takes = ", ".join(config.model_fields) or "none"
    return [
        f"{'.'.join(map(str, detail['loc']))}`: {detail['msg']} (options of this stage: {takes})"
        for detail in error.errors(include_url=False)
    ]
