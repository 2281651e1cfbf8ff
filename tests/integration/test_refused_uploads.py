"""Streams that a server refuses while they are still being sent: their client is told why.

Whether a write or the status comes first is a matter of chance, so that every case is many calls.
"""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from functools import partial
from typing import Any

import grpc
import pytest
from google.rpc import error_details_pb2, status_pb2

from meshkit.client import open_channel
from meshkit.errors import Forbidden, NotFound, Overloaded, PagemeshError
from meshkit.status import error_of, status_from_rpc, status_of
from meshkit.telemetry import names
from meshkit.testing import eventually
from pagemesh import AsyncClient, Client
from sidecar.http2.frames import ErrorCode
from tests.integration.refusing import (
    Refusing,
    asynchronous,
    behind_a_sidecar,
    resetting,
    threaded,
)
from tests.telemetry import Recorder
from tests.telemetry import recorded as recorded  # noqa: PLC0414 - a fixture

CALLS = 100
DOCUMENT = bytes(8 << 20)
PIECE = bytes(64 << 10)
STREAM = "/test.Service/Stream"

SERVERS: dict[str, Refusing] = {
    "asyncio": asynchronous,
    "threads": threaded,
    "reset": resetting(ErrorCode.NO_ERROR),
    "cancelled": resetting(ErrorCode.CANCEL),
}


def refusal() -> status_pb2.Status:
    """All that a status can say."""
    error = Overloaded("too many documents", metadata={"limit": "4"}, retry_after=2.5)
    status = status_of(error)
    violation = error_details_pb2.BadRequest.FieldViolation(field="page", description="too dark")
    status.details.add().Pack(error_details_pb2.BadRequest(field_violations=[violation]))
    return status


async def pieces() -> AsyncIterator[bytes]:
    for _ in range(64):
        yield PIECE


async def end_of(stream: Any) -> status_pb2.Status:
    """What a stream fails with."""
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        async for _ in stream:
            pass
    error = caught.value
    assert await stream.code() is error.code()
    assert await stream.details() == error.details()
    assert await stream.trailing_metadata() == error.trailing_metadata()
    return status_from_rpc(error)


@pytest.mark.parametrize("is_behind", [False, True], ids=["directly", "sidecar"])
@pytest.mark.parametrize("server", SERVERS)
async def test_a_stream_ends_with_the_status_of_its_server(server: str, is_behind: bool) -> None:
    async with AsyncExitStack() as stack:
        address = await stack.enter_async_context(SERVERS[server](refusal()))
        if is_behind:
            address = await stack.enter_async_context(behind_a_sidecar(address))
        channel = await stack.enter_async_context(open_channel(address))
        stream: Any = channel.stream_stream(STREAM)
        for _ in range(CALLS):
            assert await end_of(stream(pieces(), timeout=60)) == refusal()


async def test_its_span_tells_the_same_and_it_is_counted_once(recorded: Recorder) -> None:
    counted = partial(recorded.value, names.CLIENT_DURATION.name, rpc__method=STREAM[1:])
    before = counted()
    async with SERVERS["asyncio"](refusal()) as address, open_channel(address) as channel:
        stream: Any = channel.stream_stream(STREAM)
        for _ in range(CALLS):
            await end_of(stream(pieces(), timeout=60))
        await eventually(lambda: len(recorded.spans) == CALLS)
    codes = {(span.attributes or {})[names.STATUS] for span in recorded.spans}
    assert codes == {"RESOURCE_EXHAUSTED"}
    assert counted() - before == CALLS


async def test_a_server_that_has_heard_enough() -> None:
    """It ends the stream well, and so does the stream."""
    async with AsyncExitStack() as stack:
        address = await stack.enter_async_context(SERVERS["reset"](status_pb2.Status()))
        channel = await stack.enter_async_context(open_channel(address))
        stream: Any = channel.stream_stream(STREAM)
        for _ in range(CALLS):
            call = stream(pieces(), timeout=60)
            assert [response async for response in call] == []
            assert await call.code() is grpc.StatusCode.OK


@pytest.mark.parametrize(
    ("limits", "reason"),
    [
        ({"method_limits": ("test.Service/*;0;0.001",)}, "RATE_EXCEEDED"),
        ({"max_message_bytes": 10_000}, "MESSAGE_TOO_LARGE"),
    ],
    ids=["rate", "size"],
)
async def test_a_limit_of_the_sidecar(limits: dict[str, Any], reason: str) -> None:
    async with AsyncExitStack() as stack:
        model = await stack.enter_async_context(SERVERS["asyncio"](refusal()))
        address = await stack.enter_async_context(behind_a_sidecar(model, **limits))
        channel = await stack.enter_async_context(open_channel(address))
        stream: Any = channel.stream_stream(STREAM)
        await end_of(stream(pieces(), timeout=60))  # spends the rate
        for _ in range(CALLS):
            error = error_of(await end_of(stream(pieces(), timeout=60)))
            assert (error.code, error.reason) == (grpc.StatusCode.RESOURCE_EXHAUSTED, reason)
            assert (error.retry_after is not None) is (reason == "RATE_EXCEEDED")


@pytest.mark.parametrize("server", SERVERS)
async def test_a_page_in_one_message(server: str) -> None:
    """As the orchestrator asks models."""
    async with SERVERS[server](refusal()) as address, open_channel(address) as channel:
        ask: Any = channel.unary_unary(STREAM)
        for _ in range(20):
            with pytest.raises(grpc.aio.AioRpcError) as caught:
                await ask(bytes(4 << 20), timeout=60)
            assert status_from_rpc(caught.value) == refusal()


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        (grpc.StatusCode.UNAUTHENTICATED, Forbidden),
        (grpc.StatusCode.PERMISSION_DENIED, Forbidden),
        (grpc.StatusCode.NOT_FOUND, NotFound),
        (grpc.StatusCode.RESOURCE_EXHAUSTED, Overloaded),
    ],
)
async def test_an_upload_by_the_client(code: grpc.StatusCode, kind: type[PagemeshError]) -> None:
    status = refusal()
    status.code = code.value[0]
    ends: Counter[Any] = Counter()
    async with SERVERS["asyncio"](status) as address, AsyncClient(address) as client:
        for _ in range(CALLS):
            with pytest.raises(PagemeshError) as caught:
                await client.analyze(DOCUMENT).collect()
            error = caught.value
            ends[type(error), error.message, error.retry_after, error.metadata["limit"]] += 1
    assert ends == {(kind, "too many documents", 2.5, "4"): CALLS}


async def test_an_upload_by_the_synchronous_client() -> None:
    def upload(address: str) -> None:
        with Client(address) as client:
            for _ in range(CALLS):
                with pytest.raises(Overloaded, match="too many documents"):
                    client.analyze(DOCUMENT).collect()

    async with SERVERS["asyncio"](refusal()) as address:
        await asyncio.to_thread(upload, address)
