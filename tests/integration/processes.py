"""Orchestrators that are killed, and documents that are caught in the middle."""

import asyncio
import json
import os
import sys
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import grpc
from grpc_health.v1 import health_pb2, health_pb2_grpc

from orchestrator.config import MODELS
from orchestrator.service import SERVICE_NAME
from orchestrator.testing import FakeModel
from pagemesh.orchestrator.v1 import orchestrator_service_pb2 as pb
from pagemesh.orchestrator.v1.orchestrator_service_pb2_grpc import OrchestratorServiceStub


def hang_after(model: FakeModel, pages: int) -> None:
    """Answer for the first pages of every document, and leave the others waiting."""
    answer = model.answer

    async def first_only(request: Any, fake: FakeModel) -> Any:
        if int(request.page.page_id.rpartition("/")[2]) > pages:
            await asyncio.sleep(3600)
        return await answer(request, fake)

    model.answer = first_only


def asked(model: FakeModel, request_id: str) -> Counter[int]:
    """How often the model was asked about each page of a document."""
    pages = [page.rpartition("/") for page in model.pages]
    return Counter(int(number) for name, _, number in pages if name == request_id)


async def finished(stub: OrchestratorServiceStub, request_id: str, count: int) -> None:
    """Wait until so many pages of a document are finished."""
    request = pb.GetDocumentRequest(request_id=request_id)
    async with asyncio.timeout(60):
        while (await stub.GetDocument(request)).document.pages.ok < count:  # noqa: ASYNC110
            await asyncio.sleep(0.02)


async def finished_or_unknown(stub: OrchestratorServiceStub, request_id: str, count: int) -> None:
    """As `finished`, for a document that is just being sent."""
    while True:
        try:
            return await finished(stub, request_id, count)
        except grpc.aio.AioRpcError:
            await asyncio.sleep(0.02)


async def submit(stub: OrchestratorServiceStub, request_id: str, content: bytes) -> None:
    spec = pb.DocumentSpec(request_id=request_id, pipeline="text", filename="a.tiff")
    await stub.SubmitDocument(pb.SubmitDocumentRequest(spec=spec, content=content))


@asynccontextmanager
async def orchestrator_process(
    state: Path, target: str, **settings: Any
) -> AsyncIterator[OrchestratorServiceStub]:
    """`python -m orchestrator`, killed with -9 at the end."""
    variables = {"PORT": "0", "STATE_DIR": str(state)}
    variables |= {name.upper(): str(value) for name, value in settings.items()}
    variables |= {f"{model.upper()}_TARGET": target for model in MODELS}
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "orchestrator"),
        env={**os.environ, **{f"PAGEMESH_ORCHESTRATOR_{k}": v for k, v in variables.items()}},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    assert process.stdout is not None
    try:
        async with asyncio.timeout(60):
            address = ""
            while not address:
                address = json.loads(await process.stdout.readline()).get("address", "")
        async with grpc.aio.insecure_channel(address) as channel:
            health: Any = health_pb2_grpc.HealthStub(channel)
            request = health_pb2.HealthCheckRequest(service=SERVICE_NAME)
            async for answer in health.Watch(request):
                if answer.status == health_pb2.HealthCheckResponse.SERVING:
                    break
            yield OrchestratorServiceStub(channel)
    finally:
        process.kill()
        await process.communicate()
