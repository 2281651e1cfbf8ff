"""The orchestrator as a process, and embedded in another."""

import asyncio
import json
import os
import signal
import sys
from pathlib import Path
from typing import Any

import grpc
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc

from meshkit.inprocess import InProcessServer
from meshkit.status import error_from_rpc
from meshkit.testing import running_server
from orchestrator.app import create_orchestrator
from orchestrator.config import MODELS, SHIPPED_PIPELINES, OrchestratorConfig
from orchestrator.service import SERVICE_NAME
from orchestrator.testing import FakeMesh, FakeModel, analyze_requests, running_orchestrator, tiff
from pagemesh.orchestrator.v1 import orchestrator_service_pb2 as pb
from pagemesh.orchestrator.v1.orchestrator_service_pb2_grpc import OrchestratorServiceStub


async def start(tmp_path: Path, **variables: str) -> asyncio.subprocess.Process:
    """`python -m orchestrator` with these variables of its own."""
    nowhere = {f"{model.upper()}_TARGET": "127.0.0.1:1" for model in MODELS}
    given = {"PORT": "0", "STATE_DIR": str(tmp_path / "state"), **nowhere, **variables}
    environment = {f"PAGEMESH_ORCHESTRATOR_{name}": value for name, value in given.items()}
    return await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "orchestrator",
        env={**os.environ, **environment},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )


async def test_process_serves_reloads_and_ends(tmp_path: Path) -> None:
    folder = tmp_path / "pipelines"
    folder.mkdir()
    for file in SHIPPED_PIPELINES.glob("*.yaml"):
        (folder / file.name).write_text(file.read_text())
    process = await start(tmp_path, PIPELINES_DIR=str(folder), RELOAD_SECONDS="0.1")
    assert process.stdout is not None
    try:
        async with asyncio.timeout(60):
            address = ""
            while not address:
                address = json.loads(await process.stdout.readline()).get("address", "")
            async with grpc.aio.insecure_channel(address) as channel:
                await _wait_until_serving(channel)
                stub = OrchestratorServiceStub(channel)
                text = (folder / "text.yaml").read_text()
                (folder / "text.yaml").write_text(text.replace('"1.0.0"', '"1.0.1"'))
                while await _version(stub, "text") != "1.0.1":  # noqa: ASYNC110
                    await asyncio.sleep(0.05)
                # Nobody listens at the models' addresses: that fails pages, and says so.
                requests = analyze_requests(tiff(1), pipeline="text")
                events = [event async for event in stub.AnalyzeDocument(requests)]
                assert events[-1].document.pages.failed == 1
            process.send_signal(signal.SIGTERM)
            assert await process.wait() == 0
    finally:
        if process.returncode is None:
            process.kill()
        await process.communicate()


async def _wait_until_serving(channel: grpc.aio.Channel) -> None:
    health: Any = health_pb2_grpc.HealthStub(channel)
    request = health_pb2.HealthCheckRequest(service=SERVICE_NAME)
    async for answer in health.Watch(request):
        if answer.status == health_pb2.HealthCheckResponse.SERVING:
            return


async def _version(stub: OrchestratorServiceStub, name: str) -> str:
    answer = await stub.ListPipelines(pb.ListPipelinesRequest())
    return next(p.identity.version for p in answer.pipelines if p.identity.name == name)


@pytest.mark.parametrize(
    ("variables", "code", "told"),
    [
        ({"PIPELINES_DIR": "{tmp_path}"}, 1, ["a.yaml:1", "a.yaml:3", "no stage `nosuch`"]),
        ({"MAX_DOCUMENTS": "none", "OCR_TRAGET": "x"}, 2, ["MAX_DOCUMENTS", "OCR_TRAGET"]),
    ],
)
async def test_bad_settings_end_the_process(
    tmp_path: Path, variables: dict[str, str], code: int, told: list[str]
) -> None:
    (tmp_path / "a.yaml").write_text("name: A\nsteps:\n  - {name: x, stage: nosuch}\n")
    given = {name: value.format(tmp_path=tmp_path) for name, value in variables.items()}
    process = await start(tmp_path, **given)
    async with asyncio.timeout(60):
        output, _ = await process.communicate()
    assert process.returncode == code
    for text in told:
        assert text in output.decode()


async def test_embedded_over_channels_within_the_process(tmp_path: Path) -> None:
    mesh, models, door = FakeMesh(), InProcessServer(), InProcessServer()
    mesh.add_to_server(models)
    config = OrchestratorConfig(state_dir=tmp_path)
    orchestrator = create_orchestrator(config, {name: models.channel() for name in MODELS})
    orchestrator.add_to_server(door)
    await orchestrator.start()
    try:
        stub = OrchestratorServiceStub(door.channel())
        requests = analyze_requests(tiff(3))
        events = [event async for event in stub.AnalyzeDocument(requests)]
        assert events[-1].document.pages.ok == 3

        async def slow(_request: Any, _model: FakeModel) -> Any:
            await asyncio.sleep(3600)

        mesh["ocr"].answer = slow
        call = stub.AnalyzeDocument(analyze_requests(tiff(1)))
        async with asyncio.timeout(60):
            while not mesh["ocr"].at_work:  # noqa: ASYNC110
                await asyncio.sleep(0.01)
            call.cancel()
            while not mesh["ocr"].dropped:  # noqa: ASYNC110
                await asyncio.sleep(0.01)
    finally:
        await orchestrator.stop()
        await orchestrator.stop()


async def test_drain_lets_documents_finish(tmp_path: Path) -> None:
    async with running_orchestrator(tmp_path) as running:
        ocr = running.mesh["ocr"]
        answer = ocr.answer

        async def slow(request: Any, model: FakeModel) -> Any:
            await asyncio.sleep(0.3)
            return await answer(request, model)

        ocr.answer = slow
        analyzing = asyncio.create_task(running.analyze(tiff(4)))
        async with asyncio.timeout(60):
            while not ocr.at_work:  # noqa: ASYNC110
                await asyncio.sleep(0.01)
        await running.server.stop()
        assert (await analyzing).document.pages.ok == 4


async def test_calls_before_it_is_ready_are_told_to_come_again(tmp_path: Path) -> None:
    config = OrchestratorConfig(state_dir=tmp_path)
    mesh = InProcessServer()
    orchestrator = create_orchestrator(config, {name: mesh.channel() for name in MODELS})
    async with running_server(orchestrator, config, loaded=False) as server:
        stub = OrchestratorServiceStub(server.channel)
        for call in (
            stub.ListPipelines(pb.ListPipelinesRequest()),
            stub.GetDocument(pb.GetDocumentRequest(request_id="a")),
            stub.SubmitDocument(pb.SubmitDocumentRequest(content=b"x")),
        ):
            with pytest.raises(grpc.aio.AioRpcError) as caught:
                await call
            error = error_from_rpc(caught.value)
            assert (error.code, error.reason) == (grpc.StatusCode.UNAVAILABLE, "NOT_READY")
            assert error.retry_after
        await server.server.load()
        assert (await stub.ListPipelines(pb.ListPipelinesRequest())).pipelines
