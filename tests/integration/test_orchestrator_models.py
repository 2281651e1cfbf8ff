"""Models that are down, slow, overloaded or answer nonsense, over real gRPC."""

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from google.protobuf.duration_pb2 import Duration

from meshkit.errors import (
    DependencyUnavailable,
    Internal,
    InvalidPage,
    Overloaded,
    PagemeshError,
    TooLarge,
)
from meshkit.status import error_of
from orchestrator.testing import FakeModel, RunningOrchestrator, quad, running_orchestrator, tiff
from pagemesh.deskew.v1.deskew_service_pb2 import DeskewResult
from pagemesh.ocr.v1.ocr_service_pb2 import OcrResult, RecognizePageResponse, TextLine
from pagemesh.orchestrator.v1.document_pb2 import (
    DOCUMENT_STATE_FAILED,
    DOCUMENT_STATE_PARTIAL,
    PAGE_OUTCOME_FAILED,
    PAGE_OUTCOME_OK,
    STEP_OUTCOME_FAILED,
    PageResult,
)

PIPELINE = """
name: quick
version: "1.0.0"
description: Reads text without waiting long.
deadline: 20s
steps:
  - name: ocr
    stage: ocr
    deadline: {deadline}
    retries: {{attempts: {attempts}, initial_backoff: 10ms, max_backoff: 50ms}}
"""


@pytest.fixture
def quick(tmp_path: Path) -> Callable[..., dict[str, Any]]:
    """Configuration with a pipeline `quick` of one OCR step."""

    def write(deadline: str = "5s", attempts: int = 3) -> dict[str, Any]:
        folder = tmp_path / "pipelines"
        folder.mkdir(exist_ok=True)
        text = PIPELINE.format(deadline=deadline, attempts=attempts)
        (folder / "quick.yaml").write_text(text)
        return {"pipelines_dir": folder, "default_pipeline": "quick"}

    return write


def failing(error: PagemeshError, times: int = 10_000) -> Any:
    """An answer that fails so many times and then is empty."""
    left = [times]

    async def answer(_request: Any, _model: FakeModel) -> OcrResult:
        if left[0]:
            left[0] -= 1
            raise error
        return OcrResult()

    return answer


def constant(result: Any) -> Any:
    """An answer that is always the same."""

    async def answer(_request: Any, _model: FakeModel) -> Any:
        return result

    return answer


async def test_model_that_is_down(tmp_path: Path) -> None:
    async with running_orchestrator(tmp_path, down=["ocr"]) as running:
        found = await running.analyze(tiff(1), pipeline="forms")
    page = found.pages[1]
    assert found.document.state == DOCUMENT_STATE_FAILED
    assert page.outcome == PAGE_OUTCOME_FAILED
    assert "the ocr model cannot be reached" in page.reason
    error = error_of(page.error)
    assert error.metadata["model"] == "ocr"
    assert error.metadata["page"] == "1"
    reading = next(step for step in page.steps if step.step == "ocr")
    assert reading.attempts == 4
    assert page.HasField("checkbox")
    assert [one.score for one in page.signature.signatures] == pytest.approx([0.8])


async def test_circuit_opens_says_so_and_recovers(tmp_path: Path, quick: Any) -> None:
    settings = quick(attempts=1) | {
        "breaker_failures": 3,
        "breaker_reset_seconds": 2,
        "pages_in_flight_bytes": 1000,
    }
    async with running_orchestrator(tmp_path, **settings) as running:
        ocr = running.mesh["ocr"]
        ocr.answer = failing(DependencyUnavailable("no"), times=4)
        first = await running.analyze(tiff(6))
        assert len(ocr.pages) == 3
        opened = [p for p in first.pages.values() if error_of(p.error).reason == "CIRCUIT_OPEN"]
        assert len(opened) == 3
        for page in opened:
            assert "the ocr model was not asked" in page.reason
            metadata = error_of(page.error).metadata
            assert metadata["model"] == "ocr"
            assert metadata["open_since"]
            assert page.steps[0].attempts == 0

        await asyncio.sleep(2.1)
        probed = await running.analyze(tiff(2))
        assert len(ocr.pages) == 4
        reasons = [error_of(probed.pages[n].error).reason for n in (1, 2)]
        assert reasons[1] == "CIRCUIT_OPEN" != reasons[0]

        await asyncio.sleep(2.1)
        healed = await running.analyze(tiff(3))
        assert healed.document.pages.ok == 3


async def test_bad_pages_do_not_open_the_circuit(tmp_path: Path, quick: Any) -> None:
    settings = quick() | {"breaker_failures": 2, "pages_in_flight_bytes": 1000}
    async with running_orchestrator(tmp_path, **settings) as running:
        running.mesh["ocr"].answer = failing(InvalidPage("bad"), times=5)
        found = await running.analyze(tiff(6))
        assert found.document.pages.ok == 1
        assert len(running.mesh["ocr"].pages) == 6


@pytest.mark.parametrize(
    ("error", "calls"),
    [
        (DependencyUnavailable("restarting", retry_after=0.01), 3),
        (Overloaded("full", retry_after=0.01), 3),
        (TooLarge("26 MB"), 1),
        (InvalidPage("bad"), 1),
        (Internal("broken"), 1),
    ],
)
async def test_only_what_can_help_is_repeated(
    tmp_path: Path, quick: Any, error: PagemeshError, calls: int
) -> None:
    async with running_orchestrator(tmp_path, **quick(attempts=3)) as running:
        running.mesh["ocr"].answer = failing(error)
        found = await running.analyze(tiff(1))
        assert len(running.mesh["ocr"].pages) == calls
    step = found.pages[1].steps[0]
    assert (step.outcome, step.attempts) == (STEP_OUTCOME_FAILED, calls)
    assert error.message in found.pages[1].reason
    assert error_of(found.pages[1].error).reason == error.reason


async def test_retry_succeeds_and_is_counted(tmp_path: Path, quick: Any) -> None:
    async with running_orchestrator(tmp_path, **quick(attempts=4)) as running:
        error = DependencyUnavailable("restarting", retry_after=0.01)
        running.mesh["ocr"].answer = failing(error, times=2)
        found = await running.analyze(tiff(1))
    assert found.pages[1].outcome == PAGE_OUTCOME_OK
    assert found.pages[1].steps[0].attempts == 3


async def test_waiting_time_that_the_model_asks_for(tmp_path: Path, quick: Any) -> None:
    async with running_orchestrator(tmp_path, **quick(attempts=2)) as running:
        running.mesh["ocr"].answer = failing(Overloaded("full", retry_after=0.4), times=1)
        found = await running.analyze(tiff(1))
    step = found.pages[1].steps[0]
    assert step.attempts == 2
    assert step.duration.ToTimedelta().total_seconds() >= 0.4


async def test_no_retry_that_would_come_too_late(tmp_path: Path, quick: Any) -> None:
    async with running_orchestrator(tmp_path, **quick("1s")) as running:
        running.mesh["ocr"].answer = failing(Overloaded("full", retry_after=30.0))
        found = await running.analyze(tiff(1))
    step = found.pages[1].steps[0]
    assert step.attempts == 1
    assert step.duration.ToTimedelta().total_seconds() < 1


async def _slow(_request: Any, _model: FakeModel) -> OcrResult:
    await asyncio.sleep(3600)
    return OcrResult()


async def test_slow_model(tmp_path: Path, quick: Any) -> None:
    async with running_orchestrator(tmp_path, **quick("300ms")) as running:
        ocr = running.mesh["ocr"]
        ocr.answer = _slow
        found = await running.analyze(tiff(1))
        assert len(ocr.dropped) == 1
        remaining = ocr.time_remaining[0]
        assert remaining is not None
        assert 0 < remaining <= 0.31  # gRPC rounds timeouts up
    page = found.pages[1]
    assert "the ocr model did not answer in time" in page.reason
    assert error_of(page.error).reason == "DEADLINE_EXCEEDED"


async def test_deadline_of_the_document_reaches_the_model(tmp_path: Path, quick: Any) -> None:
    async with running_orchestrator(tmp_path, **quick("5s")) as running:
        ocr = running.mesh["ocr"]
        await running.analyze(tiff(1), timeout=Duration(seconds=2))
        await running.analyze(tiff(1), within=3)
        limits = [remaining for remaining in ocr.time_remaining if remaining is not None]
        # gRPC rounds a timeout of seconds up to hundredths, once on each of the two hops.
        assert limits[0] <= 2.02
        assert 2.02 < limits[1] <= 3.02


async def test_document_whose_time_is_over(tmp_path: Path, quick: Any) -> None:
    settings = quick("5s") | {"pages_in_flight_bytes": 1000}
    async with running_orchestrator(tmp_path, **settings) as running:
        ocr = running.mesh["ocr"]

        async def slow_after_first(request: Any, fake: FakeModel) -> OcrResult:
            return (
                OcrResult() if request.page.page_id.endswith("/1") else await _slow(request, fake)
            )

        ocr.answer = slow_after_first
        found = await running.analyze(tiff(4), timeout=Duration(seconds=1))
        assert len(ocr.pages) == 2
    assert found.document.state == DOCUMENT_STATE_PARTIAL
    pages = found.document.pages
    assert (pages.total, pages.ok, pages.failed, pages.skipped) == (4, 1, 3, 0)
    assert error_of(found.pages[4].error).reason == "DEADLINE_EXCEEDED"
    assert "page 4" in found.pages[4].reason


def _line(**fields: Any) -> OcrResult:
    return OcrResult(lines=[TextLine(text="x", **fields)])


@pytest.mark.parametrize(
    ("answer", "fault"),
    [
        (RecognizePageResponse(page_id="another", result=OcrResult()), "another"),
        (RecognizePageResponse(page_id="doc/1"), "no result"),
        (_line(quad=quad(float("nan"), 0, 5, 5)), "not finite"),
        (_line(quad=quad(0, 0, float("inf"), 5)), "not finite"),
        (_line(quad=quad(0, 0, 5000, 5)), "far outside"),
        (_line(quad=quad(0, 0, 5, 5), confidence=1.5), "1.5"),
        (_line(quad=quad(0, 0, 5, 5), confidence=float("nan")), "nan"),
    ],
)
async def test_nonsense_is_not_believed(
    tmp_path: Path, quick: Any, answer: Any, fault: str
) -> None:
    async with running_orchestrator(tmp_path, **quick()) as running:
        running.mesh["ocr"].answer = constant(answer)
        found = await running.analyze(tiff(1), request_id="doc")
    page = found.pages[1]
    assert page.outcome == PAGE_OUTCOME_FAILED
    assert not page.HasField("ocr")
    error = error_of(page.error)
    assert error.reason == "INVALID_MODEL_ANSWER"
    assert error.metadata["model"] == "ocr"
    assert fault in error.message


async def test_transform_that_cannot_be_inverted(tmp_path: Path) -> None:
    flat = DeskewResult()
    flat.upright_transform.matrix.extend([0] * 9)
    flat.upright_transform.width = flat.upright_transform.height = 10
    async with running_orchestrator(tmp_path) as running:
        running.mesh["deskew"].answer = constant(flat)
        found = await running.analyze(tiff(1), pipeline="text")
    assert "cannot be inverted" in found.pages[1].reason


async def test_every_page_is_in_one_place(tmp_path: Path, quick: Any) -> None:
    """Models that fail at random, in every way; pages chosen at random."""
    outcomes = [
        OcrResult(),
        InvalidPage("bad"),
        Internal("broken"),
        Overloaded("full", retry_after=0.001),
        _line(quad=quad(0, 0, float("nan"), 5)),
        ZeroDivisionError("a fault of the fake"),
    ]

    async def moody(request: Any, _model: FakeModel) -> Any:
        chosen = outcomes[hash(request.page.page_id) % len(outcomes)]
        if isinstance(chosen, Exception):
            raise chosen
        return chosen

    async with running_orchestrator(tmp_path, **quick(), breaker_failures=1000) as running:
        running.mesh["ocr"].answer = moody
        for count, pages in ((1, ""), (7, "2-"), (20, "1,5-17"), (33, "")):
            await _check_account(running, count, pages)


async def _check_account(running: RunningOrchestrator, count: int, pages: str) -> None:
    found = await running.analyze(tiff(count), pages=pages)
    account = found.document.pages
    assert account.total == count == account.ok + account.failed + account.skipped
    assert sorted(found.pages) == list(range(1, count + 1))
    told: list[PageResult] = list(found.pages.values())
    assert account.ok == sum(page.outcome == PAGE_OUTCOME_OK for page in told)
    assert account.failed == sum(page.outcome == PAGE_OUTCOME_FAILED for page in told)
    for page in told:
        assert page.HasField("error") == (page.outcome == PAGE_OUTCOME_FAILED)
        assert bool(page.reason) == (page.outcome != PAGE_OUTCOME_OK)
