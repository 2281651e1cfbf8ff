"""Before the model, without it, after it; limits; the proxy's own health; the end."""

import asyncio
from typing import Any

import grpc
import pytest
from google.rpc import error_details_pb2, status_pb2
from grpc_health.v1 import health_pb2, health_pb2_grpc

from sidecar.config import SidecarConfig
from sidecar.proxy import Proxy
from tests.integration.sidecar.conftest import Echo, Place, running, start_model, until_connected

HealthStub: Any = health_pb2_grpc.HealthStub
OWN = health_pb2.HealthCheckRequest(service="pagemesh.sidecar")


def details(error: grpc.aio.AioRpcError) -> tuple[error_details_pb2.ErrorInfo, float | None]:
    """Reason and seconds until a retry."""
    trailing = dict(error.trailing_metadata())
    status = status_pb2.Status.FromString(trailing["grpc-status-details-bin"])
    info, retry = error_details_pb2.ErrorInfo(), error_details_pb2.RetryInfo()
    assert status.details[0].Unpack(info)
    seconds = None
    if len(status.details) > 1 and status.details[1].Unpack(retry):
        seconds = retry.retry_delay.ToMilliseconds() / 1000
    return info, seconds


async def failure(call: Any) -> grpc.aio.AioRpcError:
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await call
    return caught.value


async def test_a_model_that_is_not_there_yet_is_unavailable_with_a_time_to_retry() -> None:
    proxy = Proxy(SidecarConfig(upstream="127.0.0.1:1", name="ocr"))
    address = await proxy.start()
    channel: Any
    async with grpc.aio.insecure_channel(address) as channel:
        error = await failure(channel.unary_unary("/test.Echo/Unary")(b""))
        assert error.code() is grpc.StatusCode.UNAVAILABLE
        assert "ocr" in (error.details() or "")
        info, retry = details(error)
        assert info.reason == "MODEL_NOT_REACHED"
        assert retry == 0.5
        own = await HealthStub(channel).Check(OWN)
        assert own.status == health_pb2.HealthCheckResponse.SERVING
    await proxy.drain()


async def test_calls_may_wait_for_the_model(tmp_path: object) -> None:
    path = f"unix:{tmp_path}/model.sock"
    proxy = Proxy(SidecarConfig(upstream=path, wait_seconds=20))
    channel: Any
    async with grpc.aio.insecure_channel(await proxy.start()) as channel:
        calls = [channel.unary_unary("/test.Echo/Unary")(b"%d" % n) for n in range(5)]
        await asyncio.sleep(0.3)
        server, _ = await start_model(Echo(), path)
        assert [await call for call in calls] == [b"%d" % n for n in range(5)]
        await server.stop(0)
    await proxy.drain()


async def test_waiting_for_a_model_ends() -> None:
    proxy = Proxy(SidecarConfig(upstream="127.0.0.1:1", wait_seconds=0.2))
    channel: Any
    async with grpc.aio.insecure_channel(await proxy.start()) as channel:
        error = await failure(channel.unary_unary("/test.Echo/Unary")(b""))
        assert details(error)[0].reason == "MODEL_NOT_REACHED"
    await proxy.drain()


async def test_a_model_that_dies_is_told_at_once_and_found_again(tmp_path: object) -> None:
    path = f"unix:{tmp_path}/model.sock"
    async with running(path) as place:
        call = place.channel.unary_unary("/test.Echo/Sleep")(b"")
        await asyncio.wait_for(place.echo.asleep.wait(), 60)
        await place.server.stop(0)
        error = await asyncio.wait_for(failure(call), 60)
        assert error.code() in (grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.CANCELLED)
        place.server, _ = await start_model(place.echo, path)
        await until_connected(place.proxy)
        assert await place.channel.unary_unary("/test.Echo/Unary")(b"back") == b"back"


async def test_the_models_health_passes_through(place: Place) -> None:
    stub = HealthStub(place.channel)
    error = await failure(stub.Check(health_pb2.HealthCheckRequest(service="")))
    assert error.code() is grpc.StatusCode.UNIMPLEMENTED  # this model has none
    own = await stub.Check(OWN)
    assert own.status == health_pb2.HealthCheckResponse.SERVING


async def test_watching_the_proxys_health_ends_with_the_proxy(place: Place) -> None:
    watch = HealthStub(place.channel).Watch(OWN)
    assert (await watch.read()).status == health_pb2.HealthCheckResponse.SERVING
    await place.proxy.drain()
    assert (await watch.read()).status == health_pb2.HealthCheckResponse.NOT_SERVING


async def test_draining_lets_calls_finish(place: Place) -> None:
    call = place.channel.stream_stream("/test.Echo/Chat")()
    await call.write(b"one")
    assert await call.read() == b"one"
    draining = asyncio.create_task(place.proxy.drain())
    await asyncio.sleep(0.3)
    await call.write(b"two")
    assert await call.read() == b"two"
    assert not draining.done()
    await call.done_writing()
    assert await call.read() is grpc.aio.EOF
    await asyncio.wait_for(draining, 60)


async def test_calls_at_once_are_limited() -> None:
    async with running(method_limits=("test.Echo/Sleep;1", "test.Echo/Unary;0;0;1000")) as place:
        first = place.channel.unary_unary("/test.Echo/Sleep")(b"")
        await asyncio.wait_for(place.echo.asleep.wait(), 60)
        error = await failure(place.channel.unary_unary("/test.Echo/Sleep")(b""))
        assert error.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
        info, retry = details(error)
        assert info.reason == "TOO_MANY_CALLS"
        assert retry
        first.cancel()
        unary = place.channel.unary_unary("/test.Echo/Unary")
        assert len(await unary(bytes(1000))) == 1000
        error = await failure(unary(bytes(1001)))
        assert error.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
        assert details(error)[0].reason == "MESSAGE_TOO_LARGE"


async def test_what_is_no_grpc_is_refused(place: Place) -> None:
    host, _, port = place.address.rpartition(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    writer.write(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n" * 10)
    answer = await asyncio.wait_for(reader.read(), 5)
    assert b"not an HTTP/2 client" in answer
    writer.close()
    assert await place.channel.unary_unary("/test.Echo/Unary")(b"fine") == b"fine"
