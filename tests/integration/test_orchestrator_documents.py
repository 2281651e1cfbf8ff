"""Documents through the orchestrator and fake models, over real gRPC."""

import asyncio
import hashlib
import os
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import grpc
import pytest
from google.protobuf.duration_pb2 import Duration

from meshkit.errors import InvalidPage, PagemeshError
from meshkit.status import error_from_rpc, error_of
from orchestrator.store import FINAL_STATES
from orchestrator.testing import (
    FakeModel,
    RunningOrchestrator,
    analyze_requests,
    running_orchestrator,
    tiff,
)
from pagemesh.classify.v1.classify_service_pb2 import ClassifyResult
from pagemesh.ocr.v1.ocr_service_pb2 import OCR_TIER_FAST
from pagemesh.orchestrator.v1 import orchestrator_service_pb2 as pb
from pagemesh.orchestrator.v1.document_pb2 import (
    DOCUMENT_STATE_CANCELLED,
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
    Document,
)

FORM_CLASSES = "[application_form, form, survey, tax_form]"
"""Classes whose pages the application_form pipeline reads."""


def account(document: Document) -> tuple[int, int, int, int]:
    pages = document.pages
    return pages.total, pages.ok, pages.failed, pages.skipped


async def refusal(call: Any) -> PagemeshError:
    """The error that a call ends with."""
    try:
        if hasattr(call, "__aiter__"):
            async for _ in call:
                pass
        else:
            await call
    except grpc.aio.AioRpcError as error:
        return error_from_rpc(error)
    raise AssertionError("the call was not refused")


async def until(condition: Callable[[], Any]) -> None:
    """Wait until something is so."""
    async with asyncio.timeout(20):
        while not condition():  # noqa: ASYNC110 - what is waited for knows no event
            await asyncio.sleep(0.01)


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
    steps = ["deskew", "preread", "classify", "ocr", "checkbox", "signature", "form", "fields"]
    assert [step.step for step in page.steps] == steps
    assert {step.outcome for step in page.steps} == {STEP_OUTCOME_OK}
    assert [step.attempts for step in page.steps] == [1, 1, 1, 1, 1, 1, 0, 0]
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
                async with asyncio.timeout(10):
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
    assert page.HasField("signature")
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


@pytest.mark.parametrize(
    ("content", "reason"),
    [(b"", "EMPTY_DOCUMENT"), (b"just some text, no pages", "UNSUPPORTED_MEDIA_TYPE")],
)
async def test_document_that_cannot_be_opened(tmp_path: Path, content: bytes, reason: str) -> None:
    async with running_orchestrator(tmp_path) as running:
        found = await running.analyze(content, request_id="bad")
    assert found.document.state == DOCUMENT_STATE_FAILED
    assert error_of(found.document.error).reason == reason
    assert found.pages == {}


@pytest.mark.parametrize(
    ("spec", "field"),
    [
        ({"request_id": "no spaces please"}, "request_id"),
        ({"request_id": "x" * 129}, "request_id"),
        ({"pages": "3-1"}, "pages"),
        ({"pages": "one"}, "pages"),
        ({"dpi": 100_000}, "dpi"),
        ({"timeout": Duration(seconds=-1)}, "timeout"),
        ({"options": {"ocr.tier": "slow"}}, "options"),
        ({"options": {"nosuch.tier": "fast"}}, "options"),
        ({"pipeline": "nosuch"}, "pipeline"),
    ],
)
async def test_refused_specification_names_the_field(
    tmp_path: Path, spec: dict[str, Any], field: str
) -> None:
    async with running_orchestrator(tmp_path) as running:
        error = await refusal(running.start(tiff(1), **spec))
        assert error.metadata["field"] == field
        assert field in error.message
        assert running.mesh["deskew"].pages == []


async def test_unknown_pipeline_lists_the_known_ones(tmp_path: Path) -> None:
    async with running_orchestrator(tmp_path) as running:
        error = await refusal(running.start(tiff(1), pipeline="invoices"))
    assert error.code is grpc.StatusCode.NOT_FOUND
    for name in ("application_form", "checkboxes", "signatures", "text", "invoices"):
        assert name in error.message


async def test_parts_out_of_order(tmp_path: Path) -> None:
    chunk = pb.AnalyzeDocumentRequest(chunk=b"x")
    spec = pb.AnalyzeDocumentRequest(spec=pb.DocumentSpec())
    async with running_orchestrator(tmp_path) as running:
        for parts, field in (([chunk], "spec"), ([], "spec"), ([spec, chunk, spec], "chunk")):
            error = await refusal(running.stub.AnalyzeDocument(iter(parts)))
            assert error.metadata["field"] == field


async def test_refusal_reaches_a_client_that_is_still_sending(tmp_path: Path) -> None:
    async with running_orchestrator(tmp_path, max_document_bytes=1_000_000) as running:
        content = tiff(1) + bytes(20_000_000)
        unknown = await refusal(running.start(content, pipeline="nosuch"))
        too_large = await refusal(running.start(content))
    assert unknown.reason == "UNKNOWN_PIPELINE"
    assert too_large.reason == "DOCUMENT_TOO_LARGE"
    assert "1,000,000" in too_large.message


async def test_options_of_a_request_reach_the_model(tmp_path: Path) -> None:
    options = {"ocr.tier": "fast", "ocr.languages": "en,de"}
    async with running_orchestrator(tmp_path) as running:
        await running.analyze(tiff(1), pipeline="text", options=options)
        sent = running.mesh["ocr"].requests[0].options
    assert sent.tier == 1
    assert list(sent.languages) == ["en", "de"]


async def test_same_request_joins_and_another_is_refused(tmp_path: Path) -> None:
    async with running_orchestrator(tmp_path) as running:
        first, again = await asyncio.gather(
            running.analyze(tiff(2), request_id="same", filename="a.tiff"),
            running.analyze(tiff(2), request_id="same", filename="b.tiff"),
        )
        later = await running.analyze(tiff(2), request_id="same")
        assert len(running.mesh["deskew"].pages) == 2
        error = await refusal(running.start(tiff(3), request_id="same"))
        other_pipeline = await refusal(running.start(tiff(2), request_id="same", pipeline="text"))
    assert first.document == again.document == later.document
    assert sorted(first.pages) == sorted(again.pages) == sorted(later.pages) == [1, 2]
    assert error.code is grpc.StatusCode.ALREADY_EXISTS
    assert other_pipeline.code is grpc.StatusCode.ALREADY_EXISTS


async def test_submit_get_watch(tmp_path: Path) -> None:
    async with running_orchestrator(tmp_path) as running:
        spec = pb.DocumentSpec(request_id="background", pipeline="checkboxes")
        request = pb.SubmitDocumentRequest(spec=spec, content=tiff(5))
        answer = await running.stub.SubmitDocument(request)
        assert answer.document.state in (DOCUMENT_STATE_QUEUED, DOCUMENT_STATE_PROCESSING)
        watched = await running.watch("background")
        assert watched.document.state == DOCUMENT_STATE_SUCCEEDED
        assert sorted(watched.pages) == [1, 2, 3, 4, 5]
        again = await running.watch("background")
        assert again.pages == watched.pages

        numbers, token = [], ""
        while True:
            page = await running.stub.GetDocument(
                pb.GetDocumentRequest(request_id="background", page_size=2, page_token=token)
            )
            numbers.append([p.page_number for p in page.pages])
            token = page.next_page_token
            if not token:
                break
        assert numbers == [[1, 2], [3, 4], [5]]


async def test_get_answers_stay_below_the_message_limit(tmp_path: Path) -> None:
    async with running_orchestrator(tmp_path) as running:
        ocr = running.mesh["ocr"]
        answer = ocr.answer

        async def talkative(request: Any, fake: FakeModel) -> Any:
            result: Any = await answer(request, fake)
            result.lines[0].text = "x" * 1_200_000
            return result

        ocr.answer = talkative
        await running.analyze(tiff(4), request_id="long", pipeline="text")
        page = await running.stub.GetDocument(pb.GetDocumentRequest(request_id="long"))
        assert len(page.pages) == 2
        assert page.next_page_token == "3"  # noqa: S105
        assert page.ByteSize() < 4 * 1024 * 1024


@pytest.mark.parametrize("method", ["GetDocument", "CancelDocument", "WatchDocument"])
async def test_unknown_document(tmp_path: Path, method: str) -> None:
    async with running_orchestrator(tmp_path) as running:
        request = getattr(pb, f"{method}Request")(request_id="nobody")
        error = await refusal(getattr(running.stub, method)(request))
    assert error.code is grpc.StatusCode.NOT_FOUND
    assert "nobody" in error.message


async def test_submit_wants_content_or_location(tmp_path: Path) -> None:
    async with running_orchestrator(tmp_path) as running:
        submit = running.stub.SubmitDocument
        neither = await refusal(submit(pb.SubmitDocumentRequest(spec=pb.DocumentSpec())))
        spec = pb.DocumentSpec(location="https://example.org/a.pdf")
        both = await refusal(submit(pb.SubmitDocumentRequest(spec=spec, content=b"x")))
        no_spec = await refusal(submit(pb.SubmitDocumentRequest(content=b"x")))
    assert neither.metadata["field"] == "content"
    assert both.metadata["field"] == "location"
    assert no_spec.metadata["field"] == "spec"


async def test_location_is_fetched_and_its_credentials_hidden(tmp_path: Path) -> None:
    folder = tmp_path / "inbox"
    folder.mkdir()
    (folder / "form.tiff").write_bytes(tiff(2))
    async with running_orchestrator(tmp_path / "state", file_roots=(folder,)) as running:
        spec = pb.DocumentSpec(
            request_id="fetched",
            location=(folder / "form.tiff").as_uri(),
            pipeline="checkboxes",
        )
        await running.stub.SubmitDocument(pb.SubmitDocumentRequest(spec=spec))
        found = await running.watch("fetched")
        assert account(found.document) == (2, 2, 0, 0)
        assert found.document.sha256
        outside = pb.DocumentSpec(request_id="outside", location="file:///etc/passwd")
        await running.stub.SubmitDocument(pb.SubmitDocumentRequest(spec=outside))
        refused = await running.watch("outside")
    assert refused.document.state == DOCUMENT_STATE_FAILED
    assert error_of(refused.document.error).code is grpc.StatusCode.PERMISSION_DENIED


async def _stuck(_request: Any, _model: FakeModel) -> Any:
    await asyncio.sleep(3600)


async def test_cancel_reaches_the_models(tmp_path: Path) -> None:
    async with running_orchestrator(tmp_path, pages_in_flight_bytes=150_000) as running:
        deskew = running.mesh["deskew"]
        deskew.answer = _stuck
        spec = pb.DocumentSpec(request_id="stop", pipeline="text")
        await running.stub.SubmitDocument(pb.SubmitDocumentRequest(spec=spec, content=tiff(8)))
        await until(lambda: deskew.at_work == 2)
        answer = await running.stub.CancelDocument(pb.CancelDocumentRequest(request_id="stop"))
        assert answer.document.state == DOCUMENT_STATE_CANCELLED
        assert account(answer.document) == (8, 0, 0, 8)
        await until(lambda: len(deskew.dropped) == 2)
        assert len(deskew.pages) == 2
        watched = await running.watch("stop")
        assert "cancelled" in watched.pages[8].reason
        again = await running.analyze(tiff(8), request_id="stop", pipeline="text")
        assert again.document.state == DOCUMENT_STATE_CANCELLED


async def test_client_that_vanishes_takes_its_work_along(tmp_path: Path) -> None:
    async with running_orchestrator(tmp_path) as running:
        deskew = running.mesh["deskew"]
        answer, deskew.answer = deskew.answer, _stuck
        call = running.start(tiff(2), request_id="gone", pipeline="text")
        await until(lambda: deskew.at_work == 2)
        call.cancel()
        await until(lambda: len(deskew.dropped) == 2)
        watched = await running.watch("gone")
        assert watched.document.state == DOCUMENT_STATE_CANCELLED
        assert "client went away" in watched.document.error.message
        # It was cut off, not decided: the same request begins anew.
        deskew.answer = answer
        found = await running.analyze(tiff(2), request_id="gone", pipeline="text")
        assert found.document.state == DOCUMENT_STATE_SUCCEEDED


async def test_client_that_vanishes_while_uploading(tmp_path: Path) -> None:
    async with running_orchestrator(tmp_path, scratch_dir=tmp_path) as running:

        async def endless() -> Any:
            async for request in analyze_requests(tiff(1), request_id="half", chunk_bytes=100):
                yield request
            await asyncio.sleep(3600)

        call = running.stub.AnalyzeDocument(endless())
        await until(lambda: list(tmp_path.glob("pagemesh-document-*")))
        call.cancel()
        await until(lambda: not list(tmp_path.glob("pagemesh-document-*")))
        error = await refusal(running.stub.GetDocument(pb.GetDocumentRequest(request_id="half")))
    assert error.code is grpc.StatusCode.NOT_FOUND


async def test_work_goes_on_while_somebody_watches(tmp_path: Path) -> None:
    async with running_orchestrator(tmp_path) as running:
        deskew = running.mesh["deskew"]
        answer, gate = deskew.answer, asyncio.Event()

        async def gated(request: Any, fake: FakeModel) -> Any:
            await gate.wait()
            return await answer(request, fake)

        deskew.answer = gated
        call = running.start(tiff(1), request_id="shared", pipeline="text")
        await until(lambda: deskew.at_work == 1)
        watching = asyncio.create_task(running.watch("shared"))
        await asyncio.sleep(0.2)
        call.cancel()
        await asyncio.sleep(0.2)
        gate.set()
        found = await watching
    assert found.document.state == DOCUMENT_STATE_SUCCEEDED


async def test_too_many_documents(tmp_path: Path) -> None:
    async with running_orchestrator(tmp_path, max_documents=1, max_queued_documents=1) as running:
        running.mesh["deskew"].answer = _stuck
        for name in ("one", "two"):
            spec = pb.DocumentSpec(request_id=name)
            await running.stub.SubmitDocument(pb.SubmitDocumentRequest(spec=spec, content=tiff(1)))
        spec = pb.DocumentSpec(request_id="three")
        error = await refusal(
            running.stub.SubmitDocument(pb.SubmitDocumentRequest(spec=spec, content=tiff(1)))
        )
        assert error.code is grpc.StatusCode.RESOURCE_EXHAUSTED
        assert error.retry_after
        early = await refusal(running.start(bytes(3_000_000), request_id="four"))
        assert early.reason == error.reason
        # A queued document that is cancelled never begins.
        await until(lambda: running.mesh["deskew"].at_work == 1)
        two = await running.stub.CancelDocument(pb.CancelDocumentRequest(request_id="two"))
        assert two.document.state == DOCUMENT_STATE_CANCELLED
        assert len(running.mesh["deskew"].pages) == 1


async def test_restart_ends_what_was_cut_off(tmp_path: Path) -> None:
    async with running_orchestrator(tmp_path) as running:
        deskew = running.mesh["deskew"]
        answer = deskew.answer

        async def first_only(request: Any, fake: FakeModel) -> Any:
            if not request.page.page_id.endswith("/1"):
                await asyncio.sleep(3600)
            return await answer(request, fake)

        deskew.answer = first_only
        spec = pb.DocumentSpec(request_id="cut", pipeline="text")
        await running.stub.SubmitDocument(pb.SubmitDocumentRequest(spec=spec, content=tiff(3)))
        watching = running.stub.WatchDocument(pb.WatchDocumentRequest(request_id="cut"))
        async for event in watching:
            if event.WhichOneof("event") == "page":
                break
        watching.cancel()
    async with running_orchestrator(tmp_path) as running:
        found = await running.watch("cut")
        assert found.document.state == DOCUMENT_STATE_FAILED
        assert account(found.document) == (3, 1, 2, 0)
        assert error_of(found.document.error).reason == "INTERRUPTED"
        assert "stopped" in found.pages[3].reason
        again = await running.analyze(tiff(3), request_id="cut", pipeline="text")
        assert account(again.document) == (3, 3, 0, 0)


async def test_old_documents_are_deleted(tmp_path: Path) -> None:
    async with running_orchestrator(tmp_path, retention_seconds=0.3) as running:
        await running.analyze(tiff(1), request_id="old")
        await asyncio.sleep(0.8)
        error = await refusal(running.stub.GetDocument(pb.GetDocumentRequest(request_id="old")))
    assert error.code is grpc.StatusCode.NOT_FOUND


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


async def test_slow_watcher_loses_nothing(tmp_path: Path) -> None:
    async with running_orchestrator(tmp_path) as running:
        spec = pb.DocumentSpec(request_id="slow", pipeline="checkboxes")
        await running.stub.SubmitDocument(pb.SubmitDocumentRequest(spec=spec, content=tiff(30)))
        numbers = []
        async for event in running.stub.WatchDocument(pb.WatchDocumentRequest(request_id="slow")):
            await asyncio.sleep(0.02)
            if event.WhichOneof("event") == "page":
                numbers.append(event.page.page_number)
    assert sorted(numbers) == list(range(1, 31))


async def test_pipelines_are_listed(tmp_path: Path) -> None:
    async with running_orchestrator(tmp_path) as running:
        answer = await running.stub.ListPipelines(pb.ListPipelinesRequest())
    names = [pipeline.identity.name for pipeline in answer.pipelines]
    assert names == ["application_form", "checkboxes", "classify", "forms", "signatures", "text"]
    form = answer.pipelines[0]
    assert form.is_default
    assert form.steps[3].when == f"classify.label in {FORM_CLASSES}"
    assert list(form.steps[7].after) == ["ocr", "form", "checkbox", "signature"]


async def test_storm_of_clients_leaves_nothing_behind(tmp_path: Path) -> None:
    """Few ids, many clients that cancel, vanish or stay; models that are slow and fail at times."""
    chance = random.Random(4)  # noqa: S311

    def moody(answer: Any) -> Any:
        async def respond(request: Any, fake: FakeModel) -> Any:
            await asyncio.sleep(chance.random() * 0.05)
            if chance.random() < 0.1:
                raise InvalidPage("not this one")
            return await answer(request, fake)

        return respond

    async def client(running: RunningOrchestrator, name: str) -> None:
        await asyncio.sleep(chance.random() * 4)
        call = running.start(tiff(4), request_id=name)
        async for _ in call:
            if chance.random() < 0.05:
                call.cancel()
                return
            if chance.random() < 0.03:
                await running.stub.CancelDocument(pb.CancelDocumentRequest(request_id=name))

    async with running_orchestrator(
        tmp_path, max_documents=2, pages_in_flight_bytes=300_000, scratch_dir=tmp_path
    ) as running:
        for model in running.mesh.models.values():
            model.answer = moody(model.answer)
        names = [f"document-{number % 6}" for number in range(40)]
        await asyncio.gather(*(client(running, name) for name in names))
        for name in set(names):
            document = (await running.watch(name)).document
            total, ok, failed, skipped = account(document)
            assert document.state in FINAL_STATES
            assert total == ok + failed + skipped
        await until(lambda: not any(model.at_work for model in running.mesh.models.values()))
        await until(lambda: not list(tmp_path.glob("pagemesh-document-*")))
