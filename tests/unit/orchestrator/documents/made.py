"""Documents made for tests."""

import io
import struct
import zlib
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image
from reportlab.lib.pdfencrypt import StandardEncryption
from reportlab.pdfgen.canvas import Canvas

from orchestrator.documents.pages import Bounds

BOUNDS = Bounds(
    max_pages=100,
    max_page_pixels=100_000_000,
    max_page_side=30_000,
    max_page_points=14_400,
    min_dpi=72,
)
LETTER = (612, 792)


def text_pdf(
    path: Path,
    pages: int = 1,
    size: tuple[float, float] = LETTER,
    encrypt: StandardEncryption | None = None,
) -> Path:
    """Pages of one line that says the page's number, above a grey block."""
    canvas = Canvas(str(path), pagesize=size, encrypt=encrypt)
    for number in range(1, pages + 1):
        canvas.drawString(72, 400, f"page {number}")
        canvas.setFillGray(0.5)
        canvas.rect(72, 72, 100, 100, stroke=0, fill=1)
        canvas.showPage()
    canvas.save()
    return path


def raw_pdf(objects: Sequence[bytes], header: bytes = b"%PDF-1.7\n") -> bytes:
    """A PDF of the given objects, numbered from 1; the first is the catalog."""
    body = bytearray(header)
    places = []
    for number, content in enumerate(objects, 1):
        places.append(len(body))
        body += b"%d 0 obj\n" % number + content + b"\nendobj\n"
    table = len(body)
    body += b"xref\n0 %d\n0000000000 65535 f \n" % (len(objects) + 1)
    for place in places:
        body += b"%010d 00000 n \n" % place
    body += b"trailer\n<</Size %d/Root 1 0 R>>\n" % (len(objects) + 1)
    return bytes(body + b"startxref\n%d\n%%%%EOF\n" % table)


def stream(content: bytes, entries: bytes = b"") -> bytes:
    return b"<<%b/Length %d>>\nstream\n%b\nendstream" % (entries, len(content), content)


def pdf_around(second_page: bytes, *objects: bytes) -> bytes:
    """Three pages; the first and third are good, the second has the given entries. `objects` are
    numbered from 7."""
    page = b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 200 200]%b>>"
    return raw_pdf(
        [
            b"<</Type/Catalog/Pages 2 0 R>>",
            b"<</Type/Pages/Count 3/Kids[3 0 R 4 0 R 5 0 R]>>",
            page % b"/Contents 6 0 R",
            page % second_page,
            page % b"/Contents 6 0 R",
            stream(b"0 0 100 100 re f"),
            *objects,
        ]
    )


def endless_pdf() -> bytes:
    """Its second page draws a form that draws a form ... ten times each, 12 deep."""
    forms = [
        stream(
            b"/F Do " * 10,
            b"/Type/XObject/Subtype/Form/BBox[0 0 200 200]/Resources<</XObject<</F %d 0 R>>>>"
            % (9 + depth),
        )
        for depth in range(12)
    ]
    last = stream(b"0 0 1 1 re f", b"/Type/XObject/Subtype/Form/BBox[0 0 200 200]")
    second = b"/Contents 7 0 R/Resources<</XObject<</F 8 0 R>>>>"
    return pdf_around(second, stream(b"/F Do"), *forms, last)


def inflating_pdf(inflated_bytes: int) -> bytes:
    """Its second page's drawing instructions inflate to that many bytes."""
    packer = zlib.compressobj(9)
    block = b"0 0 1 1 re f " * 80_000
    parts = [packer.compress(block) for _ in range(inflated_bytes // len(block))]
    packed = b"".join([*parts, packer.flush()])
    return pdf_around(b"/Contents 7 0 R", stream(packed, b"/Filter/FlateDecode"))


def png_header(width: int, height: int, pixels: bytes = b"") -> bytes:
    """A PNG that states a size, with any pixel data."""
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        for kind, data in ((b"IHDR", header), (b"IDAT", pixels), (b"IEND", b""))
    )


def png_bomb(side: int) -> bytes:
    """A PNG of side x side white pixels, in a thousandth of their bytes."""
    packer = zlib.compressobj(9)
    row = b"\0" + b"\xff" * (3 * side)
    pixels = b"".join([packer.compress(row) for _ in range(side)] + [packer.flush()])
    return png_header(side, side, pixels)


def photo(width: int = 96, height: int = 64) -> Image.Image:
    """Colours that differ at every corner."""
    across = np.linspace(0, 255, width, dtype=np.uint8)
    down = np.linspace(0, 255, height, dtype=np.uint8)
    red, green = np.meshgrid(across, down)
    return Image.fromarray(np.dstack([red, green, np.full_like(red, 40)]))


def noise(width: int = 200, height: int = 300) -> Image.Image:
    """A grey page that compresses badly."""
    samples = np.random.default_rng(0).integers(0, 255, (height, width), dtype=np.uint8)
    return Image.fromarray(samples)


def encoded(image: Image.Image, kind: str, **options: object) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def tiff(*pages: Image.Image, **options: object) -> bytes:
    first, *others = pages
    return encoded(first, "TIFF", save_all=True, append_images=others, **options)
