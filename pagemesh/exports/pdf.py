"""A searchable PDF: every page set upright, under invisible text placed word by word."""

from dataclasses import dataclass
from math import hypot
from textwrap import wrap
from typing import BinaryIO

import cv2
import numpy as np

from meshkit.errors import InvalidInput
from meshkit.geometry import Points
from meshkit.model import Image
from pagemesh.exports.characters import printable
from pagemesh.exports.pdffile import GLYPH_WIDTH, PdfFile, add_invisible_font, text_string
from pagemesh.exports.result import Analysis, note_on, words_of
from pagemesh.exports.upright import UprightPage
from pagemesh.orchestrator.v1 import document_pb2 as documents

JPEG_QUALITY = 80
HELVETICA = "<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica /Encoding /WinAnsiEncoding >>"

LONG_SIDE_POINTS = 842.0
"""Length given to the long side of a page of unknown resolution: that of A4."""


def write_pdf(analysis: Analysis, out: BinaryIO) -> None:
    """Write a PDF with one page for every page of the document.

    A page that is not ok keeps its image, as far as there is one, and carries a note with the
    reason. Black-and-white pages are kept without loss, others as JPEG.

    Raises:
        InvalidInput: `analysis.image_of` is None, or gives another page than the one that was read.
    """
    pdf = PdfFile(out)
    tree = pdf.reserve()
    font = add_invisible_font(pdf)
    pages = [_add_page(pdf, tree, font, analysis, page) for page in analysis.pages]
    kids = " ".join(f"{page} 0 R" for page in pages)
    pdf.add(f"<< /Type /Pages /Count {len(pages)} /Kids [{kids}] >>", tree)
    title = text_string(printable(analysis.document.source))
    info = pdf.add(f"<< /Producer (pagemesh) /Title {title} >>")
    pdf.close(pdf.add(f"<< /Type /Catalog /Pages {tree} 0 R >>"), info)


@dataclass(frozen=True, slots=True)
class _Sheet:
    """A page's place in points: `width` by `height`, `scale` points a pixel."""

    width: float
    height: float
    scale: float

    def place(self, points: Points) -> Points:
        """Pixel centres, y down, to points, y up."""
        return np.column_stack(
            [(points[:, 0] + 0.5) * self.scale, self.height - (points[:, 1] + 0.5) * self.scale]
        )


def _add_page(
    pdf: PdfFile, tree: int, font: int, analysis: Analysis, page: documents.PageResult
) -> int:
    image = analysis.image(page)
    if image is not None and page.width:
        image = UprightPage.of(page).transform.warp(image)
    sheet = _sheet(image, page.dpi)
    commands = (
        [] if image is None else [f"q {sheet.width:.3f} 0 0 {sheet.height:.3f} 0 0 cm /I Do Q"]
    )
    commands += _text(page, sheet)
    if image is None:
        commands += _printed_note(page, sheet)
    resources = f"/Font << /F {font} 0 R /H {HELVETICA} >>"
    if image is not None:
        resources += f" /XObject << /I {_add_image(pdf, image)} 0 R >>"
    content = pdf.add_stream("", "\n".join(commands).encode("ascii"), deflate=True)
    return pdf.add(
        f"<< /Type /Page /Parent {tree} 0 R /MediaBox [0 0 {sheet.width:.3f} {sheet.height:.3f}] "
        f"/Resources << {resources} >> /Contents {content} 0 R{_note(pdf, page, sheet)} >>"
    )


def _sheet(image: Image | None, dpi: float) -> _Sheet:
    height, width = (1414, 1000) if image is None else image.shape[:2]
    scale = 72 / dpi if dpi and image is not None else LONG_SIDE_POINTS / max(height, width)
    return _Sheet(width * scale, height * scale, scale)


def _add_image(pdf: PdfFile, image: Image) -> int:
    height, width = image.shape[:2]
    entries = f"/Type /XObject /Subtype /Image /Width {width} /Height {height}"
    if image.ndim == 2 and bool(((image == 0) | (image == 255)).all()):
        bits = np.packbits(image > 0, axis=1).tobytes()
        return pdf.add_stream(
            f"{entries} /ColorSpace /DeviceGray /BitsPerComponent 1", bits, deflate=True
        )
    encoded, jpeg = cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY])
    if not encoded:
        raise InvalidInput(f"a page image of {width} x {height} px does not fit a JPEG file")
    space = "/DeviceGray" if image.ndim == 2 else "/DeviceRGB"
    return pdf.add_stream(
        f"{entries} /ColorSpace {space} /BitsPerComponent 8 /Filter /DCTDecode", jpeg.tobytes()
    )


def _text(page: documents.PageResult, sheet: _Sheet) -> list[str]:
    """The commands that lay every word over its picture, unseen (text rendering mode 3)."""
    if not page.ocr.lines:
        return []
    upright = UprightPage.of(page)
    commands = ["BT 3 Tr"]
    for line in page.ocr.lines:
        words = words_of(line)
        for index, word in enumerate(words):
            corners = sheet.place(upright.corners(word.quad))
            space = " " if index + 1 < len(words) else ""
            commands += _word(printable(word.text), space, corners)
    return [*commands, "ET"]


def _word(text: str, space: str, corners: Points) -> list[str]:
    """One word stretched over its quad: the base line is the quad's lower edge."""
    top_left, _, bottom_right, bottom_left = corners
    across = bottom_right - bottom_left
    width, size = hypot(*across), hypot(*(top_left - bottom_left))
    code = text.encode("utf-16-be", "replace")
    if not code or width <= 0 or size <= 0:
        return []
    cos, sin = across / width
    stretch = 100 * width / (size * GLYPH_WIDTH / 1000 * len(code) / 2)
    string = (code + space.encode("utf-16-be")).hex()
    x, y = bottom_left
    matrix = f"{cos:.5f} {sin:.5f} {-sin:.5f} {cos:.5f} {x:.2f} {y:.2f}"
    return [f"/F {size:.2f} Tf {stretch:.2f} Tz {matrix} Tm <{string}> Tj"]


def _printed_note(page: documents.PageResult, sheet: _Sheet) -> list[str]:
    """The reason in plain sight, on a page that has no image."""
    note = note_on(page) or f"page {page.page_number}: there is no image of it"
    lines = wrap(printable(note), 80)
    commands = [f"BT /H 11 Tf 14 TL 40 {sheet.height - 60:.2f} Td"]
    commands += [f"<{line.encode('cp1252', 'replace').hex()}> Tj T*" for line in lines]
    return [*commands, "ET"]


def _note(pdf: PdfFile, page: documents.PageResult, sheet: _Sheet) -> str:
    note = note_on(page)
    if note is None:
        return ""
    top = sheet.height - 12
    annotation = pdf.add(
        f"<< /Type /Annot /Subtype /Text /Name /Note /F 28 /C [1 0.6 0] "
        f"/Rect [12 {top - 20:.2f} 32 {top:.2f}] /Contents {text_string(printable(note))} >>"
    )
    return f" /Annots [{annotation} 0 R]"
