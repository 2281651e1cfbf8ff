"""PDF pages, by pdfium."""

import math
import resource
from pathlib import Path

import pypdfium2 as pdfium
import pypdfium2.raw as pdfium_c

from orchestrator.documents.fault import Fault, page_too_large, too_many_pages
from orchestrator.documents.grey import as_grey_if_grey
from orchestrator.documents.pages import Bounds, Samples, Shape

_POINTS_PER_INCH = 72
_TAIL_BYTES = 4096
_GROWTH_BYTES = 64 * 1024 * 1024
"""pdfium keeps every stream that it has read until the document is closed; see `_shed`."""


class PdfPages:
    """An open PDF. Form fields and annotations are drawn as they would be printed.

    A page whose pixels at the resolution asked for exceed the bounds is rasterised at the highest
    whole resolution that fits, if that is at least `min_dpi`; its shape says which.
    """

    def __init__(self, path: Path, password: str | None, bounds: Bounds) -> None:
        """
        Raises:
            Fault: it is no PDF, damaged, cut off, locked, empty, or has too many pages.
        """
        self._path = path
        self._password = password
        self._bounds = bounds
        self._pdf = _open(path, password)
        self._count = len(self._pdf)
        _check_count(self._count, bounds.max_pages)
        self._resident_bytes = _resident_bytes()

    @property
    def count(self) -> int:
        return self._count

    def shape(self, number: int, dpi: int) -> Shape:
        width, height = self._size_in_points(number)
        fitting = self._fitting_dpi(width, height, dpi)
        return Shape(_pixels(width, fitting), _pixels(height, fitting), float(fitting), False)

    def render(self, number: int, dpi: int) -> tuple[Samples, float]:
        self._shed()
        fitting = int(self.shape(number, dpi).dpi)
        try:
            page = self._pdf[number - 1]
        except pdfium.PdfiumError as error:
            raise _unreadable_page() from error
        try:
            bitmap = page.render(scale=_scale(fitting), limit_image_cache=True)
            try:
                return as_grey_if_grey(bitmap.to_numpy()), float(fitting)
            finally:
                bitmap.close()
        finally:
            page.close()

    def close(self) -> None:
        self._pdf.close()

    def _shed(self) -> None:
        """Opens the document anew when it has come to hold much, so that memory does not grow with
        the number of pages."""
        if _resident_bytes() > self._resident_bytes + _GROWTH_BYTES:
            self._pdf.close()
            self._pdf = _open(self._path, self._password)
            self._resident_bytes = _resident_bytes()

    def _size_in_points(self, number: int) -> tuple[float, float]:
        try:
            width, height = self._pdf.get_page_size(number - 1)
        except pdfium.PdfiumError as error:
            raise _unreadable_page() from error
        if not (width > 0 and height > 0):
            raise Fault("page", "CORRUPT_PAGE", "its size is not positive")
        return width, height

    def _fitting_dpi(self, width: float, height: float, dpi: int) -> int:
        bounds = self._bounds
        if max(width, height) > bounds.max_page_points:
            raise page_too_large(width, height, "points", f"{bounds.max_page_points:,.0f} a side")
        by_area = _POINTS_PER_INCH * math.sqrt(bounds.max_page_pixels / (width * height))
        by_side = _POINTS_PER_INCH * bounds.max_page_side / max(width, height)
        fitting = min(dpi, int(by_area), int(by_side))
        while fitting > 1 and not self._fits(width, height, fitting):
            fitting -= 1
        if fitting < min(dpi, bounds.min_dpi):
            least = min(dpi, bounds.min_dpi)
            raise page_too_large(
                _pixels(width, least),
                _pixels(height, least),
                f"pixels at {least} dpi",
                f"{bounds.max_page_pixels:,} pixels and {bounds.max_page_side:,} a side",
            )
        return fitting

    def _fits(self, width: float, height: float, dpi: int) -> bool:
        columns, rows = _pixels(width, dpi), _pixels(height, dpi)
        bounds = self._bounds
        return columns * rows <= bounds.max_page_pixels and max(columns, rows) <= (
            bounds.max_page_side
        )


def _pixels(points: float, dpi: int) -> int:
    """As `PdfPage.render` rounds."""
    return math.ceil(points * _scale(dpi))


def _scale(dpi: int) -> float:
    """Pixels a point, a trace less than exact: 11 inches at 300 dpi must not become 3301 pixels by
    the rounding of floating-point numbers."""
    return dpi / _POINTS_PER_INCH * (1 - 1e-7)


def _open(path: Path, password: str | None) -> pdfium.PdfDocument:
    try:
        pdf = pdfium.PdfDocument(path, password=password or None)
    except pdfium.PdfiumError as error:
        raise _open_fault(error.err_code, password) from error
    try:
        _refuse_truncated(pdf, path)
        _prepare_forms(pdf)
    except BaseException:
        pdf.close()
        raise
    return pdf


def _resident_bytes() -> int:
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    return pages * resource.getpagesize()


def _open_fault(code: int | None, password: str | None) -> Fault:
    if code == pdfium_c.FPDF_ERR_PASSWORD and password:
        return Fault("document", "WRONG_PASSWORD", "the password does not open this PDF")
    if code == pdfium_c.FPDF_ERR_PASSWORD:
        return Fault(
            "document", "PASSWORD_REQUIRED", "this PDF is protected: send its password with it"
        )
    if code == pdfium_c.FPDF_ERR_SECURITY:
        return Fault(
            "document",
            "UNSUPPORTED_ENCRYPTION",
            "this PDF is encrypted in a way that is not supported: save it without protection",
        )
    return Fault(
        "document", "CORRUPT_DOCUMENT", "this PDF is damaged or cut off and cannot be opened"
    )


def _refuse_truncated(pdf: pdfium.PdfDocument, path: Path) -> None:
    """pdfium mends a PDF whose end is missing, and pages or pictures are then lost unseen."""
    if pdfium_c.FPDF_DocumentHasValidCrossReferenceTable(pdf):
        return
    with path.open("rb") as file:
        file.seek(max(0, path.stat().st_size - _TAIL_BYTES))
        tail = file.read()
    if b"%%EOF" not in tail and b"startxref" not in tail:
        raise Fault(
            "document", "TRUNCATED_DOCUMENT", "this PDF breaks off before its end: send it whole"
        )


def _prepare_forms(pdf: pdfium.PdfDocument) -> None:
    """Must come before pages are counted or loaded, or filled fields stay invisible."""
    if pdf.get_formtype() == pdfium_c.FORMTYPE_XFA_FULL:
        raise Fault(
            "document",
            "UNSUPPORTED_XFA",
            "this PDF is a dynamic XFA form without pages of its own: print it to a plain PDF",
        )
    try:
        pdf.init_forms()
    except pdfium.PdfiumError as error:
        raise Fault(
            "document", "CORRUPT_DOCUMENT", "the form fields of this PDF are damaged"
        ) from error


def _check_count(count: int, limit: int) -> None:
    if count < 1:
        raise Fault("document", "NO_PAGES", "this PDF has no pages")
    if count > limit:
        raise too_many_pages(count, limit)


def _unreadable_page() -> Fault:
    return Fault("page", "CORRUPT_PAGE", "it is damaged and cannot be loaded")
