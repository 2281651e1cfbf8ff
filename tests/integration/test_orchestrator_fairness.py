"""Clients that share an orchestrator, and documents that come before others, over real gRPC."""

import asyncio
import io
from pathlib import Path
from typing import Any

import grpc
import pytest
from google.protobuf.message import Message
from PIL import Image

from meshkit.telemetry.calls import CALLER_KEY
from orchestrator.testing import FakeModel, RunningOrchestrator, running_orchestrator, tiff
from pagemesh.orchestrator.v1 import orchestrator_service_pb2 as pb
from pagemesh.orchestrator.v1.document_pb2 import DOCUMENT_STATE_SUCCEEDED
from tests.integration.calls import account, refusal, until

ONE_SEAT: dict[str, Any] = {
    "max_documents": 1,
    "pages_in_flight_bytes": 10_000_000,
    "max_queued_documents": 20,
}


def scans(pages: int) -> bytes:
    """Pages of 9 MB of pixels each, 1 bit deep."""
    images = [Image.new("1", (3000, 3000), 1) for _ in range(pages)]
    file = io.BytesIO()
    images[0].save(
        file, "TIFF", save_all=True, append_images=images[1:], compression="group4", dpi=(300, 300)
    )
    return file.getvalue()


async def submit(
    running: RunningOrchestrator, name: str, content: bytes, client: str = "", **spec: Any
) -> None:
    request = pb.SubmitDocumentRequest(
        spec=pb.DocumentSpec(request_id=name, pipeline="text", **spec), content=content
    )
    metadata = ((CALLER_KEY, client),) if client else ()
    await running.stub.SubmitDocument(request, metadata=metadata)


async def read_order(running: RunningOrchestrator, *names: str) -> list[str]:
    """The documents of the pages in the order in which models saw them, once all are read."""
    for name in names:
        found = await running.watch(name)
        assert found.document.state == DOCUMENT_STATE_SUCCEEDED
        total, ok, _failed, _skipped = account(found.document)
        assert total == ok == len(found.pages)
    return [page.partition("/")[0] for page in running.mesh["ocr"].pages]


def slowly(running: RunningOrchestrator) -> None:
    """Have reading take a while, so that documents meet."""
    answer = running.mesh["ocr"].answer

    async def slow(request: Any, model: FakeModel) -> Message:
        await asyncio.sleep(0.05)
        return await answer(request, model)

    running.mesh["ocr"].answer = slow


async def test_a_long_document_lets_another_client_in_between(tmp_path: Path) -> None:
    async with running_orchestrator(tmp_path, **ONE_SEAT) as running:
        slowly(running)
        await submit(running, "long", scans(16), "archive")
        await until(lambda: running.mesh["ocr"].pages)
        await submit(running, "short", tiff(1), "desk")
        order = await read_order(running, "long", "short")
    assert order.count("long") == 16
    assert order.index("short") < 10


@pytest.mark.parametrize(("priority", "is_before"), [("INTERACTIVE", True), ("BULK", False)])
async def test_an_interactive_document_overtakes_ones_own_bulk(
    tmp_path: Path, priority: str, *, is_before: bool
) -> None:
    async with running_orchestrator(tmp_path, **ONE_SEAT) as running:
        slowly(running)
        await submit(running, "bulk", scans(8), priority=pb.PRIORITY_BULK)
        await until(lambda: running.mesh["ocr"].pages)
        await submit(running, "later", tiff(1), priority=pb.Priority.Value(f"PRIORITY_{priority}"))
        order = await read_order(running, "bulk", "later")
    assert order.count("bulk") == 8
    assert (order[-1] == "bulk") is is_before


async def test_a_greedy_client_gets_half_of_the_pages_while_another_asks(tmp_path: Path) -> None:
    async with running_orchestrator(tmp_path, **ONE_SEAT | {"max_documents": 4}) as running:
        slowly(running)
        greedy = [f"greedy{number}" for number in range(12)]
        for name in greedy:
            await submit(running, name, scans(4), "greedy")
        await until(lambda: running.mesh["ocr"].pages)
        already = len(running.mesh["ocr"].pages)
        await submit(running, "modest", scans(12), "modest")
        order = await read_order(running, "modest", *greedy)
    until_done = order[already : len(order) - order[::-1].index("modest")]
    assert until_done.count("modest") == 12
    assert 8 <= len(until_done) - 12 <= 18


async def test_a_greedy_client_leaves_room_in_the_queue(tmp_path: Path) -> None:
    async with running_orchestrator(tmp_path, max_documents=1, max_queued_documents=19) as running:
        gate = asyncio.Event()
        answer = running.mesh["ocr"].answer

        async def shut(request: Any, model: FakeModel) -> Message:
            await gate.wait()
            return await answer(request, model)

        running.mesh["ocr"].answer = shut
        for number in range(18):
            await submit(running, f"greedy{number}", tiff(1), "greedy")
        error = await refusal(submit(running, "greedy18", tiff(1), "greedy"))
        assert error.code is grpc.StatusCode.RESOURCE_EXHAUSTED
        assert error.retry_after
        assert "18 documents of this client" in error.message
        await submit(running, "modest", tiff(1), "modest")
        gate.set()
        await read_order(running, "modest")


async def test_priority_is_no_part_of_a_request(tmp_path: Path) -> None:
    async with running_orchestrator(tmp_path) as running:
        await submit(running, "same", tiff(1), priority=pb.PRIORITY_BULK)
        await submit(running, "same", tiff(1), priority=pb.PRIORITY_INTERACTIVE)
        assert await read_order(running, "same") == ["same"]
        error = await refusal(submit(running, "other", tiff(1), priority=17))
        assert error.metadata["field"] == "priority"
