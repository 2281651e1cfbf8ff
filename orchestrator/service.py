"""OrchestratorService: contract on one side, orders and work on the other."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import Any

from meshkit.errors import (
    DeadlineExceeded,
    DependencyUnavailable,
    InvalidInput,
    PagemeshError,
)
from meshkit.interceptors import Context
from meshkit.telemetry.calls import caller_of
from orchestrator.catalog import PipelineCatalog
from orchestrator.documents.config import DocumentLimits
from orchestrator.documents.source import Spool
from orchestrator.erasing import Eraser
from orchestrator.order import Order
from orchestrator.orders import OrderDesk, check_request_id
from orchestrator.pipeline import Pipeline
from orchestrator.records import Keeper
from orchestrator.rendering import PageRenderer
from orchestrator.work import WorkManager, identity_of
from pagemesh.orchestrator.v1 import orchestrator_service_pb2 as pb
from pagemesh.orchestrator.v1.document_pb2 import Document, PageResult
from pagemesh.orchestrator.v1.orchestrator_service_pb2_grpc import OrchestratorServiceServicer

SERVICE_NAME = "pagemesh.orchestrator.v1.OrchestratorService"
_PAGE_SIZE = 100
_LARGEST_PAGE_SIZE = 1000
# gRPC clients take 4 MiB by default.
_ANSWER_BYTES = 3 * 1024 * 1024
_CHUNK_SECONDS = 60.0
_DRAIN_SECONDS = 5.0
_DRAIN_PAUSE_SECONDS = 0.5


class OrchestratorServicer(OrchestratorServiceServicer):
    """The eight methods. Errors are raised as PagemeshError; the server's interceptor tells them.

    Attributes:
        is_ready: until this is set every call is refused, with a time to retry.
    """

    def __init__(
        self,
        catalog: PipelineCatalog,
        desk: OrderDesk,
        work: WorkManager,
        renderer: PageRenderer,
        eraser: Eraser,
        limits: DocumentLimits,
    ) -> None:
        self._catalog = catalog
        self._work = work
        self._renderer = renderer
        self._eraser = eraser
        self._limits = limits
        self._desk = desk
        self.is_ready = False

    def _check_ready(self) -> None:
        """Calls may come in while pipelines are read and the store is opened."""
        if not self.is_ready:
            raise DependencyUnavailable(
                "the orchestrator is starting or stopping; try again", reason="NOT_READY"
            )

    async def AnalyzeDocument(  # noqa: N802
        self, request_iterator: AsyncIterator[pb.AnalyzeDocumentRequest], context: Context
    ) -> AsyncIterator[pb.AnalyzeDocumentResponse]:
        """Read a document now."""
        self._check_ready()
        requests = aiter(request_iterator)
        try:
            order = await self._receive(requests, context)
        except PagemeshError:
            await _drain(requests)
            raise
        async with contextlib.aclosing(self._work.analyze(order)) as events:
            async for event in events:
                yield pb.AnalyzeDocumentResponse(**_event(event))

    async def _receive(
        self, requests: AsyncIterator[pb.AnalyzeDocumentRequest], context: Context
    ) -> Order:
        """The order that a client streams: its specification, then the bytes."""
        spec = await _first_part(requests)
        self._desk.check(spec)
        await self._work.ensure_room(spec.request_id, caller_of(context))
        async with self._spool() as (spool, resources):
            if not spec.location:
                await _upload(requests, spool)
            time_remaining = context.time_remaining()
            client = caller_of(context)
            order = self._desk.order(spec, spool, time_remaining=time_remaining, client=client)
            order.resources.push_async_exit(resources.pop_all())
            return order

    async def SubmitDocument(  # noqa: N802
        self, request: pb.SubmitDocumentRequest, context: Context
    ) -> pb.SubmitDocumentResponse:
        """Take a document for reading in the background."""
        self._check_ready()
        if not request.HasField("spec"):
            raise InvalidInput("spec: is missing", metadata={"field": "spec"})
        self._desk.check(request.spec, has_content=bool(request.content))
        async with self._spool() as (spool, resources):
            if request.content:
                await spool.write(request.content)
            client = caller_of(context)
            order = self._desk.order(request.spec, spool, client=client, keeper=Keeper.STORE)
            order.resources.push_async_exit(resources.pop_all())
        return pb.SubmitDocumentResponse(document=await self._work.submit(order))

    @contextlib.asynccontextmanager
    async def _spool(self) -> AsyncIterator[tuple[Spool, contextlib.AsyncExitStack]]:
        """A spool, and what removes it at the end unless an order takes that over."""
        async with contextlib.AsyncExitStack() as resources:
            yield await resources.enter_async_context(Spool.create(self._limits)), resources

    async def GetDocument(  # noqa: N802
        self, request: pb.GetDocumentRequest, context: Context
    ) -> pb.GetDocumentResponse:
        """A document's state and some of its finished pages."""
        self._check_ready()
        del context
        check_request_id(request.request_id)
        first = _parse_token(request.page_token)
        limit = min(request.page_size or _PAGE_SIZE, _LARGEST_PAGE_SIZE)
        document = await self._work.document(request.request_id)
        pages, has_more = await self._work.pages(request.request_id, first, limit, _ANSWER_BYTES)
        token = str(pages[-1].page_number + 1) if has_more else ""
        return pb.GetDocumentResponse(document=document, pages=pages, next_page_token=token)

    async def WatchDocument(  # noqa: N802
        self, request: pb.WatchDocumentRequest, context: Context
    ) -> AsyncIterator[pb.WatchDocumentResponse]:
        """A document's finished pages, further ones as they come, and its end."""
        self._check_ready()
        del context
        check_request_id(request.request_id)
        async with contextlib.aclosing(self._work.watch(request.request_id)) as events:
            async for event in events:
                yield pb.WatchDocumentResponse(**_event(event))

    async def CancelDocument(  # noqa: N802
        self, request: pb.CancelDocumentRequest, context: Context
    ) -> pb.CancelDocumentResponse:
        """Stop work on a document."""
        self._check_ready()
        del context
        check_request_id(request.request_id)
        return pb.CancelDocumentResponse(document=await self._work.cancel(request.request_id))

    async def EraseDocument(  # noqa: N802
        self, request: pb.EraseDocumentRequest, context: Context
    ) -> pb.EraseDocumentResponse:
        """Delete all that is kept of a document."""
        self._check_ready()
        del context
        check_request_id(request.request_id)
        done = await self._eraser.erase(request.request_id)
        erasures = [pb.Erasure(what=each.what, count=each.count) for each in done.erased]
        return pb.EraseDocumentResponse(erasures=erasures, remains=done.remains)

    async def RenderPages(  # noqa: N802
        self, request: pb.RenderPagesRequest, context: Context
    ) -> AsyncIterator[pb.RenderPagesResponse]:
        """Pictures of pages."""
        self._check_ready()
        del context
        async with contextlib.aclosing(self._renderer.render(request.spec)) as pages:
            async for page in pages:
                yield page

    async def ListPipelines(  # noqa: N802
        self, request: pb.ListPipelinesRequest, context: Context
    ) -> pb.ListPipelinesResponse:
        """The pipelines that can be asked for."""
        self._check_ready()
        del request, context
        pipelines = [
            _pipeline(p, is_default=self._catalog.is_default(p)) for p in self._catalog.all()
        ]
        return pb.ListPipelinesResponse(pipelines=pipelines)


async def _first_part(requests: AsyncIterator[pb.AnalyzeDocumentRequest]) -> pb.DocumentSpec:
    request = await _next_part(requests)
    if request is None or request.WhichOneof("part") != "spec":
        raise InvalidInput(
            "spec: the first request must carry the specification", metadata={"field": "spec"}
        )
    return request.spec


async def _upload(requests: AsyncIterator[pb.AnalyzeDocumentRequest], spool: Spool) -> None:
    while (request := await _next_part(requests)) is not None:
        if request.WhichOneof("part") != "chunk":
            raise InvalidInput(
                "chunk: every request after the first must carry the document's next bytes",
                metadata={"field": "chunk"},
            )
        await spool.write(request.chunk)


async def _drain(requests: AsyncIterator[pb.AnalyzeDocumentRequest]) -> None:
    """Read on for a while before a refusal.

    A Python client whose upload is refused midway may see a transport error in place of the status
    (grpc/grpc#36066); one that has sent all sees the status.
    """
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(_DRAIN_SECONDS):
            while True:
                async with asyncio.timeout(_DRAIN_PAUSE_SECONDS):
                    if await anext(requests, None) is None:
                        return


async def _next_part(
    requests: AsyncIterator[pb.AnalyzeDocumentRequest],
) -> pb.AnalyzeDocumentRequest | None:
    """The next request; None when the client has sent all."""
    try:
        async with asyncio.timeout(_CHUNK_SECONDS):
            return await anext(requests, None)
    except TimeoutError as error:
        raise DeadlineExceeded(
            f"nothing was sent for {_CHUNK_SECONDS:g} s; send on, or close the sending side"
        ) from error


def _event(event: Document | PageResult) -> dict[str, Any]:
    return {"document": event} if isinstance(event, Document) else {"page": event}


def _parse_token(token: str) -> int:
    if not token:
        return 1
    if not (token.isascii() and token.isdigit() and len(token) < 10):
        raise InvalidInput(
            "page_token: give back `next_page_token` as it was", metadata={"field": "page_token"}
        )
    return int(token)


def _pipeline(pipeline: Pipeline, *, is_default: bool) -> pb.Pipeline:
    steps = [
        pb.PipelineStep(
            name=step.name,
            stage=step.stage,
            after=step.after,
            when=step.when.text if step.when else "",
        )
        for step in pipeline.steps
    ]
    return pb.Pipeline(
        identity=identity_of(pipeline),
        description=pipeline.description,
        steps=steps,
        is_default=is_default,
    )
