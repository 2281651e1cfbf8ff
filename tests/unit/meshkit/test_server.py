"""The life of a server, in this process: load, health, reflection, drain."""

import asyncio
from pathlib import Path
from typing import Any

import grpc
import numpy as np
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection_pb2, reflection_pb2_grpc

from meshkit.client import open_channel
from meshkit.errors import ModelNotReady
from meshkit.server import Health, MeshServer, ServerError
from meshkit.serving import PageServicer
from meshkit.status import error_from_rpc
from meshkit.testing import WatchedModel, encode, eventually, running_server
from pagemesh.classify.v1 import classify_service_pb2 as pb
from pagemesh.classify.v1 import classify_service_pb2_grpc as pb_grpc
from tests.unit.meshkit.toy import SERVICE, ToyConfig, ToyModel

SERVING = health_pb2.HealthCheckResponse.SERVING
NOT_SERVING = health_pb2.HealthCheckResponse.NOT_SERVING


def request() -> pb.ClassifyPageRequest:
    message = pb.ClassifyPageRequest()
    message.page.page_id = "p1"
    message.page.encoded.data = encode(np.full((10, 20), 7, np.uint8))
    return message


def toy(config: ToyConfig) -> tuple[WatchedModel[Any, Any], PageServicer[Any, Any]]:
    model = WatchedModel(ToyModel(config))
    return model, PageServicer(SERVICE, model, config)


async def health_of(channel: grpc.aio.Channel, service: str) -> Any:
    stub: Any = health_pb2_grpc.HealthStub(channel)
    answer = await stub.Check(health_pb2.HealthCheckRequest(service=service))
    return answer.status


async def test_health_is_not_serving_until_the_model_is_loaded() -> None:
    _, servicer = toy(ToyConfig())
    async with running_server(servicer, loaded=False) as running:
        for name in ("", SERVICE.service_name):
            assert await health_of(running.channel, name) == NOT_SERVING
        await running.server.load()
        for name in ("", SERVICE.service_name):
            assert await health_of(running.channel, name) == SERVING
        with pytest.raises(grpc.aio.AioRpcError) as error:
            await health_of(running.channel, "pagemesh.unknown.v1.Service")
        assert error.value.code() is grpc.StatusCode.NOT_FOUND


async def test_calls_before_the_model_is_loaded_are_told_when_to_retry() -> None:
    _, servicer = toy(ToyConfig())
    async with running_server(servicer, loaded=False) as running:
        stub = pb_grpc.ClassifyServiceStub(running.channel)
        stream = stub.StreamClassifyPages(iter([pb.StreamClassifyPagesRequest()]))
        for call in (stub.ClassifyPage(request()), stream.read()):
            with pytest.raises(grpc.aio.AioRpcError) as error:
                await call
            told = error_from_rpc(error.value)
            assert isinstance(told, ModelNotReady)
            assert told.retry_after


async def test_a_watcher_of_health_sees_loading_serving_and_draining() -> None:
    _, servicer = toy(ToyConfig())
    async with running_server(servicer, loaded=False) as running:
        stub: Any = health_pb2_grpc.HealthStub(running.channel)
        watch: Any = stub.Watch(health_pb2.HealthCheckRequest(service=SERVICE.service_name))
        assert (await watch.read()).status == NOT_SERVING
        await running.server.load()
        assert (await watch.read()).status == SERVING
        async with asyncio.timeout(60):  # not held up by the watcher for `drain_seconds`
            await running.server.stop()
        assert (await watch.read()).status == NOT_SERVING
        assert await watch.read() is grpc.aio.EOF


async def test_a_watch_whose_write_is_under_way_is_ended_by_one_last_word() -> None:
    context = SlowContext()
    health = Health()
    watching = asyncio.create_task(health.Watch(health_pb2.HealthCheckRequest(), context))
    await eventually(lambda: context.is_writing)
    health.end_watches()
    await asyncio.sleep(0)
    assert not watching.done()
    context.gate.set()
    await watching
    assert context.written == [SERVING, NOT_SERVING]


class SlowContext:
    """Takes one write at a time, as a call does, and each only once the gate is open."""

    def __init__(self) -> None:
        self.gate = asyncio.Event()
        self.is_writing = False
        self.written: list[int] = []

    async def write(self, response: Any) -> None:
        assert not self.is_writing
        self.is_writing = True
        await self.gate.wait()
        self.is_writing = False
        self.written.append(response.status)


async def test_reflection_lists_the_services() -> None:
    _, servicer = toy(ToyConfig())
    async with running_server(servicer) as running:
        channel: Any = running.channel
        stub: Any = reflection_pb2_grpc.ServerReflectionStub(channel)
        asked = reflection_pb2.ServerReflectionRequest(list_services="")
        answers = [a async for a in stub.ServerReflectionInfo(iter([asked]))]
    names = {s.name for s in answers[0].list_services_response.service}
    assert {SERVICE.service_name, "grpc.health.v1.Health"} <= names


async def test_a_drain_finishes_what_is_in_flight_and_frees_the_model() -> None:
    model, servicer = toy(ToyConfig())
    model.gate.clear()
    async with running_server(servicer) as running:
        stub = pb_grpc.ClassifyServiceStub(running.channel)
        calls = [asyncio.ensure_future(stub.ClassifyPage(request())) for _ in range(3)]
        await eventually(lambda: servicer.queued == 2)
        stopping = asyncio.create_task(running.server.stop())
        await asyncio.sleep(0.02)
        assert not stopping.done()
        assert model.closed == 0
        model.gate.set()
        assert [(await call).page_id for call in calls] == ["p1"] * 3
        await stopping
        assert model.closed == 1
        await running.server.stop()
        assert model.closed == 1


async def test_a_drain_gives_up_after_its_time() -> None:
    config = ToyConfig(drain_seconds=0.05)
    model, servicer = toy(config)
    model.gate.clear()
    async with running_server(servicer, config) as running:
        stub = pb_grpc.ClassifyServiceStub(running.channel)
        call = asyncio.ensure_future(stub.ClassifyPage(request()))
        await asyncio.to_thread(model.started.wait, 10)
        stopping = asyncio.create_task(running.server.stop())
        with pytest.raises((grpc.aio.AioRpcError, asyncio.CancelledError)):
            await call
        model.gate.set()
        await stopping


async def test_a_server_listens_on_a_unix_socket(tmp_path: Path) -> None:
    config = ToyConfig(unix_socket=str(tmp_path / "toy.sock"))
    _, servicer = toy(config)
    async with running_server(servicer, config) as running:
        assert running.address == f"unix:{tmp_path}/toy.sock"
        stub = pb_grpc.ClassifyServiceStub(running.channel)
        assert (await stub.ClassifyPage(request())).result.score == 7


async def test_an_address_in_use_is_told() -> None:
    _, servicer = toy(ToyConfig())
    async with running_server(servicer) as running:
        config = ToyConfig(port=int(running.address.rpartition(":")[2]))
        second = MeshServer(toy(config)[1], config)
        with pytest.raises(ServerError, match=r"cannot listen on 127\.0\.0\.1"):
            await second.bind()
        await second.stop()


async def test_a_message_over_the_limit_is_refused_on_either_side() -> None:
    config = ToyConfig(max_message_bytes=100_000)
    _, servicer = toy(config)
    message = request()
    message.page.encoded.data = b"\0" * 200_000
    async with running_server(servicer, config) as running:
        with pytest.raises(grpc.aio.AioRpcError) as error:
            await pb_grpc.ClassifyServiceStub(running.channel).ClassifyPage(message)
        assert error.value.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
        async with open_channel(running.address, max_message_bytes=1000) as small:
            with pytest.raises(grpc.aio.AioRpcError) as error:
                await pb_grpc.ClassifyServiceStub(small).ClassifyPage(message)
        assert error.value.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
