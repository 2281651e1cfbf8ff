"""hOCR 1.2: the upright page's lines and words with their boxes, as XHTML.

Source of the format: hOCR - OCR Workflow and Output embedded in HTML, version 1.2
(http://kba.github.io/hocr-spec/1.2/).
"""

from collections.abc import Iterator
from typing import BinaryIO

from pagemesh.exports.characters import xml_attribute, xml_text
from pagemesh.exports.result import Analysis, note_on, outcome_of, words_of
from pagemesh.exports.upright import Box, UprightPage, around
from pagemesh.ocr.v1.ocr_service_pb2 import TextLine
from pagemesh.orchestrator.v1 import document_pb2 as documents

TURNED_FROM_DEGREES = 2.0
"""Text turned less than this against its page is described by its base line's slope alone."""

HEAD = """<?xml version="1.0" encoding="UTF-8"?>
<!DOCTYPE html>
<html xmlns="http://www.w3.org/1999/xhtml">
<head>
<meta charset="utf-8"/>
<title>{title}</title>
<meta name="ocr-system" content="pagemesh"/>
<meta name="ocr-capabilities" content="ocr_page ocr_carea ocr_line ocrx_word ocrp_wconf"/>
<meta name="ocr-number-of-pages" content="{pages}"/>
</head>
<body>
"""


def write_hocr(analysis: Analysis, out: BinaryIO) -> None:
    """Write one `ocr_page` a page; coordinates are pixels of the page set upright.

    A page that is not ok carries `data-pagemesh-outcome` and `data-pagemesh-reason`.
    """
    source = analysis.document.source
    total = analysis.document.pages.total
    out.write(HEAD.format(title=xml_text(source or "Document"), pages=total).encode())
    for page in analysis.pages:
        out.write("".join(_page(page, source)).encode())
    out.write(b"</body>\n</html>\n")


def _page(page: documents.PageResult, source: str) -> Iterator[str]:
    upright = UprightPage.of(page)
    number = page.page_number
    properties = [
        f"image {_quoted(source)}",
        f"bbox 0 0 {upright.width} {upright.height}",
        f"ppageno {number - 1}",
    ]
    if page.dpi:
        properties.append(f"scan_res {page.dpi:.0f} {page.dpi:.0f}")
    note = note_on(page)
    outcome = f" data-pagemesh-outcome={xml_attribute(outcome_of(page))}"
    reason = f" data-pagemesh-reason={xml_attribute(note)}" if note else ""
    title = xml_attribute("; ".join(properties))
    yield f'<div class="ocr_page" id="page_{number}" title={title}{outcome}{reason}>\n'
    if page.ocr.lines:
        boxes = [upright.box(line.quad) for line in page.ocr.lines]
        yield f'<div class="ocr_carea" id="block_{number}_1" title="{_bbox(around(boxes))}">\n'
        for index, line in enumerate(page.ocr.lines, 1):
            yield from _line(upright, line, f"{number}_{index}")
        yield "</div>\n"
    yield "</div>\n"


def _line(upright: UprightPage, line: TextLine, name: str) -> Iterator[str]:
    box = upright.box(line.quad)
    properties = [_bbox(box), *_slant(upright, line, box), f"x_wconf {_percent(line.confidence)}"]
    yield f'<span class="ocr_line" id="line_{name}" title="{"; ".join(properties)}">'
    yield " ".join(
        f'<span class="ocrx_word" id="word_{name}_{index}" '
        f'title="{_bbox(upright.box(word.quad))}; x_wconf {_percent(word.confidence)}">'
        f"{xml_text(word.text)}</span>"
        for index, word in enumerate(words_of(line), 1)
    )
    yield "</span>\n"


def _slant(upright: UprightPage, line: TextLine, box: Box) -> list[str]:
    """`textangle` of turned text, else `baseline`: slope, and offset from the box's bottom left."""
    angle = upright.angle(line.quad)
    if abs(angle) >= TURNED_FROM_DEGREES:
        return [f"textangle {angle:.1f}"]
    _, _, right, left = upright.corners(line.quad)
    run = right[0] - left[0]
    slope = (right[1] - left[1]) / run if run else 0.0
    offset = left[1] + slope * (box.left - left[0]) - box.bottom
    return [f"baseline {slope:.4f} {offset:.1f}"]


def _bbox(box: Box) -> str:
    return f"bbox {box.left} {box.top} {box.right} {box.bottom}"


def _percent(confidence: float) -> int:
    return round(100 * min(max(confidence, 0.0), 1.0))


def _quoted(text: str) -> str:
    """A string inside an hOCR title: quotes and backslashes escaped, as its grammar asks."""
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'
