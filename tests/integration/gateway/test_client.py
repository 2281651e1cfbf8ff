"""The client by REST: what it does by gRPC, and the commands."""

import asyncio
from pathlib import Path

import pytest
from typer.testing import CliRunner

from meshkit.errors import Conflict, DependencyUnavailable, InvalidInput, NotFound
from orchestrator.testing import RunningOrchestrator, tiff
from pagemesh import AsyncClient
from pagemesh.cli.app import app
from pagemesh.orchestrator.v1 import document_pb2 as documents
from tests.integration.gateway.conftest import RunningGateway
from tests.integration.gateway.test_results import never


def url_of(gateway: RunningGateway) -> str:
    return f"http://{gateway.server.address}"


async def test_rest_and_grpc_give_the_same(
    gateway: RunningGateway, orchestrator: RunningOrchestrator, tmp_path: Path
) -> None:
    file = tmp_path / "scan.tiff"
    file.write_bytes(tiff(3))
    async with AsyncClient(url_of(gateway)) as rest, AsyncClient(orchestrator.address) as grpc:
        by_rest = await rest.analyze(file, pipeline="forms", request_id="rest").collect()
        by_grpc = await grpc.analyze(file, pipeline="forms", request_id="grpc").collect()
        for one, other in zip(by_rest.pages, by_grpc.pages, strict=True):
            for page in (one, other):
                del page.steps[:]  # they took their own time
            assert one == other
        assert by_rest.document.pages == by_grpc.document.pages
        assert by_rest.document.state == documents.DOCUMENT_STATE_SUCCEEDED
        assert by_rest.document.pipeline == by_grpc.document.pipeline
        assert len((await rest.get("rest")).pages) == 3
        watched = await rest.watch("rest").collect()
        assert [page.page_number for page in watched.pages] == [1, 2, 3]
        names = [pipeline.identity.name for pipeline in await grpc.pipelines()]
        assert [pipeline.identity.name for pipeline in await rest.pipelines()] == names


async def test_errors_keep_their_kind_and_reason(gateway: RunningGateway) -> None:
    async with AsyncClient(url_of(gateway)) as client:
        with pytest.raises(NotFound) as missing:
            await client.get("nobody")
        assert missing.value.reason == "DOCUMENT_NOT_FOUND"
        with pytest.raises(InvalidInput) as unknown:
            await client.submit(tiff(1), pipeline="nosuch")
        assert unknown.value.metadata["field"] == "pipeline"
        await client.submit(tiff(1), request_id="one")
        with pytest.raises(Conflict):
            await client.submit(tiff(2), request_id="one")
    async with AsyncClient("http://127.0.0.1:1") as client:
        with pytest.raises(DependencyUnavailable):
            await client.get("nobody")


async def test_who_stops_listening_stops_the_work(
    gateway: RunningGateway, orchestrator: RunningOrchestrator
) -> None:
    orchestrator.mesh["ocr"].answer = never
    async with AsyncClient(url_of(gateway)) as client:
        stream = client.analyze(tiff(1), pipeline="text", request_id="left")
        await anext(stream.events())
        await stream.aclose()
        assert (await gateway.final("left"))["status"] == "cancelled"


async def test_commands_go_to_a_gateway(gateway: RunningGateway, tmp_path: Path) -> None:
    file = tmp_path / "scan.tiff"
    file.write_bytes(tiff(2))
    where = ["--gateway", url_of(gateway)]

    async def run(*arguments: str) -> tuple[int, str]:
        done = await asyncio.to_thread(CliRunner().invoke, app, [*arguments, *where])
        return done.exit_code, done.stdout

    sent = await run("submit", str(file), "--request-id", "shell", "--pipeline", "text")
    assert sent == (0, "shell\n")
    code, text = await run("result", "shell", "--wait", "--timeout", "60")
    assert code == 0
    assert '"DOCUMENT_STATE_SUCCEEDED"' in text
    assert text.count('"pageNumber"') == 2
    code, text = await run("cancel", "shell")
    assert (code, '"DOCUMENT_STATE_SUCCEEDED"' in text) == (0, True)
