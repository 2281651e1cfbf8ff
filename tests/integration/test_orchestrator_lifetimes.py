"""Documents that are cancelled, left, cut off or watched slowly, over real gRPC."""

import asyncio
import random
from pathlib import Path
from typing import Any

import grpc

from meshkit.errors import InvalidPage
from orchestrator.records import FINAL_STATES
from orchestrator.testing import (
    FakeModel,
    RunningOrchestrator,
    analyze_requests,
    running_orchestrator,
    tiff,
)
from pagemesh.orchestrator.v1 import orchestrator_service_pb2 as pb
from pagemesh.orchestrator.v1.document_pb2 import (
    DOCUMENT_STATE_CANCELLED,
    DOCUMENT_STATE_SUCCEEDED,
)
from tests.integration.calls import account, refusal, until


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


async def test_old_documents_are_deleted(tmp_path: Path) -> None:
    async with running_orchestrator(tmp_path, retention_seconds=0.3) as running:
        await running.analyze(tiff(1), request_id="old")
        async with asyncio.timeout(60):
            while (code := await _code(running, "old")) is grpc.StatusCode.OK:  # noqa: ASYNC110
                await asyncio.sleep(0.05)
    assert code is grpc.StatusCode.NOT_FOUND


async def _code(running: RunningOrchestrator, request_id: str) -> grpc.StatusCode:
    try:
        await running.stub.GetDocument(pb.GetDocumentRequest(request_id=request_id))
    except grpc.aio.AioRpcError as error:
        return error.code()
    return grpc.StatusCode.OK


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


async def test_storm_of_clients_leaves_nothing_behind(tmp_path: Path) -> None:
    """Few ids, many clients that cancel, vanish or stay; models that are slow and fail at times."""
    chance = random.Random(4)  # noqa: S311 - chance, not a secret

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
