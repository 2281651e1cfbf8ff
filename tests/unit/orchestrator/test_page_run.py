"""One page through pipelines of stages that are made here."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from google.protobuf import json_format
from hypothesis import given
from hypothesis import strategies as st

from meshkit.errors import InvalidPage
from meshkit.status import error_of
from orchestrator.conditions import parse
from orchestrator.page_run import Plan, read_page
from orchestrator.pages import PageImage, WireEncoding
from orchestrator.pipeline import Pipeline, Step
from orchestrator.stages import StageConfig, StageContext, StageFactory, StageResult
from pagemesh.ocr.v1.ocr_service_pb2 import OcrResult
from pagemesh.orchestrator.v1.document_pb2 import (
    PAGE_OUTCOME_FAILED,
    PAGE_OUTCOME_OK,
    PAGE_OUTCOME_SKIPPED,
    STEP_OUTCOME_FAILED,
    STEP_OUTCOME_OK,
    STEP_OUTCOME_SKIPPED,
    PageResult,
)


@dataclass(frozen=True)
class Told:
    """A stage that does what it is told."""

    value: Any
    seconds: float = 0.0

    async def run(self, _context: StageContext) -> StageResult:
        await asyncio.sleep(self.seconds)
        if isinstance(self.value, Exception):
            raise self.value
        return StageResult(self.value)


def step(name: str, value: Any, *after: str, **rest: Any) -> Step:
    """A step whose stage gives this value, or raises it."""
    seconds, slot = rest.pop("seconds", 0.0), rest.pop("slot", "")
    when = rest.pop("when", "")
    return Step(
        name=name,
        stage=name,
        factory=StageFactory(build=lambda _models: Told(value), slot=slot),
        work=Told(value, seconds),
        after=after,
        when=parse(when) if when else None,
        **rest,
    )


async def run(*steps: Step, seconds: float = 30.0) -> PageResult:
    """The page's result after these steps."""
    page = PageImage(
        "doc/1",
        1,
        np.full((20, 30), 255, np.uint8),
        None,
        encoding=WireEncoding.RAW,
        shared_directory=Path("unused"),
        max_bytes=1_000_000,
    )
    pipeline = Pipeline("p", "1.0.0", "d", "sha256:", 30.0, steps)
    options = {s.name: StageConfig() for s in steps}
    deadline = asyncio.get_running_loop().time() + seconds
    return await read_page(Plan(pipeline, options, deadline), page)


def outcomes(page: PageResult) -> Mapping[str, int]:
    return {report.step: report.outcome for report in page.steps}


async def test_plain_data_goes_to_extensions() -> None:
    value = {"count": 3, "names": ["a", "b"], "deep": {"ok": True}, "none": None}
    page = await run(step("mine", value), step("next", {}, "mine", when="mine.deep.ok"))
    assert page.outcome == PAGE_OUTCOME_OK
    assert page.extensions["mine"]["count"] == 3
    assert json_format.MessageToDict(page.extensions["mine"])["names"] == ["a", "b"]
    assert outcomes(page)["next"] == STEP_OUTCOME_OK


@pytest.mark.parametrize("value", [{"a": object()}, "text", None, {1: 2}, {"a": {1, 2}}])
async def test_answer_that_is_no_plain_data(value: Any) -> None:
    page = await run(step("mine", value))
    assert page.outcome == PAGE_OUTCOME_FAILED
    assert error_of(page.error).reason == "INVALID_STAGE_ANSWER"


async def test_answer_of_the_wrong_type() -> None:
    page = await run(step("ocr", {"lines": []}, slot="ocr"))
    assert error_of(page.error).reason == "INVALID_STAGE_ANSWER"
    assert "pagemesh.ocr.v1.OcrResult" in page.reason
    right = await run(step("ocr", OcrResult(), slot="ocr"))
    assert right.HasField("ocr")


async def test_unforeseen_failure_stays_in_the_log(caplog: pytest.LogCaptureFixture) -> None:
    page = await run(step("mine", RuntimeError("secret path /srv/keys")))
    assert page.outcome == PAGE_OUTCOME_FAILED
    assert "secret" not in page.reason
    assert "secret" in caplog.text


async def test_optional_failure_stops_nothing() -> None:
    bad = step("extra", InvalidPage("odd"), is_optional=True)
    page = await run(bad, step("main", {"n": 1}, "extra"))
    assert page.outcome == PAGE_OUTCOME_OK
    assert outcomes(page) == {"extra": STEP_OUTCOME_FAILED, "main": STEP_OUTCOME_OK}
    assert error_of(page.steps[0].error).metadata["page"] == "1"


async def test_condition_on_what_an_optional_step_did_not_find() -> None:
    bad = step("extra", InvalidPage("odd"), is_optional=True)
    page = await run(bad, step("main", {}, "extra", when="extra.n > 1"))
    assert page.outcome == PAGE_OUTCOME_SKIPPED
    assert "cannot be decided: `extra.n` is not known" in page.reason


async def test_required_failure_blocks_and_the_rest_is_kept() -> None:
    page = await run(
        step("bad", InvalidPage("odd")),
        step("good", {"n": 1}),
        step("last", {}, "bad", "good"),
    )
    assert page.outcome == PAGE_OUTCOME_FAILED
    assert page.extensions["good"]["n"] == 1
    assert outcomes(page)["last"] == STEP_OUTCOME_SKIPPED
    assert error_of(page.steps[2].error).message == "odd"


async def test_a_step_does_without_what_helps_it() -> None:
    page = await run(
        step("bad", InvalidPage("odd")),
        step("good", {"n": 1}),
        step("unneeded", {}, "good", when="good.n > 1"),
        step("last", {"m": 2}, "bad", "unneeded", "good", helped_by=frozenset({"bad", "unneeded"})),
    )
    assert page.outcome == PAGE_OUTCOME_FAILED
    assert outcomes(page)["last"] == STEP_OUTCOME_OK
    assert page.extensions["last"]["m"] == 2


async def test_a_step_waits_for_what_helps_it() -> None:
    page = await run(
        step("slow", {"n": 1}, seconds=0.05),
        step("last", {}, "slow", helped_by=frozenset({"slow"}), when="slow.n == 1"),
    )
    assert outcomes(page)["last"] == STEP_OUTCOME_OK


async def test_skipping_passes_on_with_its_decision() -> None:
    page = await run(
        step("kind", {"label": "letter", "score": 0.25}),
        step("read", {}, "kind", when="kind.label in [form]"),
        step("sum", {}, "read"),
    )
    assert page.outcome == PAGE_OUTCOME_SKIPPED
    assert page.steps[2].decision.condition == "kind.label in [form]"
    assert page.steps[2].decision.facts["kind.score"].number_value == 0.25
    assert page.reason.count("kind.label = letter") == 1


async def test_one_branch_skipped_leaves_the_page_ok() -> None:
    page = await run(
        step("kind", {"label": "letter"}),
        step("read", {}, "kind", when="kind.label in [form]"),
        step("other", {}, "kind", when="kind.label in [letter]"),
    )
    assert page.outcome == PAGE_OUTCOME_OK


async def test_step_that_overruns_its_time() -> None:
    page = await run(step("slow", {}, seconds=30, deadline=0.1))
    assert error_of(page.error).reason == "DEADLINE_EXCEEDED"
    assert "`slow` was not done in its 0.1 s" in page.reason


async def test_step_at_the_documents_end() -> None:
    page = await run(step("slow", {}, seconds=30), seconds=0.1)
    assert "the document's time" in page.reason


async def test_cancelling_cancels_the_steps() -> None:
    stopped = asyncio.Event()

    class Watched:
        async def run(self, _context: StageContext) -> StageResult:
            try:
                await asyncio.sleep(60)
            finally:
                stopped.set()
            return StageResult({})

    task = asyncio.create_task(run(replace(step("a", {}), work=Watched())))
    await asyncio.sleep(0.05)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert stopped.is_set()


@st.composite
def pipelines(draw: st.DrawFn) -> tuple[Step, ...]:
    """Graphs of steps that succeed, fail, are skipped or optional."""
    count = draw(st.integers(1, 7))
    steps: list[Step] = []
    for index in range(count):
        numbers = st.lists(st.integers(0, max(index - 1, 0)), unique=True, max_size=index)
        after: list[int] = draw(numbers)
        value: Any = draw(st.sampled_from([{"n": 1}, {"n": 2}, InvalidPage("odd"), OSError("x")]))
        is_conditional: bool = draw(st.booleans())
        when = f"s{after[0]}.n > 1" if after and is_conditional else ""
        names = [f"s{number}" for number in after]
        optional: bool = draw(st.booleans())
        steps.append(step(f"s{index}", value, *names, when=when, is_optional=optional))
    return tuple(steps)


@given(steps=pipelines())
def test_every_step_and_the_page_have_one_outcome(steps: tuple[Step, ...]) -> None:
    page = asyncio.run(run(*steps))
    found = outcomes(page)
    by_name = {s.name: s for s in steps}
    assert list(found) == [s.name for s in steps]
    for name, outcome in found.items():
        blocked = any(
            found[parent] != STEP_OUTCOME_OK and not by_name[parent].is_optional
            for parent in by_name[name].after
        )
        if blocked:
            assert outcome == STEP_OUTCOME_SKIPPED
        assert (name in page.extensions) == (outcome == STEP_OUTCOME_OK)
    has_failed = any(
        outcome == STEP_OUTCOME_FAILED and not by_name[name].is_optional
        for name, outcome in found.items()
    )
    last = {s.name for s in steps} - {parent for s in steps for parent in s.after}
    is_skipped = all(found[name] == STEP_OUTCOME_SKIPPED for name in last)
    expected = PAGE_OUTCOME_SKIPPED if is_skipped else PAGE_OUTCOME_OK
    assert page.outcome == (PAGE_OUTCOME_FAILED if has_failed else expected)
    assert bool(page.reason) == (page.outcome != PAGE_OUTCOME_OK)
    assert page.HasField("error") == (page.outcome == PAGE_OUTCOME_FAILED)
