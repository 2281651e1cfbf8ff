"""A page image on its way to models: encoded once, whatever the number of steps."""

import asyncio
import hashlib
import os
import uuid
from collections.abc import Callable
from enum import StrEnum
from pathlib import Path

import cv2
import numpy as np

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


class RawSamples:
    """The page's own samples are what travels."""


class PageImage:
    """One rasterised page and its wire message.

    Attributes:
        page_id: the page's name in every call about it.
        number: its number in the document, from 1.
        image: the pixels, grey or BGR; read-only.
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
        self.dpi = dpi
        # Image and message share these bytes: a page is in memory once, and once in each call.
        self._samples = image.tobytes()
        self.image: Image = np.frombuffer(self._samples, np.uint8).reshape(image.shape)
        self._encoding = encoding
        self._shared_directory = shared_directory
        self._max_bytes = max_bytes
        self._shared_file: Path | None = None
        self._content: RawSamples | EncodedImage | ImageReference | None = None
        self._lock = asyncio.Lock()

    @property
    def width(self) -> int:
        """Pixels in a row."""
        return int(self.image.shape[1])

    @property
    def height(self) -> int:
        """Rows."""
        return int(self.image.shape[0])

    async def write_to(self, page: Page, upright: UprightTransform | None = None) -> None:
        """Fill a request's page.

        Args:
            page: an empty message.
            upright: sets the page upright; None when that is not known.

        Raises:
            TooLarge: the page does not fit a message.
        """
        async with self._lock:
            if self._content is None:
                self._content = await self._prepare()
        page.page_id = self.page_id
        page.dpi = self.dpi or 0.0
        if upright is not None:
            page.upright_transform.CopyFrom(upright)
        match self._content:
            case EncodedImage():
                page.encoded.CopyFrom(self._content)
            case ImageReference():
                page.reference.CopyFrom(self._content)
            case RawSamples():
                page.raw.CopyFrom(self._layout())
                page.raw.data = self._samples

    async def close(self) -> None:
        """Remove what was put where models read it. Safe to call twice."""
        if self._shared_file is not None:
            path, self._shared_file = self._shared_file, None
            await asyncio.to_thread(path.unlink, missing_ok=True)

    async def _prepare(self) -> RawSamples | EncodedImage | ImageReference:
        match self._encoding:
            case WireEncoding.RAW if len(self._samples) <= self._max_bytes:
                return RawSamples()
            case WireEncoding.REFERENCE:
                # Known before it is written: a cancelled write must still be cleaned up.
                self._shared_file = self._shared_directory / f"{uuid.uuid4().hex}.raw"
                return await asyncio.to_thread(self._write_shared, self._shared_file)
            case WireEncoding.JPEG:
                return await self._encode(".jpg", _JPEG_FLAGS)
            case _:
                return await self._encode(".png", _PNG_FLAGS)

    def _layout(self) -> RawImage:
        is_grey = self.image.ndim == 2
        return RawImage(
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

    def _write_shared(self, path: Path) -> ImageReference:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o750)
        path.unlink(missing_ok=True)
        # For us and our group, and never by a link that another user of the folder has laid.
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW
        with os.fdopen(os.open(path, flags, 0o640), "wb") as file:
            file.write(self._samples)
        return ImageReference(
            uri=path.as_uri(),
            sha256=hashlib.sha256(self._samples).hexdigest(),
            size_bytes=len(self._samples),
            raw_layout=self._layout(),
        )


PageImages = Callable[[str, int, Image, float | None], PageImage]
"""Makes a page image of page id, number, pixels and dots per inch."""
