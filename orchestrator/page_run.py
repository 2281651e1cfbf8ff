"""One page's way through a pipeline."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from google.protobuf import json_format
from google.protobuf.duration_pb2 import Duration
from google.protobuf.message import Message
from google.protobuf.struct_pb2 import Struct, Value

from meshkit.errors import DeadlineExceeded, Internal, PagemeshError
from orchestrator.calls import CallBudget
from orchestrator.conditions import Condition, ConditionError, Fact
from orchestrator.faults import known_error, status_for_page
from orchestrator.forms.library import FormSet
from orchestrator.pages import PageImage
from orchestrator.pipeline import Pipeline, Step
from orchestrator.stages.base import StageConfig, StageContext, StageResult, StageValue
from orchestrator.telemetry.recording import step_span, tell_skipped
from pagemesh.orchestrator.v1.document_pb2 import (
    PAGE_OUTCOME_FAILED,
    PAGE_OUTCOME_OK,
    PAGE_OUTCOME_SKIPPED,
    STEP_OUTCOME_FAILED,
    STEP_OUTCOME_OK,
    STEP_OUTCOME_SKIPPED,
    Decision,
    PageResult,
    StepReport,
)

# A model's own deadline comes first; this is for whatever does not keep to it.
_GRACE = 0.5


@dataclass(frozen=True)
class Plan:
    """How the pages of one document are read.

    Attributes:
        pipeline: the pipeline, at the version with which the document began.
        options: every step's options, by step name.
        deadline: the running loop's time at which the document must be done.
        forms: the registered forms, as they were when the document was begun.
    """

    pipeline: Pipeline
    options: Mapping[str, StageConfig]
    deadline: float
    forms: FormSet = field(default_factory=FormSet)


@dataclass
class _StepRun:
    """What became of a step, and what it and the steps before it found."""

    step: Step
    outcome: int
    reason: str = ""
    result: StageResult | None = None
    error: PagemeshError | None = None
    decision: Decision | None = None
    attempts: int = 0
    seconds: float = 0.0
    found: dict[str, StageValue] = field(default_factory=dict)

    @property
    def blocks(self) -> bool:
        """Whether the steps after it cannot run."""
        return self.outcome != STEP_OUTCOME_OK and not self.step.is_optional


async def read_page(plan: Plan, page: PageImage) -> PageResult:
    """Take a page through the pipeline; steps that do not wait for each other run side by side.

    Never raises for what a step does: that is in the result.
    """
    tasks: dict[str, asyncio.Task[_StepRun]] = {}
    async with asyncio.TaskGroup() as group:
        for step in plan.pipeline.order:
            parents = [tasks[name] for name in step.after]
            tasks[step.name] = group.create_task(_follow(plan, step, page, parents))
    runs = [tasks[step.name].result() for step in plan.pipeline.steps]
    return _page_result(plan.pipeline, page, runs)


async def _follow(
    plan: Plan, step: Step, page: PageImage, parents: Sequence[asyncio.Task[_StepRun]]
) -> _StepRun:
    """Run a step once those before it have ended, if they and its condition let it."""
    before = [await parent for parent in parents]
    found = {name: value for run in before for name, value in run.found.items()}
    started = asyncio.get_running_loop().time()
    needed = (run for run in before if run.step.name not in step.helped_by)
    blocker = next((run for run in needed if run.blocks), None)
    if blocker is not None:
        run = _blocked(step, blocker)
    else:
        run = _decide(plan, step, found) or await _perform(plan, step, page, found)
    if run.outcome == STEP_OUTCOME_SKIPPED:
        tell_skipped(step, run.reason)
    run.seconds = asyncio.get_running_loop().time() - started
    run.found = found
    if run.result is not None:
        run.found = {**found, step.name: run.result.value}
    return run


def _blocked(step: Step, blocker: _StepRun) -> _StepRun:
    """A step that cannot run because of one before it."""
    return _StepRun(
        step,
        STEP_OUTCOME_SKIPPED,
        reason=blocker.reason,
        error=blocker.error,
        decision=blocker.decision,
    )


def _decide(plan: Plan, step: Step, found: Mapping[str, StageValue]) -> _StepRun | None:
    """The step as skipped by its condition; None when it is to run."""
    if step.when is None:
        return None
    facts = {
        f"{before.name}.{fact}": value
        for before in plan.pipeline.steps
        if before.name in found
        for fact, value in before.factory.read_facts(found[before.name]).items()
    }
    decision = Decision(condition=step.when.text)
    evidence = step.when.evidence(facts)
    for name, value in evidence.items():
        decision.facts[name].CopyFrom(_fact_value(value))
    try:
        if step.when.holds(facts):
            return None
        reason = _explain(step, step.when, evidence)
        return _StepRun(step, STEP_OUTCOME_SKIPPED, reason=reason, decision=decision)
    except ConditionError as error:
        reason = f"step `{step.name}`: `{step.when.text}` cannot be decided: {error.message}"
        return _StepRun(step, STEP_OUTCOME_SKIPPED, reason=reason, decision=decision)


def _explain(step: Step, condition: Condition, evidence: Mapping[str, Fact]) -> str:
    shown = sorted(evidence.items(), key=lambda item: item[0] not in condition.facts)
    facts = ", ".join(f"{name} = {_fact_text(value)}" for name, value in shown)
    return f"step `{step.name}` not needed: `{condition.text}` is false ({facts})"


def _fact_text(value: Fact) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def _fact_value(value: Fact) -> Value:
    if isinstance(value, bool):
        return Value(bool_value=value)
    return Value(string_value=value) if isinstance(value, str) else Value(number_value=value)


async def _perform(
    plan: Plan, step: Step, page: PageImage, found: Mapping[str, StageValue]
) -> _StepRun:
    """Run a step's stage within its time; its failure is the run's, not the page's end."""
    own_end = asyncio.get_running_loop().time() + step.deadline
    is_own = own_end <= plan.deadline
    budget = CallBudget(min(own_end, plan.deadline), step.retries, is_own)
    context = StageContext(page, found, plan.options[step.name], budget, plan.forms)
    with step_span(plan.pipeline.name, step) as told:
        run = await _run_stage(step, context, is_own=is_own)
        told.ended(run.result, run.error, run.attempts)
    return run


async def _run_stage(step: Step, context: StageContext, *, is_own: bool) -> _StepRun:
    budget = context.budget
    try:
        async with asyncio.timeout_at(budget.deadline + _GRACE):
            result = await step.work.run(context)
        result = _checked(step, result)
    except TimeoutError:
        return _failed(step, _late(step, is_own), budget)
    except Exception as error:
        # Whatever a stage raises fails its step on this page, and nothing else.
        return _failed(step, known_error(error), budget)
    return _StepRun(step, STEP_OUTCOME_OK, result=result, attempts=budget.attempts)


def _late(step: Step, is_own: bool) -> DeadlineExceeded:
    limit = f"its {step.deadline:g} s" if is_own else "the document's time"
    return DeadlineExceeded(f"step `{step.name}` was not done in {limit}")


def _failed(step: Step, error: PagemeshError, budget: CallBudget) -> _StepRun:
    return _StepRun(
        step,
        STEP_OUTCOME_FAILED,
        reason=f"step `{step.name}` failed: {error.message}",
        error=error,
        attempts=budget.attempts,
    )


def _checked(step: Step, result: StageResult) -> StageResult:
    """The result, when its value is what the step's place in the page's result can hold."""
    slot: str = step.factory.slot
    value: Any = result.value
    if slot:
        descriptor: Any = PageResult.DESCRIPTOR.fields_by_name[slot].message_type
        kind = descriptor.full_name
        messages = [value] if isinstance(value, Message) else value
        if all(isinstance(m, Message) and m.DESCRIPTOR.full_name == kind for m in messages):
            return result
        problem = f"something else than {kind}"
    else:
        try:
            json_format.ParseDict(value, Struct())
            return result
        except (json_format.ParseError, TypeError, AttributeError, ValueError) as error:
            problem = f"what is not plain JSON data: {error}"
    raise Internal(
        f"stage `{step.stage}` answered {problem}",
        reason="INVALID_STAGE_ANSWER",
        metadata={"stage": step.stage},
    )


def _page_result(pipeline: Pipeline, page: PageImage, runs: Sequence[_StepRun]) -> PageResult:
    result = PageResult(
        page_number=page.number, width=page.width, height=page.height, dpi=page.dpi or 0.0
    )
    for run in runs:
        result.steps.append(_report(run, page.number))
        if run.result is not None and run.step.is_kept:
            _put(result, run.step, run.result.value)
    failed = [r for r in runs if r.outcome == STEP_OUTCOME_FAILED and not r.step.is_optional]
    last = [run for run in runs if run.step.name in pipeline.last_steps]
    if failed:
        result.outcome, result.reason = PAGE_OUTCOME_FAILED, failed[0].reason
        if failed[0].error is not None:
            result.error.CopyFrom(status_for_page(failed[0].error, page.number))
    elif all(run.outcome == STEP_OUTCOME_SKIPPED for run in last):
        result.outcome = PAGE_OUTCOME_SKIPPED
        result.reason = "; ".join(dict.fromkeys(run.reason for run in last))
    else:
        result.outcome = PAGE_OUTCOME_OK
    return result


def _report(run: _StepRun, page_number: int) -> StepReport:
    duration = Duration()
    duration.FromNanoseconds(int(run.seconds * 1e9))
    return StepReport(
        step=run.step.name,
        outcome=run.outcome,  # type: ignore[arg-type]
        decision=run.decision,
        error=status_for_page(run.error, page_number) if run.error else None,
        model=run.result.model if run.result else None,
        cost=run.result.cost if run.result else None,
        attempts=run.attempts,
        duration=duration,
    )


def _put(result: PageResult, step: Step, value: Any) -> None:
    slot = step.factory.slot
    if not slot:
        json_format.ParseDict(value, result.extensions[step.name])
    elif PageResult.DESCRIPTOR.fields_by_name[slot].is_repeated:
        getattr(result, slot).extend(value)
    else:
        getattr(result, slot).CopyFrom(value)
