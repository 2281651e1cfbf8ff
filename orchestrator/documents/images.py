"""Pages of image files, by Pillow."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from PIL import (
    ExifTags,
    Image,
    ImageOps,
    JpegImagePlugin,
    MpoImagePlugin,  # noqa: F401 - a JPEG may turn out to be one; imported before files are limited
    PngImagePlugin,
    TiffImagePlugin,
    WebPImagePlugin,
)

from orchestrator.documents import kinds, tiff
from orchestrator.documents.fault import Fault, page_too_large, too_many_pages
from orchestrator.documents.grey import as_grey_if_grey
from orchestrator.documents.pages import Bounds, Samples, Shape
from orchestrator.documents.pixels import is_grey_mode, to_samples

_FORMATS = {
    kinds.TIFF: TiffImagePlugin.TiffImageFile.format,
    kinds.PNG: PngImagePlugin.PngImageFile.format,
    kinds.JPEG: JpegImagePlugin.JpegImageFile.format,
    kinds.WEBP: WebPImagePlugin.WebPImageFile.format,
}
_SANE_DPI = (50.0, 1200.0)
_UNSTATED_JPEG_DPI = 72.0
"""What cameras, and Pillow in place of damaged EXIF data, put for a resolution they do not know."""
_SQUARE = 1.01
"""Resolutions across and down count as equal up to this ratio."""
_FAX = 3.0
"""Resolutions that differ by more than this ratio are taken for a mistake of the file."""
_TURNING = (5, 6, 7, 8)
"""EXIF orientations that swap width and height."""


_EXIF_KEYS = {"exif", "Raw profile type exif"}


class ImagePages:
    """An image file as pages: the frames of a TIFF, the one picture of a PNG, JPEG or WebP.

    A page has the resolution that its file states, when that is between 50 and 1200 dpi. Where it
    differs across and down (a fax of 204 x 98 dpi), the coarser direction is resampled up to the
    finer, so that pixels are square.
    """

    def __init__(self, path: Path, media_type: str, bounds: Bounds) -> None:
        """
        Raises:
            Fault: too many pages. Anything wrong with the pictures shows on their pages.
        """
        # The size of every page is checked against our own limits before it is decoded.
        Image.MAX_IMAGE_PIXELS = None
        self._path = path
        self._format = str(_FORMATS[media_type])
        self._bounds = bounds
        self._image: Image.Image | None = None
        self._decoded: int | None = None
        self._chain = tiff.Chain(1, is_broken=False)
        if media_type == kinds.TIFF:
            self._chain = tiff.chain(path, bounds.max_pages)
        if self._chain.count > bounds.max_pages:
            raise too_many_pages(self._chain.count, bounds.max_pages)

    @property
    def count(self) -> int:
        return self._chain.count

    def shape(self, number: int, dpi: int) -> Shape:  # noqa: ARG002 - an image has its own dpi
        """Its size once decoded, from the header."""
        return _shape(self._frame(number), self._bounds)

    def render(self, number: int, dpi: int) -> tuple[Samples, float]:  # noqa: ARG002 - as above
        image = self._frame(number)
        _shape(image, self._bounds)
        was_turned = _is_turned(image)
        self._decoded = number
        with self._naming_damage():
            image.load()
        # A PNG may state its orientation behind its pixels.
        across, down = _resolutions(image, was_turned or _is_turned(image))
        ImageOps.exif_transpose(image, in_place=True)
        try:
            samples = to_samples(image)
        except ValueError as error:
            raise _unsupported(f"its pixels are of the kind {image.mode}") from error
        if samples.ndim == 3:
            samples = as_grey_if_grey(samples)
        return _square(samples, across, down), max(across, down)

    def close(self) -> None:
        if self._image is not None:
            self._image.close()
        self._image = self._decoded = None

    def _frame(self, number: int) -> Image.Image:
        """The page's image, its header read and its pixels not."""
        if self._chain.is_broken and number == self._chain.count:
            raise Fault(
                "page",
                "TRUNCATED_IMAGE",
                "the file breaks off before it, and with it any pages that followed: send it whole",
            )
        # Decoding changes a Pillow image (turns it, closes its file), so none is decoded twice.
        if self._image is not None and (self.count == 1 or self._decoded == number):
            self.close()
        with self._naming_damage():
            if self._image is None:
                self._image = Image.open(self._path, formats=(self._format,))
            if self._format == _FORMATS[kinds.TIFF]:
                self._image.seek(number - 1)
        if self._format != _FORMATS[kinds.TIFF] and getattr(self._image, "is_animated", False):
            _refuse_animation(self._image)
        return self._image

    @contextmanager
    def _naming_damage(self) -> Iterator[None]:
        """Pillow raises errors of every class on damaged files."""
        try:
            yield
        except MemoryError:
            self.close()
            raise
        except Exception as error:
            is_cut = self._is_cut(error)
            self.close()
            if is_cut:
                raise Fault(
                    "page", "TRUNCATED_IMAGE", "its file breaks off in the middle: send it whole"
                ) from error
            if isinstance(error, NotImplementedError) or "unknown pixel mode" in str(error):
                raise _unsupported("its pixels are of an unusual kind") from error
            raise Fault("page", "CORRUPT_IMAGE", "its file is damaged: scan it anew") from error

    def _is_cut(self, error: Exception) -> bool:
        if isinstance(error, EOFError) or "truncated" in str(error).lower():
            return True
        tags = getattr(self._image, "tag_v2", None)
        return tags is not None and tiff.is_cut(tags, self._path.stat().st_size)


def _shape(image: Image.Image, bounds: Bounds) -> Shape:
    """
    Raises:
        Fault: PAGE_TOO_LARGE.
    """
    width, height = image.size
    turned = _is_turned(image)
    # Pillow gives the size of a TIFF as it will be once turned, that of other files as it is.
    if turned and not isinstance(image, TiffImagePlugin.TiffImageFile):
        width, height = height, width
    across, down = _resolutions(image, turned)
    width, height = _square_size(width, height, across, down)
    if width * height > bounds.max_page_pixels or max(width, height) > bounds.max_page_side:
        raise page_too_large(
            width,
            height,
            "pixels",
            f"{bounds.max_page_pixels:,} pixels and {bounds.max_page_side:,} a side",
        )
    return Shape(width, height, max(across, down), is_grey_mode(image))


def _is_turned(image: Image.Image) -> bool:
    if isinstance(image, PngImagePlugin.PngImageFile) and not _EXIF_KEYS & image.info.keys():
        # Pillow would decode the whole picture to look behind it.
        return False
    return image.getexif().get(ExifTags.Base.Orientation) in _TURNING


def _resolutions(image: Image.Image, is_turned: bool) -> tuple[float, float]:
    """Dots per inch across and down the page once turned; 0, 0 when not sanely stated."""
    try:
        across, down = (float(value) for value in image.info["dpi"])
    except (KeyError, TypeError, ValueError, ZeroDivisionError):
        return 0.0, 0.0
    if image.format in ("JPEG", "MPO") and across == down == _UNSTATED_JPEG_DPI:
        return 0.0, 0.0
    least, most = _SANE_DPI
    if not (least <= across <= most and least <= down <= most):
        return 0.0, 0.0
    if max(across, down) > _FAX * min(across, down):
        return 0.0, 0.0
    return (down, across) if is_turned else (across, down)


def _square_size(width: int, height: int, across: float, down: float) -> tuple[int, int]:
    """The size with square pixels."""
    if across == 0 or max(across, down) <= _SQUARE * min(across, down):
        return width, height
    finest = max(across, down)
    return round(width * finest / across), round(height * finest / down)


def _square(samples: Samples, across: float, down: float) -> Samples:
    height, width = samples.shape[:2]
    size = _square_size(width, height, across, down)
    if size == (width, height):
        return samples
    resized = Image.fromarray(samples).resize(size, Image.Resampling.BICUBIC)
    return np.asarray(resized)


def _refuse_animation(image: Image.Image) -> None:
    # The further frames of a multi-picture JPEG are other views of its first one.
    if image.format != "MPO":
        raise _unsupported("it is an animation")


def _unsupported(what: str) -> Fault:
    return Fault("page", "UNSUPPORTED_IMAGE", f"{what}: save it as 8-bit grey or RGB")
