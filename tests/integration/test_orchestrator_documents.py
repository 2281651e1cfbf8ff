"""Documents through the orchestrator and fake models, over real gRPC."""

import asyncio
import hashlib
import os
from pathlib import Path
from typing import Any

import pytest

from meshkit.errors import InvalidPage
from meshkit.status import error_of
from orchestrator.testing import (
    FakeModel,
    running_orchestrator,
    tiff,
)
from pagemesh.classify.v1.classify_service_pb2 import ClassifyResult
from pagemesh.ocr.v1.ocr_service_pb2 import OCR_TIER_FAST
from pagemesh.orchestrator.v1.document_pb2 import (
    DOCUMENT_STATE_FAILED,
    DOCUMENT_STATE_PARTIAL,
    DOCUMENT_STATE_PROCESSING,
    DOCUMENT_STATE_QUEUED,
    DOCUMENT_STATE_SUCCEEDED,
    PAGE_OUTCOME_FAILED,
    PAGE_OUTCOME_OK,
    PAGE_OUTCOME_SKIPPED,
    STEP_OUTCOME_OK,
    STEP_OUTCOME_SKIPPED,
)
from tests.integration.calls import FORM_CLASSES, account


async def test_form_goes_through_every_step(tmp_path: Path) -> None:
    async with running_orchestrator(tmp_path) as running:
        found = await running.analyze(tiff(3), request_id="form", filename="C:\\scans\\form.tiff")

    assert found.documents[0].state in (DOCUMENT_STATE_QUEUED, DOCUMENT_STATE_PROCESSING)
    assert any(document.pages.total == 3 for document in found.documents[:-1])
    document = found.document
    assert document.state == DOCUMENT_STATE_SUCCEEDED
    assert account(document) == (3, 3, 0, 0)
    assert (document.source, document.media_type) == ("form.tiff", "image/tiff")
    assert document.pipeline.name == "application_form"
    assert sorted(found.pages) == [1, 2, 3]
    page = found.pages[2]
    assert (page.width, page.height) == (200, 280)
    steps = ["deskew", "preread", "classify", "ocr", "checkbox", "ink"]
    steps += ["signature", "form", "fields"]
    assert [step.step for step in page.steps] == steps
    assert {step.outcome for step in page.steps} == {STEP_OUTCOME_OK}
    assert [step.attempts for step in page.steps] == [1, 1, 1, 1, 1, 1, 0, 0, 0]
    assert page.steps[3].model.name == "ocr"
    assert (page.fields[0].name, page.fields[0].value) == ("Name", "Ann")


async def test_bytes_that_are_not_those_meant_are_not_read(tmp_path: Path) -> None:
    async with running_orchestrator(tmp_path) as running:
        wrong = await running.analyze(tiff(1), request_id="wrong", sha256="0" * 64)
        assert wrong.document.state == DOCUMENT_STATE_FAILED
        assert error_of(wrong.document.error).reason == "DIGEST_MISMATCH"
        assert not running.mesh["deskew"].pages

        digest = hashlib.sha256(tiff(1)).hexdigest().upper()
        right = await running.analyze(tiff(1), request_id="right", sha256=digest)
        assert right.document.state == DOCUMENT_STATE_SUCCEEDED


async def test_steps_after_deskew_get_its_transform(tmp_path: Path) -> None:
    async with running_orchestrator(tmp_path) as running:
        await running.analyze(tiff(1))
        mesh = running.mesh
        assert not mesh["deskew"].requests[0].page.HasField("upright_transform")
        assert mesh["ocr"].requests[0].page.upright_transform.width == 200
        assert mesh["ocr"].requests[0].page.page_id == mesh["deskew"].pages[0]


async def test_steps_of_a_page_run_side_by_side(tmp_path: Path) -> None:
    together = asyncio.Barrier(3)
    async with running_orchestrator(tmp_path) as running:
        for name in ("ocr", "checkbox", "signature"):
            model = running.mesh[name]

            async def meet(request: Any, fake: FakeModel, answer: Any = model.answer) -> Any:
                if getattr(request.options, "tier", None) == OCR_TIER_FAST:
                    return await answer(request, fake)  # the reading before the class is known
                async with asyncio.timeout(60):
                    await together.wait()
                return await answer(request, fake)

            model.answer = meet
        found = await running.analyze(tiff(1))
    assert found.document.state == DOCUMENT_STATE_SUCCEEDED


async def test_pages_overlap_but_stay_within_the_budget(tmp_path: Path) -> None:
    page_bytes = 200 * 280 * 3
    async with running_orchestrator(tmp_path, pages_in_flight_bytes=3 * page_bytes) as running:
        deskew = running.mesh["deskew"]
        answer = deskew.answer

        async def slow(request: Any, fake: FakeModel) -> Any:
            await asyncio.sleep(0.05)
            return await answer(request, fake)

        deskew.answer = slow
        found = await running.analyze(tiff(12), pipeline="checkboxes")
        assert found.document.pages.ok == 12
        assert 1 < deskew.most_at_work <= 9


async def test_page_larger_than_the_budget_goes_alone(tmp_path: Path) -> None:
    async with running_orchestrator(tmp_path, pages_in_flight_bytes=1000) as running:
        found = await running.analyze(tiff(3), pipeline="checkboxes")
        assert found.document.pages.ok == 3
        assert running.mesh["deskew"].most_at_work == 1


async def test_wrong_class_skips_the_rest_and_says_why(tmp_path: Path) -> None:
    async def invoice(_request: Any, _model: FakeModel) -> ClassifyResult:
        return ClassifyResult(label="invoice", score=0.93, threshold=0.5)

    async with running_orchestrator(tmp_path) as running:
        running.mesh["classify"].answer = invoice
        found = await running.analyze(tiff(2))
        tiers = [request.options.tier for request in running.mesh["ocr"].requests]
        assert tiers == [OCR_TIER_FAST] * 2

    assert found.document.state == DOCUMENT_STATE_SUCCEEDED
    assert account(found.document) == (2, 0, 0, 2)
    page = found.pages[1]
    assert page.outcome == PAGE_OUTCOME_SKIPPED
    for text in (f"classify.label in {FORM_CLASSES}", "invoice", "0.93", "0.5"):
        assert text in page.reason
    ocr = next(step for step in page.steps if step.step == "ocr")
    assert ocr.outcome == STEP_OUTCOME_SKIPPED
    assert ocr.decision.condition == f"classify.label in {FORM_CLASSES}"
    facts = ocr.decision.facts
    assert facts["classify.label"].string_value == "invoice"
    assert facts["classify.score"].number_value == pytest.approx(0.93)
    assert facts["classify.threshold"].number_value == pytest.approx(0.5)
    assert page.classify.label == "invoice"
    assert not page.HasField("ocr")


async def test_the_text_of_a_step_that_is_not_kept_reaches_the_classifier(tmp_path: Path) -> None:
    async with running_orchestrator(tmp_path) as running:
        await running.analyze(tiff(1))
        (request,) = running.mesh["classify"].requests
    assert list(request.options.text_lines) == ["Name: Ann"]


async def test_a_classifier_whose_text_was_not_read_is_asked_without(tmp_path: Path) -> None:
    async def unreadable(request: Any, fake: FakeModel) -> Any:
        raise InvalidPage("nothing to read", reason="ODD_PAGE")

    async with running_orchestrator(tmp_path) as running:
        running.mesh["ocr"].answer = unreadable
        await running.analyze(tiff(1))
        (request,) = running.mesh["classify"].requests
    assert not request.options.text_lines


async def test_one_bad_page_fails_alone(tmp_path: Path) -> None:
    async with running_orchestrator(tmp_path) as running:
        ocr = running.mesh["ocr"]
        answer = ocr.answer

        async def picky(request: Any, fake: FakeModel) -> Any:
            if request.page.page_id.endswith("/2"):
                raise InvalidPage("the page is upside down and inside out", reason="ODD_PAGE")
            return await answer(request, fake)

        ocr.answer = picky
        found = await running.analyze(tiff(3))
        assert ocr.pages.count(next(p for p in ocr.pages if p.endswith("/2"))) == 2

    assert found.document.state == DOCUMENT_STATE_PARTIAL
    assert account(found.document) == (3, 2, 1, 0)
    page = found.pages[2]
    assert page.outcome == PAGE_OUTCOME_FAILED
    assert "ocr" in page.reason
    assert "upside down" in page.reason
    error = error_of(page.error)
    assert error.reason == "ODD_PAGE"
    assert error.metadata["page"] == "2"
    assert page.HasField("checkbox")
    assert page.HasField("signature")  # by ink alone
    fields = page.steps[-1]
    assert fields.outcome == STEP_OUTCOME_SKIPPED
    assert error_of(fields.error).reason == "ODD_PAGE"


async def test_chosen_pages_are_read_and_others_accounted_for(tmp_path: Path) -> None:
    async with running_orchestrator(tmp_path) as running:
        found = await running.analyze(tiff(5), pages="2,4-5", pipeline="checkboxes")
    assert account(found.document) == (5, 3, 0, 2)
    outcomes = [found.pages[n].outcome for n in range(1, 6)]
    ok, skipped = PAGE_OUTCOME_OK, PAGE_OUTCOME_SKIPPED
    assert outcomes == [skipped, ok, skipped, ok, ok]
    assert "2,4-5" in found.pages[1].reason


async def test_page_that_the_document_lacks(tmp_path: Path) -> None:
    async with running_orchestrator(tmp_path) as running:
        found = await running.analyze(tiff(2), pages="1,7")
    assert found.document.state == DOCUMENT_STATE_FAILED
    assert "page 7" in found.document.error.message
    assert "has 2" in found.document.error.message
    assert account(found.document) == (2, 0, 2, 0)


@pytest.mark.parametrize("encoding", ["raw", "png", "jpeg", "reference"])
async def test_every_wire_encoding(tmp_path: Path, encoding: str) -> None:
    shared = tmp_path / "shared"
    async with running_orchestrator(
        tmp_path, wire_encoding=encoding, shared_pages_dir=shared
    ) as running:
        seen = []

        async def look(request: Any, _fake: FakeModel) -> Any:
            page = request.page
            seen.append(page.WhichOneof("content"))
            if encoding == "reference":
                size = os.stat(page.reference.uri.removeprefix("file://")).st_size  # noqa: PTH116
                assert size == page.reference.size_bytes == 200 * 280
            raise InvalidPage("seen enough")

        running.mesh["deskew"].answer = look
        await running.analyze(tiff(2), pipeline="text")
    assert set(seen) == {"encoded" if encoding in ("png", "jpeg") else encoding}
    assert not list(shared.glob("*"))
