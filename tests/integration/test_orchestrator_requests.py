"""What clients ask of the orchestrator, and what it refuses, over real gRPC."""

import asyncio
from pathlib import Path
from typing import Any

import grpc
import pytest
from google.protobuf.duration_pb2 import Duration

from meshkit.status import error_of
from orchestrator.testing import (
    FakeModel,
    running_orchestrator,
    tiff,
)
from pagemesh.orchestrator.v1 import orchestrator_service_pb2 as pb
from pagemesh.orchestrator.v1.document_pb2 import (
    DOCUMENT_STATE_FAILED,
    DOCUMENT_STATE_PROCESSING,
    DOCUMENT_STATE_QUEUED,
    DOCUMENT_STATE_SUCCEEDED,
)
from tests.integration.calls import FORM_CLASSES, account, refusal


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
        assert page.next_page_token == "3"  # noqa: S105 - a place in a list
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


async def test_pipelines_are_listed(tmp_path: Path) -> None:
    async with running_orchestrator(tmp_path) as running:
        answer = await running.stub.ListPipelines(pb.ListPipelinesRequest())
    names = [pipeline.identity.name for pipeline in answer.pipelines]
    assert names == ["application_form", "checkboxes", "classify", "forms", "signatures", "text"]
    form = answer.pipelines[0]
    assert form.is_default
    assert form.steps[3].when == f"classify.label in {FORM_CLASSES}"
    assert list(form.steps[8].after) == ["ocr", "form", "checkbox", "signature"]
