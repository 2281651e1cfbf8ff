"""The page as sent with everything found drawn on it, under a strip that explains the colours."""

import itertools
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image as Pillow
from PIL import ImageDraw, ImageFont

from meshkit.errors import InvalidInput
from meshkit.geometry import Points
from meshkit.model import Image
from pagemesh.common.v1.geometry_pb2 import Quad
from pagemesh.exports.characters import printable
from pagemesh.exports.result import note_on
from pagemesh.exports.upright import corners_as_sent
from pagemesh.orchestrator.v1 import document_pb2 as documents

Colour = tuple[int, int, int]
"""Red, green, blue in [0, 255]."""

# Okabe and Ito's palette: told apart by people with any common colour blindness.
SKY: Colour = (86, 180, 233)
BLUE: Colour = (0, 114, 178)
GREEN: Colour = (0, 158, 115)
ORANGE: Colour = (230, 159, 0)
VERMILION: Colour = (213, 94, 0)
PURPLE: Colour = (170, 68, 136)
INK: Colour = (40, 44, 52)
PAPER: Colour = (250, 250, 248)

UNSURE_BELOW = 0.6
"""Words less sure than this are shown as unsure."""

SUBPIXEL_BITS = 4


@dataclass(frozen=True, slots=True)
class _Mark:
    """One kind of thing on a page.

    Attributes:
        name: in the legend.
        colour: of its outline and filling.
        stroke: thickness of the outline, in units of the page's own stroke.
        filling: opacity in [0, 1].
        quads: where the things are, on the page as sent.
    """

    name: str
    colour: Colour
    stroke: float
    filling: float
    quads: list[Quad]


def overlay_png(page: documents.PageResult, image: Image | None, source: str = "") -> bytes:
    """A PNG file: the page, its words, fields, boxes and signatures in colours, and a legend.

    Args:
        page: the result; its geometry is drawn as it is, in pixels of the page as sent.
        image: the page as sent; None draws an empty sheet with the page's reason.
        source: the document's name, for the legend.
    """
    picture = _picture(page, image)
    marks = [mark for mark in _marks(page) if mark.quads]
    unit = max(1.0, max(picture.shape[:2]) / 1600)
    for mark in marks:
        picture = _draw(picture, mark, unit)
    _connect_fields(picture, page, unit)
    strip = _legend(page, marks, picture.shape[1], source)
    encoded, png = cv2.imencode(
        ".png", cv2.cvtColor(np.vstack([strip, picture]), cv2.COLOR_RGB2BGR)
    )
    if not encoded:
        raise InvalidInput(f"page {page.page_number}: its overlay does not fit a PNG file")
    return png.tobytes()


def _marks(page: documents.PageResult) -> Iterator[_Mark]:
    words = [word for line in page.ocr.lines for word in line.words]
    boxes = page.checkbox.checkboxes
    texts = [field for field in page.fields if field.kind == documents.FIELD_KIND_TEXT]
    sure = [word.quad for word in words if word.confidence >= UNSURE_BELOW]
    unsure = [word.quad for word in words if word.confidence < UNSURE_BELOW]
    yield _Mark("word", SKY, 1, 0.10, sure)
    yield _Mark("unsure word", VERMILION, 1, 0.12, unsure)
    yield _Mark("field value", BLUE, 2, 0.14, [f.quad for f in texts if f.HasField("quad")])
    yield _Mark("ticked", GREEN, 4, 0.25, [box.quad for box in boxes if box.checked])
    yield _Mark("not ticked", ORANGE, 3, 0.0, [box.quad for box in boxes if not box.checked])
    places = [field.quad for field in page.fields if is_empty_place(field)]
    yield _Mark("place to sign, empty", PURPLE, 2, 0.0, places)
    yield _Mark("signature", PURPLE, 4, 0.12, [s.quad for s in page.signature.signatures])


def is_empty_place(field: documents.Field) -> bool:
    """Whether somebody is to sign here, and nobody has."""
    is_place = field.kind == documents.FIELD_KIND_SIGNATURE and field.HasField("quad")
    return is_place and field.value != "true"


def _picture(page: documents.PageResult, image: Image | None) -> Image:
    """The page in RGB, a little paler than it is, so that the colours stand out."""
    if image is None:
        shape = (page.height or 1414, page.width or 1000, 3)
        return np.full(shape, 255, dtype=np.uint8)
    code = cv2.COLOR_GRAY2RGB if image.ndim == 2 else cv2.COLOR_BGR2RGB
    pale = cv2.convertScaleAbs(cv2.cvtColor(image, code), alpha=0.75, beta=255 * 0.25)
    return np.asarray(pale, dtype=np.uint8)


def _draw(picture: Image, mark: _Mark, unit: float) -> Image:
    outlines = [_fixed_point(quad) for quad in mark.quads]
    if mark.filling:
        filled = picture.copy()
        for outline in outlines:
            cv2.fillConvexPoly(filled, outline, mark.colour, cv2.LINE_AA, SUBPIXEL_BITS)
        blended = cv2.addWeighted(filled, mark.filling, picture, 1 - mark.filling, 0)
        picture = np.asarray(blended, dtype=np.uint8)
    thickness = max(1, round(mark.stroke * unit / 1.5))
    cv2.polylines(picture, outlines, True, mark.colour, thickness, cv2.LINE_AA, SUBPIXEL_BITS)
    return picture


def _connect_fields(picture: Image, page: documents.PageResult, unit: float) -> None:
    """Lines from each field's label to its value or box, and from its question to its label."""
    for field in page.fields:
        chain = [
            quad
            for name, quad in (
                ("group_quad", field.group_quad),
                ("label_quad", field.label_quad),
                ("quad", field.quad),
            )
            if field.HasField(name)  # type: ignore[arg-type]
        ]
        for start, end in itertools.pairwise(chain):
            _connect(picture, start, end, unit)


def _connect(picture: Image, one: Quad, other: Quad, unit: float) -> None:
    """A line between both where their edges are nearest."""
    ends = np.array(_nearest(_edge_middles(one), _edge_middles(other)))
    start, end = np.round(ends * 2**SUBPIXEL_BITS).astype(int).tolist()
    cv2.line(picture, start, end, BLUE, max(1, round(unit)), cv2.LINE_AA, SUBPIXEL_BITS)


def _edge_middles(quad: Quad) -> Points:
    corners = corners_as_sent(quad)
    return np.asarray((corners + np.roll(corners, -1, axis=0)) / 2, dtype=np.float64)


def _nearest(some: Points, others: Points) -> tuple[Points, Points]:
    """The one of `some` and the one of `others` that lie nearest to each other."""
    distances = np.linalg.norm(some[:, None] - others[None], axis=2)
    first, second = np.unravel_index(int(distances.argmin()), distances.shape)
    return some[first], others[second]


def _fixed_point(quad: Quad) -> NDArray[np.int32]:
    points = np.round(corners_as_sent(quad) * 2**SUBPIXEL_BITS)
    return np.asarray(np.clip(points, -(2**24), 2**24), dtype=np.int32)


def _legend(page: documents.PageResult, marks: Iterable[_Mark], width: int, source: str) -> Image:
    """A strip as wide as the page: its title, a swatch and a count for each kind, its reason."""
    size = max(13, width // 64)
    font, bold = ImageFont.load_default(size), ImageFont.load_default(round(size * 1.25))
    rows = _rows(marks, font, width, size)
    note = note_on(page)
    height = round(size * (2.6 + 1.9 * len(rows) + (1.9 if note else 0.4)))
    strip = Pillow.new("RGB", (width, height), PAPER)
    pen = ImageDraw.Draw(strip)
    pen.text((size, round(size * 0.7)), _title(page, source), INK, bold)
    y = round(size * 2.7)
    for row in rows:
        for x, mark in row:
            pen.rectangle((x, y, x + size, y + size), _tint(mark), mark.colour, max(1, size // 8))
            pen.text((x + round(size * 1.4), y - size // 12), _label(mark), INK, font)
        y += round(size * 1.9)
    if note:
        pen.text((size, y), _fitting(note, font, width - 2 * size), VERMILION, font)
    pen.line((0, height - 1, width, height - 1), (200, 200, 200), 2)
    return np.asarray(strip, dtype=np.uint8)


def _rows(
    marks: Iterable[_Mark],
    font: ImageFont.FreeTypeFont | ImageFont.ImageFont,
    width: int,
    size: int,
) -> list[list[tuple[int, _Mark]]]:
    """Swatches with their places from the left, broken into rows that fit the width."""
    rows: list[list[tuple[int, _Mark]]] = []
    x = width
    for mark in marks:
        needed = round(font.getlength(_label(mark)) + size * 3.2)
        if not rows or x + needed > width:
            rows.append([])
            x = size
        rows[-1].append((x, mark))
        x += needed
    return rows


def _title(page: documents.PageResult, source: str) -> str:
    parts = [source, f"page {page.page_number}"]
    if page.HasField("classify"):
        parts.append(f"{page.classify.label} {page.classify.score:.2f}")
    return printable("  ·  ".join(part for part in parts if part))


def _label(mark: _Mark) -> str:
    return f"{mark.name} {len(mark.quads)}"


def _tint(mark: _Mark) -> Colour:
    red, green, blue = (
        round(255 - (255 - channel) * min(1.0, mark.filling * 2)) for channel in mark.colour
    )
    return red, green, blue


def _fitting(text: str, font: ImageFont.FreeTypeFont | ImageFont.ImageFont, width: int) -> str:
    """The text, ended by an ellipsis where it is wider than the strip; the result has it whole."""
    text = printable(text)
    if font.getlength(text) <= width:
        return text
    while text and font.getlength(f"{text}…") > width:
        text = text[:-1]
    return f"{text}…"
