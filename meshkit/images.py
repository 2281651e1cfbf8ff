"""From a page message to pixels.

A page comes as an image file (PNG, JPEG, TIFF, WebP, told apart by content), as bare samples, or as
a reference to either. It is opened in two steps: `open_page` reads no more than the header and
refuses what is too large, so that a decompression bomb is never decoded; `OpenedPage.decode` gives
the pixels, set upright when the page carries a transform.

The page's pixels, which all geometry is in, are those that a viewer shows: an EXIF orientation is
applied first. Grey images stay grey; 16 bits become 8; transparency is laid over white; palette,
CMYK and other colour spaces become BGR. Decoded images are read-only arrays.
"""

import hashlib
import io
import os
import stat
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import unquote, urlsplit

import cv2
import numpy as np
from PIL import Image as PilImage
from PIL import (
    ImageFile,
    ImageOps,
    JpegImagePlugin,
    PngImagePlugin,
    TiffImagePlugin,
    WebPImagePlugin,
)

from meshkit.errors import Forbidden, InvalidPage, NotFound, PagemeshError
from meshkit.geometry import Transform
from meshkit.model import Image

MAX_SIDE = 32_766
"""OpenCV's warps address pixels with 16 bits."""

_GRAY8, _BGR24 = 1, 2
_CHANNELS = {_GRAY8: 1, _BGR24: 3}
_PHOTOMETRIC, _BITS_PER_SAMPLE = 262, 258
_MAX_PAGE_ID = 256


class PageMessage(Protocol):
    """What is read of a `pagemesh.common.v1.Page`, without importing the contract."""

    page_id: str
    dpi: float

    @property
    def encoded(self) -> Any: ...
    @property
    def raw(self) -> Any: ...
    @property
    def reference(self) -> Any: ...
    @property
    def upright_transform(self) -> Any: ...
    def WhichOneof(self, group: Any, /) -> str | None: ...  # noqa: N802
    def HasField(self, field: Any, /) -> bool: ...  # noqa: N802


@dataclass(frozen=True, slots=True)
class PageLimits:
    """What a server accepts.

    Attributes:
        max_pixels: of a page as sent, and of the upright page.
        max_bytes: of a referenced file.
        roots: folders under which referenced files may lie.
    """

    max_pixels: int
    max_bytes: int
    roots: tuple[Path, ...] = ()


@dataclass(frozen=True, slots=True)
class DecodedPage:
    """A page's pixels.

    Attributes:
        image: upright when the page carries a transform, else as sent.
        dpi: of `image`; None when unknown.
        transform: from the page as sent to `image`.
        width, height: of the page as sent, in pixels.
    """

    image: Image
    dpi: float | None
    transform: Transform
    width: int
    height: int


@dataclass(frozen=True, slots=True)
class OpenedPage:
    """A page of which the header is read.

    Attributes:
        pixels: of the larger one of the page as sent and the upright page.
        decode: gives the pixels; raises InvalidPage when the bytes behind the header are bad.
    """

    pixels: int
    decode: Callable[[], DecodedPage]


@dataclass(frozen=True, slots=True)
class _Source:
    """The pixels to come, with the size that the header tells, before any EXIF orientation."""

    width: int
    height: int
    read: Callable[[], Image]


def check_page_id(page_id: str) -> str:
    """The id itself.

    Raises:
        InvalidPage: it is missing or too long to be echoed in every answer and error.
    """
    if not page_id:
        raise InvalidPage(
            "page.page_id is missing; give every page a name", metadata=_field("page_id")
        )
    if len(page_id) > _MAX_PAGE_ID:
        raise InvalidPage(
            f"page.page_id has {len(page_id)} characters; at most {_MAX_PAGE_ID} are taken",
            metadata=_field("page_id"),
        )
    return page_id


def open_page(page: PageMessage, limits: PageLimits) -> OpenedPage:
    """Read the header of a page. Blocks on a reference's file.

    Raises:
        InvalidPage: what is wrong with the page, by its id and the field.
        Forbidden: a reference to a place that this server does not read.
        NotFound: a reference to a file that is not there.
    """
    page_id = check_page_id(page.page_id)
    try:
        dpi = _dpi(page.dpi)
        source = _open_source(page, limits)
        _check_size("the page", source.width, source.height, limits)
        transform = _transform(page, limits)
    except PagemeshError as error:
        raise _named(error, page_id) from None
    pixels = source.width * source.height
    if transform is not None:
        pixels = max(pixels, transform.width * transform.height)
    return OpenedPage(pixels, lambda: _decode(page_id, source, transform, dpi))


def _decode(
    page_id: str, source: _Source, transform: Transform | None, dpi: float | None
) -> DecodedPage:
    try:
        image = source.read()
        height, width = image.shape[:2]
        if transform is None:
            transform = Transform.identity(width, height)
        _check_maps_page(transform, width, height)
    except PagemeshError as error:
        raise _named(error, page_id) from None
    upright = transform.warp(image)
    upright.setflags(write=False)
    upright_dpi = None if dpi is None else dpi * _scale(transform, width, height)
    return DecodedPage(upright, upright_dpi, transform, width, height)


def _named(error: PagemeshError, page_id: str) -> PagemeshError:
    """The same error, saying which page it is about."""
    return type(error)(
        f"page {page_id!r}: {error.message}",
        reason=error.reason,
        metadata={"page": page_id, **error.metadata},
        retry_after=error.retry_after,
    )


def _field(name: str) -> dict[str, str]:
    return {"field": f"page.{name}"}


def _dpi(dpi: float) -> float | None:
    if not np.isfinite(dpi) or dpi < 0:
        raise InvalidPage(f"dpi is {dpi}; give dots per inch, or 0", metadata=_field("dpi"))
    return dpi or None


def _check_size(what: str, width: int, height: int, limits: PageLimits) -> None:
    if width < 1 or height < 1:
        raise InvalidPage(f"{what} is {width} x {height} px; it has no pixels")
    if width * height > limits.max_pixels or max(width, height) > MAX_SIDE:
        raise InvalidPage(
            f"{what} is {width:,} x {height:,} px; at most {limits.max_pixels:,} pixels and "
            f"{MAX_SIDE:,} on a side are taken: send it at a lower resolution",
            reason="PAGE_TOO_LARGE",
            metadata={"max_pixels": str(limits.max_pixels), "max_side": str(MAX_SIDE)},
        )


def _open_source(page: PageMessage, limits: PageLimits) -> _Source:
    match page.WhichOneof("content"):
        case "encoded":
            return _open_encoded(page.encoded.data, "encoded.data")
        case "raw":
            return _open_raw(page.raw.data, page.raw, "raw")
        case "reference":
            data = read_reference(page.reference, limits)
            if page.reference.HasField("raw_layout"):
                return _open_raw(data, page.reference.raw_layout, "reference.raw_layout")
            return _open_encoded(data, "reference")
    raise InvalidPage(
        "it has no content; set encoded, raw or reference", metadata=_field("content")
    )


def _open_raw(data: bytes, layout: Any, field: str) -> _Source:
    width, height, channels = layout.width, layout.height, _CHANNELS.get(layout.format)
    if channels is None:
        raise InvalidPage(
            f"{field}.format is {layout.format}; GRAY8 and BGR24 are taken",
            metadata=_field(f"{field}.format"),
        )
    expected = width * height * channels
    if len(data) != expected:
        raise InvalidPage(
            f"{field} has {len(data):,} bytes; {width} x {height} px with {channels} bytes a pixel "
            f"are {expected:,}",
            metadata=_field(f"{field}.data"),
        )
    shape = (height, width) if channels == 1 else (height, width, channels)
    return _Source(width, height, lambda: np.frombuffer(data, dtype=np.uint8).reshape(shape))


def _open_encoded(data: bytes, field: str) -> _Source:
    plugin = _plugin(data, field)
    try:
        picture = plugin(io.BytesIO(data))
    except Exception as error:  # decoders raise nearly every kind of exception on bad bytes
        raise _undecodable(error, field) from error

    def read() -> Image:
        try:
            return _samples(picture)
        except (PagemeshError, MemoryError):
            raise
        except Exception as error:
            raise _undecodable(error, field) from error

    return _Source(*picture.size, read)


def _plugin(data: bytes, field: str) -> type[ImageFile.ImageFile]:
    """The decoder for these bytes.

    The classes are called directly: `PIL.Image.open` has a limit on pixels of its own, which is
    one for the whole process.
    """
    if not data:
        raise InvalidPage(f"{field} is empty", metadata=_field(field))
    if data.startswith(b"\x89PNG\r\n\x1a\n"):
        return PngImagePlugin.PngImageFile
    if data.startswith(b"\xff\xd8\xff"):
        return JpegImagePlugin.JpegImageFile
    if data.startswith((b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")):
        return TiffImagePlugin.TiffImageFile
    if data.startswith(b"RIFF") and data[8:12] == b"WEBP":
        return WebPImagePlugin.WebPImageFile
    raise InvalidPage(
        f"{field} is no PNG, JPEG, TIFF or WebP file; it starts with {data[:8]!r}",
        metadata=_field(field),
    )


def _undecodable(error: Exception, field: str) -> InvalidPage:
    return InvalidPage(
        f"{field} cannot be decoded, the file is damaged or incomplete ({error})",
        metadata=_field(field),
    )


def _samples(picture: ImageFile.ImageFile) -> Image:
    """Decode to (h, w) grey or (h, w, 3) BGR."""
    bits, photometric = 16, 1
    if isinstance(picture, TiffImagePlugin.TiffImageFile):
        bits = int(picture.tag_v2.get(_BITS_PER_SAMPLE, (16,))[0])
        photometric = int(picture.tag_v2.get(_PHOTOMETRIC, 1))
    picture.load()
    ImageOps.exif_transpose(picture, in_place=True)
    if picture.mode.startswith("I;16"):
        wide = np.asarray(picture).astype(np.uint32)
        grey = (wide >> (min(bits, 16) - 8)).clip(0, 255).astype(np.uint8)
        return 255 - grey if photometric == 0 else grey
    if picture.mode in ("I", "F"):
        raise InvalidPage("samples of 32 bits are not taken; send 8 or 16 bits a sample")
    return _eight_bit(picture)


def _eight_bit(picture: PilImage.Image) -> Image:
    if picture.has_transparency_data:
        picture = _over_white(picture)
    if picture.mode in ("1", "L"):
        return np.array(_in_mode(picture, "L"))
    rgb = np.asarray(_in_mode(picture, "RGB"))
    return np.asarray(cv2.cvtColor(rgb, cv2.COLOR_RGB2BGR), dtype=np.uint8)


def _in_mode(picture: PilImage.Image, mode: str) -> PilImage.Image:
    return picture if picture.mode == mode else picture.convert(mode)


def _over_white(picture: PilImage.Image) -> PilImage.Image:
    grey = picture.mode in ("1", "L", "LA", "La")
    mode = "LA" if grey else "RGBA"
    layers = picture.convert(mode)
    paper = PilImage.new(layers.mode[:-1], picture.size, "white")
    paper.paste(layers.convert(layers.mode[:-1]), mask=layers.getchannel("A"))
    return paper


def read_reference(reference: Any, limits: PageLimits) -> bytes:
    """The bytes that an `ImageReference` points to, once size and digest are verified.

    Raises:
        InvalidPage: a malformed reference, or other bytes than it announces.
        Forbidden: a scheme or place that is not in `limits.roots`.
        NotFound: no such file.
    """
    sha256, size = reference.sha256, reference.size_bytes
    if len(sha256) != 64 or set(sha256) - set("0123456789abcdef"):
        raise InvalidPage(
            "reference.sha256 is not 64 lower-case hexadecimal digits",
            metadata=_field("reference.sha256"),
        )
    if size > limits.max_bytes:
        raise InvalidPage(
            f"reference.size_bytes is {size:,}; at most {limits.max_bytes:,} are read",
            reason="PAGE_TOO_LARGE",
            metadata=_field("reference.size_bytes"),
        )
    data = _read_file(_allowed_path(reference.uri, limits.roots), size)
    if hashlib.sha256(data).hexdigest() != sha256:
        raise InvalidPage(
            "the bytes at reference.uri have another SHA-256 than reference.sha256",
            metadata=_field("reference.sha256"),
        )
    return data


def _allowed_path(uri: str, roots: Sequence[Path]) -> Path:
    parts = urlsplit(uri)
    if parts.scheme != "file" or parts.netloc not in ("", "localhost") or not parts.path:
        raise Forbidden(
            "reference.uri: this server reads file:///... references only",
            metadata=_field("reference.uri"),
        )
    text = unquote(parts.path)
    if "\0" in text:
        raise InvalidPage("reference.uri holds a null byte", metadata=_field("reference.uri"))
    path = Path(os.path.realpath(text))
    if not any(path.is_relative_to(os.path.realpath(root)) for root in roots):
        raise Forbidden(
            "reference.uri: the place is not among the folders that this server reads",
            metadata=_field("reference.uri"),
        )
    return path


def _read_file(path: Path, size: int) -> bytes:
    try:
        with open(path, "rb", opener=_open_at_once) as file:
            found = os.fstat(file.fileno())
            if not stat.S_ISREG(found.st_mode):
                raise InvalidPage("reference.uri is not a file", metadata=_field("reference.uri"))
            data = file.read(size + 1) if found.st_size == size else b""
    except OSError as error:
        raise NotFound(
            f"reference.uri: the file cannot be read ({error.strerror})",
            metadata=_field("reference.uri"),
        ) from error
    if len(data) != size:
        raise InvalidPage(
            f"the file at reference.uri has {found.st_size:,} bytes, "
            f"reference.size_bytes is {size:,}",
            metadata=_field("reference.size_bytes"),
        )
    return data


def _open_at_once(path: str, flags: int) -> int:
    """Without waiting for somebody to write, should it be a named pipe."""
    return os.open(path, flags | os.O_NONBLOCK | os.O_NOFOLLOW)


def _transform(page: PageMessage, limits: PageLimits) -> Transform | None:
    if not page.HasField("upright_transform"):
        return None
    message = page.upright_transform
    numbers = np.array(message.matrix, dtype=np.float64)
    _check_size("the upright page", message.width, message.height, limits)
    if numbers.size != 9 or not np.isfinite(numbers).all():
        raise InvalidPage(
            "upright_transform.matrix must be nine finite numbers",
            metadata=_field("upright_transform.matrix"),
        )
    return Transform(numbers.reshape(3, 3), message.width, message.height)


def _check_maps_page(transform: Transform, width: int, height: int) -> None:
    """The matrix must be well invertible and send no point of the page to infinity."""
    matrix = transform.matrix
    with np.errstate(all="ignore"):
        condition = np.linalg.cond(matrix / np.abs(matrix).max()) if matrix.any() else np.inf
        corners = np.array([[0, 0, 1], [width, 0, 1], [width, height, 1], [0, height, 1]])
        w = corners @ matrix[2]
    if not (np.isfinite(condition) and condition < 1e12 and (np.all(w > 0) or np.all(w < 0))):
        raise InvalidPage(
            "upright_transform.matrix is not invertible on the page",
            metadata=_field("upright_transform.matrix"),
        )


def _scale(transform: Transform, width: int, height: int) -> float:
    """Upright pixels for one pixel as sent, at the middle of the page."""
    if transform.is_identity:
        return 1.0
    x, y = width / 2, height / 2
    step = np.array([[x, y], [x + 1, y], [x, y + 1]])
    a, b, c = transform.apply(step)
    (ux, uy), (vx, vy) = b - a, c - a
    return float(np.sqrt(abs(ux * vy - uy * vx)))
