"""From a contract and a model to a gRPC servicer.

A contract has one unary method and one bidirectional stream. Their messages share a shape, which
is all that this module knows of them: requests carry `page` and `options`; answers carry `page_id`,
`result`, `model`, `cost`, and on the stream `error` in place of `result`.
"""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Generic

import numpy as np
from google.protobuf import descriptor_pool, duration_pb2, message_factory
from google.protobuf.descriptor import MethodDescriptor

from meshkit.admission import PixelBudget
from meshkit.batching import BatchAnswer, Batcher
from meshkit.config import ServerConfig
from meshkit.cost import Cost, page_span, reported_cost
from meshkit.errors import Internal, InvalidInput, InvalidPage, ModelNotReady
from meshkit.geometry import Points, Transform
from meshkit.images import DecodedPage, PageLimits, check_page_id, open_page
from meshkit.interceptors import Context
from meshkit.model import ModelIdentity, OptionsT, PageInput, PageModel, ResultT
from meshkit.status import status_of
from meshkit.streams import map_as_completed

_CORNERS = ("top_left", "top_right", "bottom_right", "bottom_left")


@dataclass(frozen=True)
class PageGeometry:
    """Takes geometry from the model's image back to the page as the client sent it.

    Attributes:
        transform: from the page as sent to the image that the model saw.
        width, height: of the page as sent, in pixels.
    """

    transform: Transform
    width: int
    height: int

    def points(self, points: Points) -> Points:
        """(n, 2) points of the model's image as points of the page as sent."""
        array = np.asarray(points, dtype=np.float64).reshape(-1, 2)
        if self.transform.is_identity:
            return array
        return Transform(self._inverse, self.width, self.height).apply(array)

    def quad(self, points: Points) -> dict[str, Any]:
        """Arguments of a `pagemesh.common.v1.Quad`: `Quad(**geometry.quad(points))`.

        Args:
            points: (4, 2) pixels of the model's image, clockwise from the content's top left.
        """
        corners = self.points(points)
        if corners.shape != (4, 2) or not np.isfinite(corners).all():
            raise Internal("the model gave a quad that is not four finite points")
        return {
            name: {"x": float(x), "y": float(y)}
            for name, (x, y) in zip(_CORNERS, corners, strict=True)
        }

    def upright_transform(self, transform: Transform) -> dict[str, Any]:
        """Arguments of an `UprightTransform` that starts at the page as sent.

        Args:
            transform: from the model's image to the upright page.
        """
        matrix = transform.matrix @ self.transform.matrix
        numbers = [float(number) for number in (matrix / matrix[2, 2]).ravel()]
        return {"matrix": numbers, "width": transform.width, "height": transform.height}

    @cached_property
    def _inverse(self) -> Any:
        return np.linalg.inv(self.transform.matrix)


@dataclass(frozen=True)
class PageService(Generic[OptionsT, ResultT]):
    """One model's contract, as far as the runtime needs to know it.

    Attributes:
        service_name: full name of the proto service; its one unary and its one stream method are
            found by descriptor.
        add_to_server: the generated `add_...Servicer_to_server`.
        parse_options: the request's options message as the model's options; raises InvalidInput
            naming the field. An unset message comes as an empty one.
        build_result: the model's result as the contract's result message.
    """

    service_name: str
    add_to_server: Callable[[Any, Any], None]
    parse_options: Callable[[Any], OptionsT]
    build_result: Callable[[ResultT, PageGeometry], Any]

    @cached_property
    def unary(self) -> MethodDescriptor:
        """The method that answers one page."""
        return self._method(streaming=False)

    @cached_property
    def stream(self) -> MethodDescriptor:
        """The method that answers a stream of pages."""
        return self._method(streaming=True)

    def _method(self, *, streaming: bool) -> MethodDescriptor:
        service = descriptor_pool.Default().FindServiceByName(self.service_name)
        (method,) = (
            m
            for m in service.methods
            if m.client_streaming == streaming and m.server_streaming == streaming
        )
        return method


@dataclass(frozen=True, slots=True)
class _Answer:
    """A page's answer in the contract's terms, before it is put into a response."""

    result: Any
    decode_seconds: float
    batch: BatchAnswer[Any]

    def cost(self) -> dict[str, Any]:
        return {
            "queue_duration": _duration(self.batch.queue_seconds),
            "decode_duration": _duration(self.decode_seconds),
            "inference_duration": _duration(self.batch.inference_seconds),
            "batch_size": self.batch.batch_size,
        }


class PageServicer(Generic[OptionsT, ResultT]):
    """Serves a model by its contract.

    Until `start` has loaded the model, calls are answered with MODEL_NOT_READY. Every call's
    trailing metadata tells the model (`pagemesh-model-name`, `-version`) and what its pages cost:
    `pagemesh-pages`, the mean `pagemesh-batch-size`, the sums `pagemesh-queue-ms` and
    `pagemesh-inference-ms`.
    """

    def __init__(
        self,
        service: PageService[OptionsT, ResultT],
        model: PageModel[OptionsT, ResultT],
        config: ServerConfig,
    ) -> None:
        self._service = service
        self._model = model
        self._config = config
        self._limits = PageLimits(
            max_pixels=config.max_page_pixels,
            max_bytes=config.max_message_bytes,
            roots=config.page_reference_roots,
        )
        self._budget = PixelBudget(config.max_pixels_in_flight)
        self._decoders = ThreadPoolExecutor(config.decode_threads, thread_name_prefix="decode")
        self._ready: tuple[ModelIdentity, Batcher[OptionsT, ResultT]] | None = None
        self._response = message_factory.GetMessageClass(service.unary.output_type)
        self._outcome = message_factory.GetMessageClass(service.stream.output_type)
        setattr(self, service.unary.name, self._answer_page)
        setattr(self, service.stream.name, self._answer_pages)

    @property
    def service_names(self) -> tuple[str, ...]:
        """The proto services served."""
        return (self._service.service_name,)

    @property
    def identity(self) -> ModelIdentity:
        """The loaded model.

        Raises:
            ModelNotReady: it is not loaded.
        """
        return self._loaded()[0]

    @property
    def queued(self) -> int:
        """Pages that wait for a batch."""
        return 0 if self._ready is None else self._ready[1].queued

    def add_to_server(self, server: Any) -> None:
        """Register with a gRPC server or an in-process one."""
        self._service.add_to_server(self, server)

    async def start(self) -> ModelIdentity:
        """Load the model. Raises whatever `PageModel.load` raises."""
        identity = await asyncio.to_thread(self._model.load)
        config = self._config
        batcher = Batcher(
            self._model,
            max_size=config.max_batch_size,
            max_delay=config.max_batch_delay_ms / 1e3,
            workers=config.workers,
            identity=identity,
        )
        self._ready = (identity, batcher)
        return identity

    async def stop(self) -> None:
        """Answer what is queued, then close the model. May be called again, and without `start`."""
        if self._ready is not None:
            await self._ready[1].close()
        await asyncio.to_thread(self._model.close)
        self._decoders.shutdown(wait=False)

    async def _answer_page(self, request: Any, context: Context) -> Any:
        identity, _ = self._loaded()
        with reported_cost(context, identity) as cost:
            answer = await self._answer(request, _deadline(context), cost, wait=False)
        return self._response(
            page_id=request.page.page_id,
            result=answer.result,
            model=_identity(identity),
            cost=answer.cost(),
        )

    async def _answer_pages(
        self, requests: AsyncIterator[Any], context: Context
    ) -> AsyncIterator[Any]:
        identity, _ = self._loaded()
        deadline, names = _deadline(context), set[str]()

        async def outcome(request: Any) -> Any:
            name = request.page.page_id
            try:
                with _claimed(names, name), page_span(name):
                    answer = await self._answer(request, deadline, cost, wait=True)
                    Cost().add(answer.batch, answer.decode_seconds).tell_span(identity)
            except Exception as error:  # this page's outcome, whatever it is
                return self._outcome(
                    page_id=name, error=status_of(error), model=_identity(identity)
                )
            return self._outcome(
                page_id=name, result=answer.result, model=_identity(identity), cost=answer.cost()
            )

        with reported_cost(context, identity) as cost:
            limit = self._config.max_pages_per_stream
            async with contextlib.aclosing(map_as_completed(requests, outcome, limit)) as outcomes:
                async for response in outcomes:
                    yield response

    async def _answer(
        self, request: Any, deadline: float | None, cost: Cost, *, wait: bool
    ) -> _Answer:
        """Open, admit, decode, predict, and put the result into the contract's terms."""
        if not request.HasField("page"):
            raise InvalidInput("page is missing", metadata={"field": "page"})
        check_page_id(request.page.page_id)
        options = self._service.parse_options(request.options)
        _, batcher = self._loaded()
        started = time.monotonic()
        opened = await self._in_decoder(open_page, request.page, self._limits)
        decode_seconds = time.monotonic() - started
        async with self._budget.hold(opened.pixels, wait=wait):
            started = time.monotonic()
            page: DecodedPage = await self._in_decoder(opened.decode)
            decode_seconds += time.monotonic() - started
            page_input = PageInput(page.image, page.dpi, options)
            batch = await batcher.submit(page_input, deadline=deadline)
        cost.add(batch, decode_seconds)
        geometry = PageGeometry(page.transform, page.width, page.height)
        return _Answer(self._service.build_result(batch.result, geometry), decode_seconds, batch)

    async def _in_decoder(self, function: Callable[..., Any], *args: Any) -> Any:
        return await asyncio.get_running_loop().run_in_executor(self._decoders, function, *args)

    def _loaded(self) -> tuple[ModelIdentity, Batcher[OptionsT, ResultT]]:
        if self._ready is None:
            raise ModelNotReady("the model is still loading; retry later")
        return self._ready


@contextlib.contextmanager
def _claimed(names: set[str], name: str) -> Iterator[None]:
    """Keep two pages of one name from being in work on one stream: their answers look alike."""
    if name in names:
        raise InvalidPage(
            f"page {name!r}: another page of this stream has this page_id",
            metadata={"field": "page.page_id"},
        )
    names.add(name)
    try:
        yield
    finally:
        names.discard(name)


def _deadline(context: Context) -> float | None:
    remaining: float | None = context.time_remaining()
    return None if remaining is None else time.monotonic() + remaining


def _duration(seconds: float) -> duration_pb2.Duration:
    duration = duration_pb2.Duration()
    duration.FromNanoseconds(int(seconds * 1e9))
    return duration


def _identity(identity: ModelIdentity) -> dict[str, str]:
    return {
        "name": identity.name,
        "version": identity.version,
        "digest": identity.digest,
        "device": identity.device,
    }
