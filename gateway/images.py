"""Pictures of pages: made by the orchestrator, kept a while in a folder."""

import asyncio
import contextlib
import hashlib
import os
import tempfile
from collections.abc import AsyncIterator, Callable, Coroutine, Iterable
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from gateway.orchestrator import Orchestrator
from gateway.records import Record, StoredPage
from meshkit.errors import Forbidden, Internal, InvalidInput, NotFound, PagemeshError, TooLarge
from meshkit.model import Image
from meshkit.status import error_of
from pagemesh.orchestrator.v1 import document_pb2 as documents
from pagemesh.orchestrator.v1 import orchestrator_service_pb2 as pb

_SUFFIX = ".png"
_LASTING = (InvalidInput, NotFound, Forbidden, TooLarge)


class Images:
    """Page images, in the size that the page's result tells.

    Args:
        orchestrator: opens documents; nothing that a client sent is opened in this process.
        folder: where pictures are kept.
        max_bytes: of all of them; the ones that were used longest ago go first.
    """

    def __init__(self, orchestrator: Orchestrator, folder: Path, max_bytes: int) -> None:
        self._orchestrator = orchestrator
        self._folder = folder
        self._max_bytes = max_bytes
        self._making: dict[Path, asyncio.Task[bytes]] = {}

    async def png(self, record: Record, page: StoredPage) -> bytes:
        """A page as its client sent it.

        Raises:
            NotFound: the page cannot be rasterised, or its document is gone.
            PagemeshError: of the orchestrator.
        """
        path = self._path(record, page.number)
        with contextlib.suppress(OSError):
            data = await asyncio.to_thread(_read, path)
            if data:
                return data
        return await self._made(path, lambda: self._make(record, page.result(), path))

    async def thumbnail(self, record: Record, page: StoredPage, width: int) -> bytes:
        """A page in so many pixels across, or as it is when that is less.

        Raises as `png`.
        """
        path = self._path(record, page.number, f"{width}")
        with contextlib.suppress(OSError):
            data = await asyncio.to_thread(_read, path)
            if data:
                return data
        return await self._made(path, lambda: self._shrink(record, page, width, path))

    async def all(self, record: Record, pages: str) -> AsyncIterator[tuple[int, Image | None]]:
        """Pixels of several pages by number, None for those that cannot be rasterised.

        Raises PagemeshError of the orchestrator.
        """
        rendering = self._orchestrator.render(record, pages, record.asked.dpi)
        async with contextlib.aclosing(rendering) as answers:
            async for answer in answers:
                image = await asyncio.to_thread(pixels, answer.image.png) if _has(answer) else None
                yield answer.page_number, image

    async def erase(self, record: Record) -> int:
        """Forget the pictures of a document; how many there were."""
        name = _digest_of(record)
        # A small picture is made of a whole one, which may begin meanwhile.
        while making := [task for path, task in self._making.items() if path.name.startswith(name)]:
            await asyncio.gather(*making, return_exceptions=True)
        return await asyncio.to_thread(_unlink, self._folder.glob(f"{name}-*"))

    async def _made(self, path: Path, make: Callable[[], Coroutine[Any, Any, bytes]]) -> bytes:
        """A picture that is made once for all who ask for it meanwhile."""
        making = self._making.get(path)
        if making is None:
            making = asyncio.create_task(make())
            self._making[path] = making
            making.add_done_callback(lambda _: self._making.pop(path, None))
        return await asyncio.shield(making)

    async def _shrink(self, record: Record, page: StoredPage, width: int, path: Path) -> bytes:
        whole = await self.png(record, page)
        data = await asyncio.to_thread(_shrunk, whole, width)
        await asyncio.to_thread(self._keep, path, data)
        return data

    async def _make(self, record: Record, page: documents.PageResult, path: Path) -> bytes:
        answer = await self._rendered(record, page.page_number, record.asked.dpi)
        size = (answer.image.width, answer.image.height)
        if page.width and page.dpi and size != (page.width, page.height):
            # Another default resolution than when it was read.
            answer = await self._rendered(record, page.page_number, round(page.dpi))
        data = answer.image.png
        await asyncio.to_thread(self._keep, path, data)
        return data

    async def _rendered(self, record: Record, number: int, dpi: int) -> pb.RenderPagesResponse:
        answers = self._orchestrator.render(record, str(number), dpi)
        try:
            async with contextlib.aclosing(answers):
                async for answer in answers:
                    if not _has(answer):
                        raise _not_to_be_had(number, error_of(answer.error))
                    return answer
        except _LASTING as error:
            raise _not_to_be_had(number, error) from error
        raise Internal(f"page {number} did not come")

    def _path(self, record: Record, number: int, size: str = "") -> Path:
        picture = f"{number}{size and f'@{size}'}"
        return self._folder / f"{_digest_of(record)}-{picture}{_SUFFIX}"

    def _keep(self, path: Path, data: bytes) -> None:
        """Write a picture; one that cannot be kept is made again."""
        if len(data) > self._max_bytes:
            return
        with contextlib.suppress(OSError):
            self._folder.mkdir(parents=True, exist_ok=True)
            descriptor, part = tempfile.mkstemp(dir=self._folder)
            with os.fdopen(descriptor, "wb") as file:
                file.write(data)
            Path(part).replace(path)
            self._forget_oldest()

    def _forget_oldest(self) -> None:
        kept = []
        for path in self._folder.iterdir():
            with contextlib.suppress(OSError):
                state = path.stat()
                kept.append((state.st_mtime, state.st_size, path))
        surplus = sum(size for _, size, _ in kept) - self._max_bytes
        for _, size, path in sorted(kept):
            if surplus <= 0:
                return
            path.unlink(missing_ok=True)
            surplus -= size


def pixels(png: bytes) -> Image:
    """A picture's pixels: (h, w) grey or (h, w, 3) BGR."""
    image = cv2.imdecode(np.frombuffer(png, np.uint8), cv2.IMREAD_UNCHANGED)
    if image is None:
        raise Internal("a page's picture cannot be decoded")
    return np.asarray(image, np.uint8)


def _shrunk(png: bytes, width: int) -> bytes:
    image = pixels(png)
    height, across = image.shape[:2]
    if across <= width:
        return png
    size = (width, max(1, round(height * width / across)))
    done, small = cv2.imencode(_SUFFIX, cv2.resize(image, size, interpolation=cv2.INTER_AREA))
    if not done:
        raise Internal("a page's picture cannot be encoded")
    return small.tobytes()


def _has(answer: pb.RenderPagesResponse) -> bool:
    return answer.WhichOneof("outcome") == "image"


def _digest_of(record: Record) -> str:
    """Begins the names of a document's pictures; an id that is sent again is another document."""
    name = f"{record.work_id}\n{record.created_at.isoformat()}"
    return hashlib.sha256(name.encode()).hexdigest()


def _unlink(paths: Iterable[Path]) -> int:
    count = 0
    for path in paths:
        with contextlib.suppress(FileNotFoundError):
            path.unlink()
            count += 1
    return count


def _read(path: Path) -> bytes:
    data = path.read_bytes()
    os.utime(path)
    return data


def _not_to_be_had(number: int, error: PagemeshError) -> NotFound:
    return NotFound(
        f"page {number} has no picture: {error.message}",
        reason="IMAGE_NOT_FOUND",
        metadata={"cause": error.reason},
    )
