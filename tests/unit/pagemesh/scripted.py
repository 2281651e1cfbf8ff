"""An orchestrator that plays a script, behind the real contract."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from typing import Any

from meshkit.errors import PagemeshError
from pagemesh.orchestrator.v1 import document_pb2 as documents
from pagemesh.orchestrator.v1 import orchestrator_service_pb2 as pb
from pagemesh.orchestrator.v1.orchestrator_service_pb2_grpc import (
    OrchestratorServiceServicer,
    add_OrchestratorServiceServicer_to_server,
)


class ScriptedOrchestrator(OrchestratorServiceServicer):
    """Answers every document with the same pages, then the same account.

    Attributes:
        pages: what is found.
        final: the account at the end.
        error: raised instead of the final account.
        hold: the pages come, then nothing, until the client goes away.
        specs, contents: what came.
        left: set when a client has gone away.
    """

    service_names: Sequence[str] = ("pagemesh.orchestrator.v1.OrchestratorService",)

    def __init__(self, pages: Sequence[documents.PageResult], final: documents.Document) -> None:
        self.pages = list(pages)
        self.final = final
        self.error: PagemeshError | None = None
        self.hold = False
        self.specs: list[pb.DocumentSpec] = []
        self.contents: list[bytes] = []
        self.left = asyncio.Event()

    def add_to_server(self, server: Any) -> None:
        add_OrchestratorServiceServicer_to_server(self, server)

    async def start(self) -> None:
        """Nothing to do."""

    async def stop(self) -> None:
        """Nothing to do."""

    async def AnalyzeDocument(  # noqa: N802
        self, request_iterator: AsyncIterator[pb.AnalyzeDocumentRequest], context: Any
    ) -> AsyncIterator[pb.AnalyzeDocumentResponse]:
        content = b""
        async for request in request_iterator:
            if request.HasField("spec"):
                self.specs.append(request.spec)
            content += request.chunk
        self.contents.append(content)
        async for event in self._events():
            yield pb.AnalyzeDocumentResponse(**event)

    async def SubmitDocument(  # noqa: N802
        self, request: pb.SubmitDocumentRequest, context: Any
    ) -> pb.SubmitDocumentResponse:
        self.specs.append(request.spec)
        self.contents.append(request.content)
        return pb.SubmitDocumentResponse(document=self._queued())

    async def GetDocument(  # noqa: N802
        self, request: pb.GetDocumentRequest, context: Any
    ) -> pb.GetDocumentResponse:
        if self.error is not None:
            raise self.error
        at = int(request.page_token or 0)
        after = str(at + 1) if at + 1 < len(self.pages) else ""
        return pb.GetDocumentResponse(
            document=self.final, pages=self.pages[at : at + 1], next_page_token=after
        )

    async def WatchDocument(  # noqa: N802
        self, request: pb.WatchDocumentRequest, context: Any
    ) -> AsyncIterator[pb.WatchDocumentResponse]:
        async for event in self._events():
            yield pb.WatchDocumentResponse(**event)

    async def CancelDocument(  # noqa: N802
        self, request: pb.CancelDocumentRequest, context: Any
    ) -> pb.CancelDocumentResponse:
        cancelled = documents.Document(
            request_id=request.request_id, state=documents.DOCUMENT_STATE_CANCELLED
        )
        return pb.CancelDocumentResponse(document=cancelled)

    async def EraseDocument(  # noqa: N802
        self, request: pb.EraseDocumentRequest, context: Any
    ) -> pb.EraseDocumentResponse:
        return pb.EraseDocumentResponse(
            erasures=[pb.Erasure(what=f"pages of {request.request_id}", count=2)],
            remains=["logs"],
        )

    async def RenderPages(  # noqa: N802
        self, request: pb.RenderPagesRequest, context: Any
    ) -> AsyncIterator[pb.RenderPagesResponse]:
        for page in self.pages:
            yield pb.RenderPagesResponse(page_number=page.page_number, image=pb.PageImage())

    async def ListPipelines(  # noqa: N802
        self, request: pb.ListPipelinesRequest, context: Any
    ) -> pb.ListPipelinesResponse:
        identity = documents.PipelineIdentity(name="text", version="1.0.0")
        step = pb.PipelineStep(name="ocr", stage="ocr", after=["deskew"], when="a in [b]")
        pipeline = pb.Pipeline(
            identity=identity, description="Reads text.", steps=[step], is_default=True
        )
        return pb.ListPipelinesResponse(pipelines=[pipeline])

    async def _events(self) -> AsyncIterator[dict[str, Any]]:
        finished = False
        try:
            yield {"document": self._queued()}
            for page in self.pages:
                yield {"page": page}
            if self.hold:
                await asyncio.Event().wait()
            if self.error is not None:
                raise self.error
            yield {"document": self.final}
            finished = True
        finally:
            if not finished:
                self.left.set()

    def _queued(self) -> documents.Document:
        account = documents.PageAccount(total=len(self.pages))
        return documents.Document(state=documents.DOCUMENT_STATE_QUEUED, pages=account)
