"""A page image on its way to models: turned into a wire message once, shared by every step."""

import asyncio
import hashlib
import uuid
from collections.abc import Callable
from enum import StrEnum
from pathlib import Path

import cv2

from meshkit.errors import Internal, TooLarge
from meshkit.model import Image
from pagemesh.common.v1.geometry_pb2 import UprightTransform
from pagemesh.common.v1.page_pb2 import (
    PIXEL_FORMAT_BGR24,
    PIXEL_FORMAT_GRAY8,
    EncodedImage,
    ImageReference,
    Page,
    RawImage,
)


class WireEncoding(StrEnum):
    """How a page's pixels travel to a model.

    RAW: bare samples; nothing to encode or decode, the most bytes. A page that does not fit one
        message goes as PNG.
    PNG: lossless, several times fewer bytes, slow to encode.
    JPEG: quality 90, the fewest bytes, not lossless.
    REFERENCE: bare samples in a directory that the models share; only its address travels.
    """

    RAW = "raw"
    PNG = "png"
    JPEG = "jpeg"
    REFERENCE = "reference"


_PNG_FLAGS = [cv2.IMWRITE_PNG_COMPRESSION, 1]
_JPEG_FLAGS = [cv2.IMWRITE_JPEG_QUALITY, 90]


class PageImage:
    """One rasterised page and its wire message.

    Attributes:
        page_id: the page's name in every call about it.
        number: its number in the document, from 1.
        image: the pixels, grey or BGR.
        dpi: dots per inch; None when unknown.

    Args:
        encoding: how the pixels travel.
        shared_directory: where they lie when they travel by reference.
        max_bytes: at most so many bytes of pixels go into a message.
    """

    def __init__(
        self,
        page_id: str,
        number: int,
        image: Image,
        dpi: float | None,
        *,
        encoding: WireEncoding,
        shared_directory: Path,
        max_bytes: int,
    ) -> None:
        self.page_id = page_id
        self.number = number
        self.image = image
        self.dpi = dpi
        self._encoding = encoding
        self._shared_directory = shared_directory
        self._max_bytes = max_bytes
        self._shared_file: Path | None = None
        self._message: Page | None = None
        self._lock = asyncio.Lock()

    @property
    def width(self) -> int:
        """Pixels in a row."""
        return int(self.image.shape[1])

    @property
    def height(self) -> int:
        """Rows."""
        return int(self.image.shape[0])

    async def message(self) -> Page:
        """The page as models get it, without an upright transform. Not to be changed."""
        async with self._lock:
            if self._message is None:
                self._message = await self._build()
            return self._message

    async def close(self) -> None:
        """Remove what was put where models read it. Safe to call twice."""
        self._message = None
        if self._shared_file is not None:
            path, self._shared_file = self._shared_file, None
            await asyncio.to_thread(path.unlink, missing_ok=True)

    async def _build(self) -> Page:
        page = Page(page_id=self.page_id, dpi=self.dpi or 0.0)
        match self._encoding:
            case WireEncoding.RAW if self.image.nbytes <= self._max_bytes:
                page.raw.CopyFrom(self._raw_layout(self.image.tobytes()))
            case WireEncoding.REFERENCE:
                page.reference.CopyFrom(await self._share())
            case WireEncoding.RAW | WireEncoding.PNG:
                page.encoded.CopyFrom(await self._encode(".png", _PNG_FLAGS))
            case WireEncoding.JPEG:
                page.encoded.CopyFrom(await self._encode(".jpg", _JPEG_FLAGS))
        return page

    def _raw_layout(self, data: bytes) -> RawImage:
        is_grey = self.image.ndim == 2
        return RawImage(
            data=data,
            width=self.width,
            height=self.height,
            format=PIXEL_FORMAT_GRAY8 if is_grey else PIXEL_FORMAT_BGR24,
        )

    async def _encode(self, suffix: str, flags: list[int]) -> EncodedImage:
        is_encoded, data = await asyncio.to_thread(cv2.imencode, suffix, self.image, flags)
        if not is_encoded:
            raise Internal(f"page {self.number} could not be encoded as {suffix}")
        if data.nbytes > self._max_bytes:
            raise TooLarge(
                f"page {self.number} of {self.width} x {self.height} pixels takes {data.nbytes:,} "
                f"bytes even as {suffix}, and a message to a model holds {self._max_bytes:,}: scan "
                "it at a lower resolution, or have pages sent by reference",
                reason="PAGE_TOO_LARGE",
                metadata={"page": str(self.number), "limit_bytes": str(self._max_bytes)},
            )
        return EncodedImage(data=data.tobytes())

    async def _share(self) -> ImageReference:
        # Known before it is written: a cancelled write must still be cleaned up.
        self._shared_file = self._shared_directory / f"{uuid.uuid4().hex}.raw"
        return await asyncio.to_thread(self._write_shared, self._shared_file)

    def _write_shared(self, path: Path) -> ImageReference:
        data = self.image.tobytes()
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
        return ImageReference(
            uri=path.as_uri(),
            sha256=hashlib.sha256(data).hexdigest(),
            size_bytes=len(data),
            raw_layout=self._raw_layout(b""),
        )


PageImages = Callable[[str, int, Image, float | None], PageImage]
"""Makes a page image of page id, number, pixels and dots per inch."""


def with_transform(page: Page, target: Page, upright: UprightTransform | None) -> None:
    """Copy a page into a request's page, with the way to set it upright when that is known."""
    target.CopyFrom(page)
    if upright is not None:
        target.upright_transform.CopyFrom(upright)
