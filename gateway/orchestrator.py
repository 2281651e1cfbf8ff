"""The orchestrator, by its contract."""

import asyncio
import contextlib
from collections.abc import AsyncGenerator, Awaitable
from typing import TypeVar

import grpc

from gateway.records import Record
from meshkit.client import open_channel
from meshkit.errors import DeadlineExceeded
from meshkit.status import error_from_rpc
from meshkit.telemetry.calls import CALLER_KEY
from pagemesh.orchestrator.v1 import orchestrator_service_pb2 as pb
from pagemesh.orchestrator.v1.orchestrator_service_pb2_grpc import OrchestratorServiceStub
from pagemesh.priorities import priority_of

T = TypeVar("T")

_CALL_SECONDS = 60.0
_LIST_SECONDS = 5.0


class Orchestrator:
    """A channel to an orchestrator; made once for all calls.

    Args:
        target: its address.
        answer_seconds: the longest wait for what somebody waits for: pipelines, the next picture.
    """

    def __init__(self, target: str, answer_seconds: float) -> None:
        self._resources = contextlib.AsyncExitStack()
        self._target = target
        self._answer_seconds = answer_seconds
        self._opened: OrchestratorServiceStub | None = None

    async def close(self) -> None:
        """End all calls. May be repeated."""
        self._opened = None
        await self._resources.aclose()

    async def submit(self, record: Record) -> None:
        """Have a document read. Raises grpc.aio.AioRpcError."""
        metadata = ((CALLER_KEY, record.client),) if record.client else ()
        request = pb.SubmitDocumentRequest(spec=spec_of(record))
        await (await self._stub()).SubmitDocument(request, timeout=_CALL_SECONDS, metadata=metadata)

    async def watch(self, work_id: str) -> AsyncGenerator[pb.WatchDocumentResponse, None]:
        """What happens to a document. Raises grpc.aio.AioRpcError."""
        call = (await self._stub()).WatchDocument(pb.WatchDocumentRequest(request_id=work_id))
        try:
            async for event in call:
                yield event
        finally:
            call.cancel()

    async def cancel(self, work_id: str) -> None:
        """Have work on a document stopped. Raises grpc.aio.AioRpcError."""
        request = pb.CancelDocumentRequest(request_id=work_id)
        await (await self._stub()).CancelDocument(request, timeout=_CALL_SECONDS)

    async def erase(self, work_id: str) -> pb.EraseDocumentResponse:
        """Have all deleted that is kept of a document. Raises PagemeshError."""
        request = pb.EraseDocumentRequest(request_id=work_id)
        try:
            return await (await self._stub()).EraseDocument(
                request, timeout=min(_CALL_SECONDS, self._answer_seconds)
            )
        except grpc.aio.AioRpcError as error:
            raise error_from_rpc(error) from error

    async def render(
        self, record: Record, pages: str, dpi: int
    ) -> AsyncGenerator[pb.RenderPagesResponse, None]:
        """Pictures of a document's pages. Raises PagemeshError; DeadlineExceeded when the next one
        does not come in time.
        """
        spec = pb.DocumentSpec(
            location=record.location, password=record.asked.password, pages=pages, dpi=dpi
        )
        call = (await self._stub()).RenderPages(pb.RenderPagesRequest(spec=spec))
        answers = aiter(call)
        try:
            while (answer := await self._in_time(anext(answers, None))) is not None:
                yield answer
        except grpc.aio.AioRpcError as error:
            raise error_from_rpc(error) from error
        finally:
            call.cancel()

    async def pipelines(self) -> list[pb.Pipeline]:
        """The pipelines that can be asked for. Raises PagemeshError."""
        try:
            response = await (await self._stub()).ListPipelines(
                pb.ListPipelinesRequest(), timeout=min(_LIST_SECONDS, self._answer_seconds)
            )
        except grpc.aio.AioRpcError as error:
            raise error_from_rpc(error) from error
        return list(response.pipelines)

    async def _in_time(self, answer: Awaitable[T]) -> T:
        try:
            async with asyncio.timeout(self._answer_seconds):
                return await answer
        except TimeoutError as error:
            raise DeadlineExceeded("the orchestrator takes too long; try again") from error

    async def _stub(self) -> OrchestratorServiceStub:
        if self._opened is None:
            channel = open_channel(self._target)
            await self._resources.enter_async_context(channel)
            self._opened = OrchestratorServiceStub(channel)
        return self._opened


def spec_of(record: Record) -> pb.DocumentSpec:
    """The specification that a document is read by."""
    asked = record.asked
    spec = pb.DocumentSpec(
        request_id=record.work_id,
        location=record.location,
        filename=record.source,
        pipeline=asked.pipeline,
        password=asked.password,
        pages=asked.pages,
        dpi=asked.dpi,
        options=asked.options,
        sha256=asked.sha256,
        priority=priority_of(asked.priority),
    )
    if asked.timeout is not None:
        spec.timeout.FromNanoseconds(round(asked.timeout * 1e9))
    return spec
