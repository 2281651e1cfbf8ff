"""The asynchronous client.

async with AsyncClient("localhost:50050") as client:
    async for page in client.analyze("form.pdf", pipeline="application_form"):
        print(page.page_number, page.classify.label)
"""

import asyncio
import contextlib
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Mapping
from functools import partial
from types import TracebackType
from typing import Any, Self, TypeVar, Unpack

import grpc

from meshkit.client import TLS_SCHEME, open_channel
from meshkit.errors import DependencyUnavailable, InvalidInput, PagemeshError
from meshkit.status import DETAILS_KEY, error_from_rpc
from meshkit.telemetry.calls import CALLER_KEY
from pagemesh.corrections import Corrections, Field
from pagemesh.orchestrator.v1 import document_pb2 as documents
from pagemesh.orchestrator.v1 import orchestrator_service_pb2 as pb
from pagemesh.orchestrator.v1.orchestrator_service_pb2_grpc import OrchestratorServiceStub
from pagemesh.rest import RestGateway
from pagemesh.sources import How, Source, open_source, read_whole, spec_of

T = TypeVar("T")

Event = documents.Document | documents.PageResult
"""What happens while a document is read: its account changes, or a page is ready."""

CALL_SECONDS = 60.0
"""Longest wait for an answer that does not stream."""

GRACE_SECONDS = 10.0
"""How much longer a call may take than its document, so that the account still arrives."""

PAGES_A_CALL = 1000


class AsyncClient:
    """A way to an orchestrator: one elsewhere, or one in this process.

    Use it as an asynchronous context manager, or call `close`. Its methods raise
    `meshkit.errors.PagemeshError`; class, `reason` and `metadata` are those of the service.

    Args:
        address: `host:port` of an orchestrator, `grpcs://host:port` of one behind TLS,
            `http://host:port` or `https://...` of a gateway. None runs orchestrator and models in
            this process; a model is loaded when a pipeline first needs it.
        caller: who the documents are read for; what they cost is told by this name. At most 64
            letters, digits, spaces and `._:/@-`. A gateway knows it by the key.
        api_key: for a gateway that asks for one; for an orchestrator, the token that a proxy
            before it asks for, which goes by `grpcs://` alone.
    """

    def __init__(self, address: str | None = None, *, caller: str = "", api_key: str = "") -> None:
        self._address = address
        self._gateway: RestGateway | None = None
        if address is not None and address.startswith(("http://", "https://")):
            self._gateway = RestGateway(address, api_key)
        self._metadata = _metadata(address or "", caller, api_key)
        self._resources = contextlib.AsyncExitStack()
        self._opening = asyncio.Lock()
        self._stub: OrchestratorServiceStub | None = None

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self.close()

    async def close(self) -> None:
        """End the connection, or the orchestrator and models in this process. May be repeated."""
        self._stub = None
        if self._gateway is not None:
            await self._gateway.close()
        await self._resources.aclose()

    def analyze(self, source: Source, **how: Unpack[How]) -> "PageStream":
        """Read a document now; its pages come as they are ready, in any order.

        The work is cancelled when the stream is closed before its end.
        """
        if self._gateway is not None:
            return PageStream(partial(_analyzed, self._gateway, source, how), self._translated)
        spec = spec_of(source, how)
        limit = how["timeout"] + GRACE_SECONDS if "timeout" in how else None

        @contextlib.asynccontextmanager
        async def start() -> AsyncIterator[Any]:
            async with open_source(source) as upload:

                async def requests() -> AsyncIterator[pb.AnalyzeDocumentRequest]:
                    yield pb.AnalyzeDocumentRequest(spec=spec)
                    async for part in upload:
                        yield pb.AnalyzeDocumentRequest(chunk=part)

                stub = await self._connected()
                call = stub.AnalyzeDocument(requests(), timeout=limit, metadata=self._metadata)
                try:
                    yield call
                except asyncio.CancelledError:
                    upload.raise_for_error()  # a file that stops being readable cancels the call
                    raise
                finally:
                    call.cancel()

        return PageStream(start, self._translated)

    async def submit(self, source: Source, **how: Unpack[How]) -> documents.Document:
        """Have a document read in the background; its account as it was taken."""
        if self._gateway is not None:
            return await self._gateway.submit(source, how)
        request = pb.SubmitDocumentRequest(
            spec=spec_of(source, how), content=await read_whole(source)
        )
        stub = await self._connected()
        response = await self._answer(
            stub.SubmitDocument(request, timeout=CALL_SECONDS, metadata=self._metadata)
        )
        return response.document

    async def get(self, request_id: str) -> pb.GetDocumentResponse:
        """A document's account and every page of it that is finished."""
        if self._gateway is not None:
            return await self._gateway.get(request_id)
        stub, whole, token = await self._connected(), pb.GetDocumentResponse(), ""
        while True:
            request = pb.GetDocumentRequest(
                request_id=request_id, page_size=PAGES_A_CALL, page_token=token
            )
            part = await self._answer(
                stub.GetDocument(request, timeout=CALL_SECONDS, metadata=self._metadata)
            )
            whole.document.CopyFrom(part.document)
            whole.pages.extend(part.pages)
            token = part.next_page_token
            if not token:
                return whole

    def watch(self, request_id: str) -> "PageStream":
        """A document's finished pages, then every one that is finished from now on, to its end."""
        if self._gateway is not None:
            return PageStream(partial(_watched, self._gateway, request_id), self._translated)

        @contextlib.asynccontextmanager
        async def start() -> AsyncIterator[Any]:
            stub = await self._connected()
            request = pb.WatchDocumentRequest(request_id=request_id)
            call = stub.WatchDocument(request, metadata=self._metadata)
            try:
                yield call
            finally:
                call.cancel()

        return PageStream(start, self._translated)

    async def cancel(self, request_id: str) -> documents.Document:
        """Stop work on a document; its account after that. Finished pages are kept."""
        if self._gateway is not None:
            return await self._gateway.cancel(request_id)
        stub = await self._connected()
        request = pb.CancelDocumentRequest(request_id=request_id)
        response = await self._answer(
            stub.CancelDocument(request, timeout=CALL_SECONDS, metadata=self._metadata)
        )
        return response.document

    async def erase(self, request_id: str, *, client: str = "") -> pb.EraseDocumentResponse:
        """Stop work on a document and delete all that is kept of it; what that was, what remains.

        Args:
            request_id: of the document; by gRPC, that it is not there is no error.
            client: whose it is, for a gateway's key that may erase everybody's documents.
        """
        if self._gateway is not None:
            return await self._gateway.erase(request_id, client)
        stub = await self._connected()
        request = pb.EraseDocumentRequest(request_id=request_id)
        return await self._answer(
            stub.EraseDocument(request, timeout=CALL_SECONDS, metadata=self._metadata)
        )

    async def pipelines(self) -> list[pb.Pipeline]:
        """The pipelines that can be asked for, by name."""
        if self._gateway is not None:
            return await self._gateway.pipelines()
        stub = await self._connected()
        request = pb.ListPipelinesRequest()
        response = await self._answer(
            stub.ListPipelines(request, timeout=CALL_SECONDS, metadata=self._metadata)
        )
        return list(response.pipelines)

    async def corrections(self, request_id: str) -> Corrections:
        """What people said of a document's fields. Kept by gateways alone."""
        return await self._keeper().corrections(request_id)

    async def correct(
        self, request_id: str, values: Mapping[Field, str | None], etag: str
    ) -> Corrections:
        """Say what fields of a finished document are; all corrections after that.

        Args:
            request_id: of the document.
            values: by page number and index of the field; None takes a correction back.
            etag: of `corrections` as they were looked at: when somebody else made some meanwhile,
                nothing is changed and Conflict is raised. `*` minds no one.
        """
        return await self._keeper().correct(request_id, values, etag)

    def _keeper(self) -> RestGateway:
        if self._gateway is None:
            raise InvalidInput(
                "corrections are kept by a gateway: give its http:// or https:// address",
                reason="GATEWAY_NEEDED",
            )
        return self._gateway

    async def _connected(self) -> OrchestratorServiceStub:
        async with self._opening:
            if self._stub is None:
                self._stub = OrchestratorServiceStub(await self._channel())
            return self._stub

    async def _channel(self) -> Any:
        if self._address is not None:
            return await self._resources.enter_async_context(open_channel(self._address))
        from pagemesh.embedded import embedded_channel  # noqa: PLC0415 - heavy, and seldom both

        return await self._resources.enter_async_context(embedded_channel())

    async def _answer(self, call: Awaitable[T]) -> T:
        try:
            return await call
        except grpc.aio.AioRpcError as error:
            raise self._translated(error) from error

    def _translated(self, error: grpc.aio.AioRpcError) -> PagemeshError:
        """The service's own error, or one that says that there is no service."""
        keys = {key for key, _ in error.trailing_metadata() or ()}
        if error.code() is grpc.StatusCode.UNAVAILABLE and DETAILS_KEY not in keys:
            return DependencyUnavailable(
                f"no orchestrator answers at {self._address}: {error.details()}",
                reason="ORCHESTRATOR_UNREACHABLE",
            )
        return error_from_rpc(error)


def _metadata(address: str, caller: str, token: str) -> tuple[tuple[str, str], ...]:
    """What every call of gRPC carries; nobody on the way reads a token."""
    told = {CALLER_KEY: caller}
    if token and address.startswith(TLS_SCHEME):
        told["authorization"] = f"Bearer {token}"
    return tuple((key, value) for key, value in told.items() if value)


@contextlib.asynccontextmanager
async def _watched(gateway: RestGateway, request_id: str) -> AsyncIterator[Any]:
    async with contextlib.aclosing(gateway.watch(request_id)) as events:
        yield events


@contextlib.asynccontextmanager
async def _analyzed(gateway: RestGateway, source: Source, how: How) -> AsyncIterator[Any]:
    """Send a document and watch it; it is cancelled when the stream is closed before its end."""
    document = await gateway.submit(source, how)
    is_over = False

    async def events() -> AsyncGenerator[Any, None]:
        nonlocal is_over
        async for event in gateway.watch(document.request_id):
            yield event
        is_over = True

    try:
        async with contextlib.aclosing(events()) as watched:
            yield watched
    finally:
        if not is_over:
            with contextlib.suppress(PagemeshError):
                await gateway.cancel(document.request_id)


class PageStream:
    """The pages of one document as they become ready.

    Iterate over it for pages, or over `events()` for pages and accounts; once, over one of both.
    """

    def __init__(
        self,
        start: Callable[[], contextlib.AbstractAsyncContextManager[Any]],
        translated: Callable[[grpc.aio.AioRpcError], PagemeshError],
    ) -> None:
        self._start = start
        self._translated = translated
        self._events = self._run()
        self._document = documents.Document()

    @property
    def document(self) -> documents.Document:
        """The account as last told: empty at first, final after the last page."""
        return self._document

    def events(self) -> AsyncGenerator[Event, None]:
        """Accounts and pages in the order in which they come."""
        return self._events

    async def __aiter__(self) -> AsyncIterator[documents.PageResult]:
        async for event in self._events:
            if isinstance(event, documents.PageResult):
                yield event

    async def collect(self) -> pb.GetDocumentResponse:
        """Wait for the end: the account and all pages by number."""
        pages = sorted([page async for page in self], key=lambda page: page.page_number)
        return pb.GetDocumentResponse(document=self._document, pages=pages)

    async def aclose(self) -> None:
        """Stop listening; `analyze` also stops the work. May be repeated."""
        await self._events.aclose()

    async def _run(self) -> AsyncGenerator[Event, None]:
        try:
            async with self._start() as call:
                async for response in call:
                    if response.HasField("document"):
                        self._document = response.document
                        yield response.document
                    elif response.HasField("page"):
                        yield response.page
        except grpc.aio.AioRpcError as error:
            raise self._translated(error) from error
