"""Pictures of a document that is erased while they are made."""

import asyncio
from collections.abc import AsyncGenerator
from pathlib import Path
from typing import Any

import numpy as np

from gateway.images import Images
from gateway.records import Asked, Record, StoredPage, now
from meshkit.testing import encode, eventually
from pagemesh.orchestrator.v1 import document_pb2 as documents
from pagemesh.orchestrator.v1 import orchestrator_service_pb2 as pb


class SlowOrchestrator:
    """Renders a white page once it may.

    Attributes:
        is_asked, may_answer: whether it was asked; set the other to have it answer.
    """

    def __init__(self) -> None:
        self.is_asked = False
        self.may_answer = asyncio.Event()

    async def render(self, *_asked: Any) -> AsyncGenerator[pb.RenderPagesResponse, None]:
        self.is_asked = True
        await self.may_answer.wait()
        png = encode(np.full((140, 100), 255, np.uint8))
        image = pb.PageImage(png=png, width=100, height=140)
        yield pb.RenderPagesResponse(page_number=1, image=image)


async def test_a_small_picture_that_is_made_while_its_document_is_erased_is_erased_too(
    tmp_path: Path,
) -> None:
    orchestrator: Any = SlowOrchestrator()
    images = Images(orchestrator, tmp_path, 1 << 20)
    moment = now()
    record = Record(
        work_id="w",
        client="",
        id="d",
        fingerprint="",
        asked=Asked(),
        location="",
        source="a.tiff",
        created_at=moment,
        updated_at=moment,
    )
    result = documents.PageResult(page_number=1)
    page = StoredPage(1, 1, "ok", "", result.SerializeToString())
    looking = asyncio.create_task(images.thumbnail(record, page, 50))
    await eventually(lambda: orchestrator.is_asked)
    erasing = asyncio.create_task(images.erase(record))
    await asyncio.sleep(0)
    orchestrator.may_answer.set()
    assert await erasing == 2
    assert await looking
    assert await asyncio.to_thread(lambda: list(tmp_path.iterdir())) == []
