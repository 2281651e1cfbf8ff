"""For tests: real servers on the loopback interface, and models that can be watched and held."""

import asyncio
import contextlib
import threading
from collections.abc import AsyncIterator, Callable, Hashable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import cv2
import grpc
import numpy as np
from google.protobuf import message_factory

from meshkit.client import open_channel
from meshkit.config import ServerConfig
from meshkit.errors import PagemeshError
from meshkit.model import Image, ModelIdentity, OptionsT, PageInput, PageModel, ResultT
from meshkit.server import Application, MeshServer
from meshkit.serving import PageService


@dataclass(frozen=True, slots=True)
class RunningServer:
    """A server that listens.

    Attributes:
        address: what clients connect to.
        channel: an open channel to it.
        server: to drain it or make it ready.
    """

    address: str
    channel: grpc.aio.Channel
    server: MeshServer


@contextlib.asynccontextmanager
async def running_server(
    application: Application, config: ServerConfig | None = None, *, loaded: bool = True
) -> AsyncIterator[RunningServer]:
    """A real server on the configured address, a free port of 127.0.0.1 by default.

    Args:
        application: a `PageServicer`, or anything else that a process serves.
        config: as in production.
        loaded: false leaves it as it is before the model is loaded.
    """
    server = MeshServer(application, config or ServerConfig())
    try:
        address = await server.bind()
        if loaded:
            await server.load()
        async with open_channel(address) as channel:
            yield RunningServer(address, channel, server)
    finally:
        server.hurry()
        await server.stop()


async def eventually(condition: Callable[[], bool], *, timeout: float = 60) -> None:
    """Return once the condition holds.

    Raises:
        TimeoutError: it does not within `timeout` seconds.
    """
    async with asyncio.timeout(timeout):
        while not condition():  # noqa: ASYNC110 - what is waited for has no event to set
            await asyncio.sleep(0.001)


class WatchedModel(PageModel[OptionsT, ResultT]):
    """Another model that a test watches and holds.

    Attributes:
        batches: the pages of every `predict` so far.
        started: set when a `predict` has begun.
        gate: `predict` waits for it; open at first.
        closed: how often `close` was called.
    """

    def __init__(self, model: PageModel[OptionsT, ResultT]) -> None:
        self._model = model
        self.concurrent = model.concurrent
        self.batches: list[list[PageInput[OptionsT]]] = []
        self.started = threading.Event()
        self.gate = threading.Event()
        self.gate.set()
        self.closed = 0

    @property
    def pages(self) -> int:
        """Pages that reached the model."""
        return sum(len(batch) for batch in self.batches)

    def load(self) -> ModelIdentity:
        return self._model.load()

    def predict(self, pages: Sequence[PageInput[OptionsT]]) -> Sequence[ResultT | PagemeshError]:
        self.batches.append(list(pages))
        self.started.set()
        if not self.gate.wait(timeout=60):
            raise TimeoutError("the test never opened the gate")
        return self._model.predict(pages)

    def close(self) -> None:
        self.closed += 1
        self._model.close()

    def bucket(self, page: PageInput[OptionsT]) -> Hashable:
        return self._model.bucket(page)


class PageClient:
    """Calls any page service by what all of them share, without its stubs."""

    def __init__(self, channel: grpc.aio.Channel, service: PageService[Any, Any]) -> None:
        unary, stream = service.unary, service.stream
        self._unary_request = message_factory.GetMessageClass(unary.input_type)
        self._stream_request = message_factory.GetMessageClass(stream.input_type)
        self._unary = channel.unary_unary(
            f"/{service.service_name}/{unary.name}",
            self._unary_request.SerializeToString,
            message_factory.GetMessageClass(unary.output_type).FromString,
        )
        self._stream = channel.stream_stream(
            f"/{service.service_name}/{stream.name}",
            self._stream_request.SerializeToString,
            message_factory.GetMessageClass(stream.output_type).FromString,
        )

    @property
    def option_names(self) -> set[str]:
        """The fields of the contract's options."""
        request: Any = self._unary_request()
        return set(request.options.DESCRIPTOR.fields_by_name)

    def page(self, page: dict[str, Any], *, timeout: float | None = None) -> Any:
        """The unary call for a page, given by the fields of `pagemesh.common.v1.Page`."""
        return self.request({"page": page}, timeout=timeout)

    def request(self, request: dict[str, Any], *, timeout: float | None = None) -> Any:
        """The unary call for a whole request, given by its fields."""
        return self._unary(self._unary_request(**request), timeout=timeout)

    def pages(self, pages: Iterable[dict[str, Any]], *, timeout: float | None = None) -> Any:
        """The stream call for pages; one that ends when they are sent."""
        requests = (self._stream_request(page=page) for page in pages)
        return self._stream(requests, timeout=timeout)


def draw_page(lines: Sequence[str], *, width: int = 850, height: int = 1100) -> Image:
    """A grey page with lines of printed text, two boxes (one ticked) and a ruled line."""
    page: Image = np.full((height, width), 255, np.uint8)
    for row, line in enumerate(lines):
        at = (width // 10, height // 10 + row * height // 20)
        cv2.putText(page, line, at, cv2.FONT_HERSHEY_SIMPLEX, width / 850, 0, 2, cv2.LINE_AA)
    side, left, top = width // 34, width // 10, height * 3 // 4
    for column in (0, 1):
        x = left + column * side * 4
        cv2.rectangle(page, (x, top), (x + side, top + side), 0, 2)
    cv2.line(page, (left + 4, top + side // 2), (left + side // 2, top + side - 4), 0, 3)
    cv2.line(page, (left + side // 2, top + side - 4), (left + side - 2, top + 2), 0, 3)
    cv2.line(page, (left, height * 9 // 10), (width - left, height * 9 // 10), 0, 2)
    return page


def encode(image: Image, extension: str = ".png") -> bytes:
    """The image as a file of this kind."""
    ok, data = cv2.imencode(extension, image)
    if not ok:
        raise ValueError(f"OpenCV cannot write {extension}")
    return bytes(data.tobytes())
