"""Pages as pictures, for whoever shows them: rasterised as for the models, and read by nobody."""

import asyncio
from collections.abc import AsyncGenerator

import cv2

from meshkit.errors import InvalidInput, PagemeshError, TooLarge
from meshkit.model import Image
from meshkit.status import status_of
from orchestrator.documents.config import DocumentLimits
from orchestrator.documents.document import OpenDocument, open_document
from orchestrator.documents.pool import WorkerPool
from orchestrator.documents.source import Spool, fetch
from orchestrator.page_selection import PageSelection
from pagemesh.orchestrator.v1 import orchestrator_service_pb2 as pb

_FAST_PNG = [cv2.IMWRITE_PNG_COMPRESSION, 1]


class PageRenderer:
    """Rasterises documents at locations. Nothing of them is kept.

    Args:
        limits: on documents, and where they may be fetched from.
        workers: that open them.
        max_bytes: of a page's picture: what fits a message.
    """

    def __init__(self, limits: DocumentLimits, workers: WorkerPool, max_bytes: int) -> None:
        self._limits = limits
        self._workers = workers
        self._max_bytes = max_bytes

    async def render(self, spec: pb.DocumentSpec) -> AsyncGenerator[pb.RenderPagesResponse, None]:
        """The chosen pages, in order; one that cannot be rasterised has an error in its place.

        Raises:
            PagemeshError: the document cannot be fetched or opened; see `fetch`, `open_document`.
        """
        if not spec.location:
            raise InvalidInput("location: is missing", metadata={"field": "location"})
        selection = PageSelection(spec.pages)
        async with Spool.create(self._limits) as spool:
            await fetch(spec.location, spool, self._limits)
            opening = open_document(
                spool.path,
                limits=self._limits,
                password=spec.password or None,
                workers=self._workers,
            )
            async with await opening as document:
                for number in selection.numbers(document.page_count):
                    yield await self._page(document, number, spec.dpi)

    async def _page(self, document: OpenDocument, number: int, dpi: int) -> pb.RenderPagesResponse:
        try:
            rendered = await document.render(number, dpi)
            png = await asyncio.to_thread(_png, rendered.image)
            if len(png) > self._max_bytes:
                raise TooLarge(
                    f"page {number}: its picture is larger than {self._max_bytes} bytes; ask for "
                    "a lower dpi",
                    metadata={"page": str(number)},
                )
        except PagemeshError as error:
            return pb.RenderPagesResponse(page_number=number, error=status_of(error))
        image = pb.PageImage(
            width=rendered.image.shape[1],
            height=rendered.image.shape[0],
            dpi=rendered.dpi,
            png=png,
        )
        return pb.RenderPagesResponse(page_number=number, image=image)


def _png(image: Image) -> bytes:
    _, data = cv2.imencode(".png", image, _FAST_PNG)
    return data.tobytes()
