"""ALTO 4.3: the upright page's text, boxes and signatures, as XML.

Source of the format: ALTO XML schema 4.3, Library of Congress
(https://www.loc.gov/standards/alto/v4/alto-4-3.xsd).
"""

from collections.abc import Iterator, Mapping
from typing import BinaryIO

from pagemesh.common.v1.geometry_pb2 import Quad
from pagemesh.exports.characters import xml_attribute, xml_text
from pagemesh.exports.result import Analysis, note_on, words_of
from pagemesh.exports.upright import Box, UprightPage, around
from pagemesh.ocr.v1.ocr_service_pb2 import TextLine
from pagemesh.orchestrator.v1 import document_pb2 as documents

TURNED_FROM_DEGREES = 2.0
"""Text turned at least this much against its page also gets the outline of its quad."""

HEAD = """<?xml version="1.0" encoding="UTF-8"?>
<alto xmlns="http://www.loc.gov/standards/alto/ns-v4#" \
xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" \
xsi:schemaLocation="http://www.loc.gov/standards/alto/ns-v4# \
http://www.loc.gov/standards/alto/v4/alto-4-3.xsd" SCHEMAVERSION="4.3">
<Description>
<MeasurementUnit>pixel</MeasurementUnit>
<sourceImageInformation><fileName>{source}</fileName></sourceImageInformation>
<Processing ID="pipeline"><processingCategory>contentGeneration</processingCategory>\
<processingStepDescription>{pipeline}</processingStepDescription>\
<processingSoftware><softwareName>pagemesh</softwareName></processingSoftware></Processing>
</Description>
<Tags>
<OtherTag ID="checked" TYPE="checkbox" LABEL="checked"/>
<OtherTag ID="unchecked" TYPE="checkbox" LABEL="unchecked"/>
<OtherTag ID="signature" TYPE="signature" LABEL="signature"/>
</Tags>
<Layout>
"""


def write_alto(analysis: Analysis, out: BinaryIO) -> None:
    """Write one `Page` a page; coordinates are pixels of the page set upright.

    Checkboxes and signatures are graphical elements with a tag. A page that is not ok says why in
    `QUALITY_DETAIL`.
    """
    document = analysis.document
    pipeline = f"{document.pipeline.name} {document.pipeline.version}".strip()
    head = HEAD.format(source=xml_text(document.source), pipeline=xml_text(pipeline))
    out.write(head.encode())
    for page in analysis.pages:
        out.write("".join(_page(page)).encode())
    out.write(b"</Layout>\n</alto>\n")


def _page(page: documents.PageResult) -> Iterator[str]:
    upright = UprightPage.of(page)
    number = page.page_number
    attributes: dict[str, object] = {"ID": f"page_{number}", "PHYSICAL_IMG_NR": number}
    note = note_on(page)
    if page.HasField("classify"):
        attributes["PAGECLASS"] = page.classify.label
    attributes |= {"WIDTH": upright.width, "HEIGHT": upright.height, "PROCESSINGREFS": "pipeline"}
    if note:
        attributes["QUALITY_DETAIL"] = note
    yield f"<Page{_attributes(attributes)}>\n"
    yield f"<PrintSpace{_place(Box(0, 0, upright.width, upright.height))}>\n"
    yield from _text_block(upright, page)
    yield from _elements(upright, page)
    yield "</PrintSpace>\n</Page>\n"


def _text_block(upright: UprightPage, page: documents.PageResult) -> Iterator[str]:
    if not page.ocr.lines:
        return
    boxes = [upright.box(line.quad) for line in page.ocr.lines]
    yield f'<TextBlock ID="block_{page.page_number}_1"{_place(around(boxes))}>\n'
    for index, line in enumerate(page.ocr.lines, 1):
        yield from _line(upright, line, f"{page.page_number}_{index}")
    yield "</TextBlock>\n"


def _line(upright: UprightPage, line: TextLine, name: str) -> Iterator[str]:
    yield f'<TextLine ID="line_{name}"{_place(upright.box(line.quad))}>'
    yield _outline(upright, line.quad)
    for index, word in enumerate(words_of(line), 1):
        confidence = f"{min(max(word.confidence, 0.0), 1.0):.4f}"
        content = {"CONTENT": word.text, "WC": confidence}
        place = _place(upright.box(word.quad))
        space = "<SP/>" if index > 1 else ""
        yield f'{space}<String ID="word_{name}_{index}"{place}{_attributes(content)}>'
        yield f"{_outline(upright, word.quad)}</String>"
    yield "</TextLine>\n"


def _elements(upright: UprightPage, page: documents.PageResult) -> Iterator[str]:
    for index, box in enumerate(page.checkbox.checkboxes, 1):
        tag = "checked" if box.checked else "unchecked"
        name = f"checkbox_{page.page_number}_{index}"
        place = _place(upright.box(box.quad))
        yield f'<GraphicalElement ID="{name}" TAGREFS="{tag}"{place}/>\n'
    for index, signature in enumerate(page.signature.signatures, 1):
        name = f"signature_{page.page_number}_{index}"
        place = _place(upright.box(signature.quad))
        yield f'<GraphicalElement ID="{name}" TAGREFS="signature"{place}/>\n'


def _outline(upright: UprightPage, quad: Quad) -> str:
    if abs(upright.angle(quad)) < TURNED_FROM_DEGREES:
        return ""
    points = " ".join(f"{x:.1f},{y:.1f}" for x, y in upright.corners(quad))
    return f'<Shape><Polygon POINTS="{points}"/></Shape>'


def _place(box: Box) -> str:
    return f' HPOS="{box.left}" VPOS="{box.top}" WIDTH="{box.width}" HEIGHT="{box.height}"'


def _attributes(values: Mapping[str, object]) -> str:
    return "".join(f" {name}={xml_attribute(value)}" for name, value in values.items())
