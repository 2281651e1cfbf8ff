"""Finished results are given again for the same bytes, pipeline, options and models."""

from pathlib import Path
from typing import Any

import pytest

from meshkit.telemetry.calls import CALLER_KEY
from orchestrator.testing import (
    Analysis,
    FakeMesh,
    RunningOrchestrator,
    analyze_requests,
    running_orchestrator,
    tiff,
)
from pagemesh.common.v1.model_pb2 import ModelIdentity

REUSING = {"reuse_clients": ("billing", "claims")}


async def analyzed(
    running: RunningOrchestrator,
    request_id: str,
    *,
    client: str = "billing",
    content: bytes | None = None,
    **spec: Any,
) -> Analysis:
    requests = analyze_requests(
        content or tiff(2), request_id=request_id, **{"pipeline": "text", **spec}
    )
    analysis = Analysis()
    async for event in running.stub.AnalyzeDocument(requests, metadata=((CALLER_KEY, client),)):
        analysis.add(event)
    return analysis


def asked(mesh: FakeMesh) -> int:
    """Pages that models were asked about."""
    return len(mesh["ocr"].pages)


async def test_a_result_is_given_again_with_its_pages(tmp_path: Path) -> None:
    async with running_orchestrator(tmp_path, **REUSING) as running:
        first = await analyzed(running, "first")
        second = await analyzed(running, "second", filename="other.tiff", timeout={"seconds": 9})
        third = await analyzed(running, "third")
    assert asked(running.mesh) == 2
    assert first.pages == second.pages == third.pages
    assert (second.document.request_id, second.document.pages.ok) == ("second", 2)
    assert second.document.sha256 == first.document.sha256


@pytest.mark.parametrize(
    "other",
    [
        {"client": "claims"},
        {"content": tiff(2, width=201)},
        {"pipeline": "forms"},
        {"pages": "1-2"},
        {"options": {"ocr.tier": "fast"}},
        {"password": "guessed"},
    ],
    ids=lambda other: next(iter(other)),
)
async def test_another_question_is_read(other: dict[str, Any], tmp_path: Path) -> None:
    async with running_orchestrator(tmp_path, **REUSING) as running:
        await analyzed(running, "first")
        await analyzed(running, "second", **other)
        assert asked(running.mesh) == 4
        await analyzed(running, "third", **other)
        assert asked(running.mesh) == 4


async def test_nothing_is_given_again_unless_it_is_switched_on(tmp_path: Path) -> None:
    async with running_orchestrator(tmp_path) as running:
        for name in ("first", "second"):
            await analyzed(running, name)
    assert asked(running.mesh) == 4


async def test_results_of_another_model_are_not_given_again(tmp_path: Path) -> None:
    async with running_orchestrator(tmp_path, **REUSING) as running:
        await analyzed(running, "first")
        rolled_out(running.mesh, "sha256:new")
        await analyzed(running, "another", content=tiff(1))  # tells of the new model
        before = asked(running.mesh)
        second = await analyzed(running, "second")
        assert asked(running.mesh) == before + 2
        assert {
            step.model.digest
            for page in second.pages.values()
            for step in page.steps
            if step.step == "ocr"
        } == {"sha256:new"}


async def test_a_model_that_has_not_answered_for_long_is_asked(tmp_path: Path) -> None:
    """By whichever process: a new one knows no model yet."""
    async with running_orchestrator(tmp_path, **REUSING) as running:
        await analyzed(running, "first")
    async with running_orchestrator(tmp_path, **REUSING) as running:
        await analyzed(running, "second")
        assert asked(running.mesh) == 2
        await analyzed(running, "third")
        assert asked(running.mesh) == 2


async def test_failures_are_not_given_again(tmp_path: Path) -> None:
    async with running_orchestrator(tmp_path, down=["ocr"], **REUSING) as running:
        for name in ("first", "second"):
            assert (await analyzed(running, name)).document.pages.ok == 0
    assert len(running.mesh["deskew"].pages) == 4


def rolled_out(mesh: FakeMesh, digest: str) -> None:
    """OCR answers as another model from now on."""
    respond = mesh["ocr"].response

    def response(**fields: Any) -> Any:
        answer = respond(**fields)
        identity: ModelIdentity = answer.model
        identity.digest = digest
        return answer

    mesh["ocr"].response = response
