"""Pages that every server is asked to read, and ways to send them."""

import hashlib
import struct
import zlib
from pathlib import Path
from typing import Any

import numpy as np

from meshkit.model import Image
from meshkit.testing import draw_page, encode
from pagemesh.common.v1 import page_pb2

PAGE: Image = draw_page(["Application form", "Name: Ada Lovelace", "I agree to the terms"])
OTHER: Image = draw_page(["Invoice 2024-17", "Total 12.50"], width=600, height=800)
BLANK: Image = np.full((800, 600), 255, np.uint8)


def png(page_id: str, image: Image = PAGE, **fields: Any) -> dict[str, Any]:
    return {"page_id": page_id, "encoded": {"data": encode(image)}, **fields}


def raw(page_id: str, image: Image = PAGE, **fields: Any) -> dict[str, Any]:
    return {"page_id": page_id, "raw": {"data": image.tobytes(), **layout(image)}, **fields}


def referenced(page_id: str, path: Path, image: Image = PAGE, *, bare: bool) -> dict[str, Any]:
    """Writes the page to `path` and refers to it."""
    data = image.tobytes() if bare else encode(image)
    path.write_bytes(data)
    reference: dict[str, Any] = {
        "uri": path.as_uri(),
        "sha256": hashlib.sha256(data).hexdigest(),
        "size_bytes": len(data),
    }
    if bare:
        reference["raw_layout"] = layout(image)
    return {"page_id": page_id, "reference": reference}


def layout(image: Image) -> dict[str, Any]:
    colour = image.ndim == 3
    pixel_format = page_pb2.PIXEL_FORMAT_BGR24 if colour else page_pb2.PIXEL_FORMAT_GRAY8
    return {"width": image.shape[1], "height": image.shape[0], "format": pixel_format}


def as_bgr(image: Image) -> Image:
    return np.ascontiguousarray(np.repeat(image[:, :, np.newaxis], 3, axis=2))


def bomb(side: int) -> bytes:
    """A PNG that says it has `side` x `side` pixels."""

    def chunk(kind: bytes, body: bytes) -> bytes:
        crc = zlib.crc32(kind + body)
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", crc)

    header = struct.pack(">IIBBBBB", side, side, 8, 0, 0, 0, 0)
    rows = zlib.compress(b"\0" * 1_000_000)
    return (
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", rows) + chunk(b"IEND", b"")
    )


def _encoded(data: bytes) -> dict[str, Any]:
    return {"page_id": "bad", "encoded": {"data": data}}


def _transformed(matrix: list[float], width: int = 850, height: int = 1100) -> dict[str, Any]:
    transform = {"matrix": matrix, "width": width, "height": height}
    return png("bad", upright_transform=transform)


BAD_PAGES: dict[str, dict[str, Any]] = {
    "no page_id": png(""),
    "no content": {"page_id": "bad"},
    "empty bytes": _encoded(b""),
    "text": _encoded(b"this is text, called page.png"),
    "truncated png": _encoded(encode(PAGE)[:2000]),
    "truncated jpeg": _encoded(encode(PAGE, ".jpg")[:2000]),
    "truncated tiff": _encoded(encode(PAGE, ".tiff")[:2000]),
    "bomb header": _encoded(bomb(50_000)),
    "20,000 x 20,000 px": _encoded(bomb(20_000)),
    "wrong raw length": {"page_id": "bad", "raw": {"data": b"\0" * 99, **layout(PAGE)}},
    "raw without format": {"page_id": "bad", "raw": {"data": b"\0", "width": 1, "height": 1}},
    "nan in the transform": _transformed([1, 0, 0, 0, float("nan"), 0, 0, 0, 1]),
    "singular transform": _transformed([0.0] * 9),
    "short transform": _transformed([1, 0, 0]),
    "huge upright page": _transformed([1, 0, 0, 0, 1, 0, 0, 0, 1], 60_000, 60_000),
    "nan as dpi": png("bad", dpi=float("nan")),
}
"""None of these is a page; each must be refused by name, as INVALID_ARGUMENT."""

ODD_PAGES: dict[str, dict[str, Any]] = {
    "1 x 1 px": png("odd", np.full((1, 1), 255, np.uint8)),
    "1 x 1 px, black, raw": raw("odd", np.zeros((1, 1, 3), np.uint8)),
    "one row": png("odd", np.full((1, 500), 128, np.uint8)),
    "one column": png("odd", np.full((500, 1), 128, np.uint8)),
    "blank": png("odd", BLANK),
    "black": png("odd", np.zeros_like(BLANK)),
    "noise": png("odd", np.random.default_rng(1).integers(0, 256, (400, 300)).astype(np.uint8)),
    "wide strip": png("odd", np.full((30, 3000), 255, np.uint8)),
}
"""Pages without anything to read: answered, or refused as an invalid page."""
