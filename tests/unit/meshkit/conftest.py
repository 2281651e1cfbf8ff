"""The toy server over a real loopback connection, and the same in this process."""

import contextlib
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Any, TypeAlias

import grpc
import pytest

from meshkit.inprocess import InProcessServer
from meshkit.model import PageModel
from meshkit.serving import PageServicer
from meshkit.testing import running_server
from pagemesh.classify.v1 import classify_service_pb2_grpc as pb_grpc
from tests.unit.meshkit.toy import SERVICE, Brightness, ToyConfig, ToyOptions


@dataclass(frozen=True)
class Served:
    stub: pb_grpc.ClassifyServiceStub
    channel: grpc.aio.Channel
    servicer: PageServicer[ToyOptions, Brightness]


Serve: TypeAlias = Callable[[PageModel[Any, Any], ToyConfig], AbstractAsyncContextManager[Served]]


@contextlib.asynccontextmanager
async def loopback(model: PageModel[Any, Any], config: ToyConfig) -> AsyncIterator[Served]:
    servicer = PageServicer(SERVICE, model, config)
    async with running_server(servicer, config) as running:
        stub = pb_grpc.ClassifyServiceStub(running.channel)
        yield Served(stub, running.channel, servicer)


@contextlib.asynccontextmanager
async def inprocess(model: PageModel[Any, Any], config: ToyConfig) -> AsyncIterator[Served]:
    server, servicer = InProcessServer(), PageServicer(SERVICE, model, config)
    servicer.add_to_server(server)
    await servicer.start()
    async with server.channel() as channel:
        yield Served(pb_grpc.ClassifyServiceStub(channel), channel, servicer)
    await servicer.stop()


@pytest.fixture(params=[loopback, inprocess], ids=lambda serve: serve.__name__)
def serve(request: pytest.FixtureRequest) -> Serve:
    """Serves a toy model; every test with it runs both ways."""
    return request.param  # type: ignore[no-any-return]
