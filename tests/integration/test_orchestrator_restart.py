"""The orchestrator is stopped or killed in the middle of documents, and goes on with them."""

import asyncio
from contextlib import suppress
from pathlib import Path
from typing import Any

import grpc
import pytest

from meshkit.status import error_of
from meshkit.telemetry.calls import CALLER_KEY
from meshkit.testing import running_server
from orchestrator.testing import FakeMesh, analyze_requests, running_orchestrator, tiff
from pagemesh.orchestrator.v1 import orchestrator_service_pb2 as pb
from pagemesh.orchestrator.v1.document_pb2 import DOCUMENT_STATE_FAILED, DOCUMENT_STATE_SUCCEEDED
from tests.integration.processes import (
    asked,
    finished,
    finished_or_unknown,
    hang_after,
    orchestrator_process,
    submit,
)
from tests.telemetry import Recorder, parent_of
from tests.telemetry import recorded as recorded  # noqa: PLC0414 - a fixture


async def test_a_restart_goes_on_at_the_first_unfinished_page(tmp_path: Path) -> None:
    async with running_orchestrator(tmp_path) as running:
        hang_after(running.mesh["deskew"], 2)
        await submit(running.stub, "cut", tiff(4))
        await finished(running.stub, "cut", 2)
        watching = running.stub.WatchDocument(pb.WatchDocumentRequest(request_id="cut"))
        assert (await anext(aiter(watching))).document.pages.total == 4
        uploads = tmp_path / "uploads"
        assert len(list(uploads.iterdir())) == 1
    async with running_orchestrator(tmp_path) as running:
        found = await running.watch("cut")
        assert found.document.state == DOCUMENT_STATE_SUCCEEDED
        assert found.document.source == "a.tiff"
        assert sorted(found.pages) == [1, 2, 3, 4]
        assert sorted(asked(running.mesh["deskew"], "cut")) == [3, 4]
        assert not list(uploads.iterdir())


async def test_after_a_restart_client_and_trace_are_those_of_before(
    tmp_path: Path, recorded: Recorder
) -> None:
    trace_id, span_id = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
    metadata = (("traceparent", f"00-{trace_id}-{span_id}-01"), (CALLER_KEY, "billing"))
    async with running_orchestrator(tmp_path) as running:
        hang_after(running.mesh["deskew"], 1)
        spec = pb.DocumentSpec(request_id="cut", pipeline="text", filename="a.tiff")
        request = pb.SubmitDocumentRequest(spec=spec, content=tiff(2))
        await running.stub.SubmitDocument(request, metadata=metadata)
        await finished(running.stub, "cut", 1)
    first = recorded.span("document", pagemesh__request_id="cut")
    recorded.exporter.clear()
    async with running_orchestrator(tmp_path) as running:
        assert (await running.watch("cut")).document.state == DOCUMENT_STATE_SUCCEEDED
    second = recorded.span("document", pagemesh__request_id="cut", pagemesh__client="billing")
    page = recorded.span("page", pagemesh__page__number=2, pagemesh__client="billing")
    assert {f"{span.context.trace_id:032x}" for span in (first, second, page)} == {trace_id}
    assert first.parent is not None
    assert second.parent is not None
    assert first.parent.span_id == second.parent.span_id  # the call that brought it
    assert parent_of(page, recorded.spans) == second


async def test_lost_uploads_are_told(tmp_path: Path) -> None:
    async with running_orchestrator(tmp_path) as running:
        hang_after(running.mesh["deskew"], 1)
        await submit(running.stub, "cut", tiff(2))
        await finished(running.stub, "cut", 1)
    for upload in (tmp_path / "uploads").iterdir():
        upload.unlink()
    async with running_orchestrator(tmp_path) as running:
        found = await running.watch("cut")
        assert found.document.state == DOCUMENT_STATE_FAILED
        assert "uploaded bytes were lost" in found.document.error.message
        assert (found.document.pages.ok, found.document.pages.failed) == (1, 1)


@pytest.mark.timeout(300)
async def test_a_killed_orchestrator_reads_no_finished_page_again(tmp_path: Path) -> None:
    mesh = FakeMesh()
    deskew = mesh["deskew"]
    answer = deskew.answer
    async with running_server(mesh) as models:
        hang_after(deskew, 2)
        async with orchestrator_process(tmp_path, models.address) as stub:
            await submit(stub, "kept", tiff(4))
            requests = analyze_requests(tiff(4), request_id="unkept", pipeline="text")
            watching = asyncio.create_task(drain(stub.AnalyzeDocument(requests)))
            await finished(stub, "kept", 2)
            await finished_or_unknown(stub, "unkept", 2)
        await asyncio.wait([watching])
        deskew.pages.clear()
        deskew.answer = answer
        async with orchestrator_process(tmp_path, models.address) as stub:
            kept = [e async for e in stub.WatchDocument(pb.WatchDocumentRequest(request_id="kept"))]
            assert kept[-1].document.pages.ok == 4
            assert asked(deskew, "kept") == {3: 1, 4: 1}

            # Its client was cut off, too: it must say that it still wants the document.
            cut = await stub.GetDocument(pb.GetDocumentRequest(request_id="unkept"))
            assert error_of(cut.document.error).reason == "INTERRUPTED"
            assert (cut.document.pages.ok, cut.document.pages.failed) == (2, 2)
            requests = analyze_requests(tiff(4), request_id="unkept", pipeline="text")
            events = [event async for event in stub.AnalyzeDocument(requests)]
            assert events[-1].document.pages.ok == 4
            assert asked(deskew, "unkept") == {3: 1, 4: 1}


async def drain(call: Any) -> None:
    with suppress(grpc.aio.AioRpcError):
        async for _ in call:
            pass
