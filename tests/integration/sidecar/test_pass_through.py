"""Reflection and health of the model pass through; clients of other kinds see the model."""

from collections.abc import AsyncIterator
from typing import Any

import grpc
import pytest_asyncio
from grpc_health.v1 import health, health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection, reflection_pb2, reflection_pb2_grpc

from sidecar.config import SidecarConfig
from sidecar.proxy import Proxy
from tests.integration.sidecar.conftest import until_connected

SERVING = health_pb2.HealthCheckResponse.SERVING
NOT_SERVING = health_pb2.HealthCheckResponse.NOT_SERVING
MODEL = "pagemesh.ocr.v1.OcrService"
HealthStub: Any = health_pb2_grpc.HealthStub
ReflectionStub: Any = reflection_pb2_grpc.ServerReflectionStub


@pytest_asyncio.fixture
async def model() -> AsyncIterator[tuple[Any, Any]]:
    """A model's health, and a channel to the proxy before the model."""
    server = grpc.aio.server()
    servicer = health.aio.HealthServicer()
    health_pb2_grpc.add_HealthServicer_to_server(servicer, server)
    reflection.enable_server_reflection((MODEL, health.SERVICE_NAME), server)
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    proxy = Proxy(SidecarConfig(upstream=f"127.0.0.1:{port}", drain_seconds=5))
    address = await proxy.start()
    await until_connected(proxy)
    async with grpc.aio.insecure_channel(address) as channel:
        yield servicer, channel
    await proxy.drain()
    await server.stop(0)


async def test_the_models_health_and_the_proxys_are_told_apart(model: tuple[Any, Any]) -> None:
    servicer, channel = model
    stub = HealthStub(channel)

    async def status(service: str) -> int:
        answer = await stub.Check(health_pb2.HealthCheckRequest(service=service))
        return int(answer.status)

    assert await status("pagemesh.sidecar") == SERVING
    await servicer.set("", NOT_SERVING)
    await servicer.set(MODEL, SERVING)
    assert [await status(name) for name in ("", MODEL, "pagemesh.sidecar")] == [
        NOT_SERVING,
        SERVING,
        SERVING,
    ]


async def test_the_models_health_is_watched(model: tuple[Any, Any]) -> None:
    servicer, channel = model
    await servicer.set(MODEL, NOT_SERVING)
    watch = HealthStub(channel).Watch(health_pb2.HealthCheckRequest(service=MODEL))
    assert (await watch.read()).status == NOT_SERVING
    await servicer.set(MODEL, SERVING)
    assert (await watch.read()).status == SERVING
    watch.cancel()


async def test_reflection_tells_of_the_model(model: tuple[Any, Any]) -> None:
    _, channel = model
    call = ReflectionStub(channel).ServerReflectionInfo()
    await call.write(reflection_pb2.ServerReflectionRequest(list_services=""))
    listed = (await call.read()).list_services_response.service
    assert MODEL in {service.name for service in listed}
    symbol = health.SERVICE_NAME
    await call.write(reflection_pb2.ServerReflectionRequest(file_containing_symbol=symbol))
    assert (await call.read()).file_descriptor_response.file_descriptor_proto
    await call.done_writing()
    assert await call.read() is grpc.aio.EOF
