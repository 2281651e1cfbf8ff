"""JSON, plain text, Markdown, hOCR and ALTO of hand-built results."""

import io
import json
from collections.abc import Iterator
from pathlib import Path
from xml.etree import ElementTree

import pytest
import xmlschema
from google.protobuf import json_format
from hypothesis import given
from hypothesis import strategies as st

from pagemesh.common.v1.geometry_pb2 import Quad
from pagemesh.exports import FORMATS, Analysis
from pagemesh.orchestrator.v1 import document_pb2 as documents
from pagemesh.orchestrator.v1.orchestrator_service_pb2 import GetDocumentResponse
from tests.unit.pagemesh import results

SCHEMAS = Path(__file__).parent / "schemas"
XLINK = "http://www.loc.gov/standards/xlink/xlink.xsd"
XHTML = "{http://www.w3.org/1999/xhtml}"
ALTO = "{http://www.loc.gov/standards/alto/ns-v4#}"


@pytest.fixture(scope="module")
def alto_schema() -> xmlschema.XMLSchema:
    nearby = {XLINK: (SCHEMAS / "xlink.xsd").as_uri()}
    return xmlschema.XMLSchema(
        str(SCHEMAS / "alto-4-3.xsd"),
        allow="local",
        uri_mapper=lambda uri: nearby.get(uri, uri),
    )


@pytest.fixture
def pages() -> list[documents.PageResult]:
    return [
        results.page_result(1),
        results.page_result(2, degrees=180),
        results.page_result(3, degrees=6.5),
        results.unread_page(4, documents.PAGE_OUTCOME_SKIPPED, "class letter at 0.91, not a form"),
        results.unread_page(5, documents.PAGE_OUTCOME_FAILED, "ocr: the model is down"),
        results.page_result(6, lines=()),
    ]


def write(name: str, pages: list[documents.PageResult]) -> str:
    out = io.BytesIO()
    FORMATS[name].write(Analysis(results.document(*pages), iter(pages)), out)
    return out.getvalue().decode()


def test_json_is_the_protobuf_json_of_the_whole(pages: list[documents.PageResult]) -> None:
    text = write("json", pages)
    expected = GetDocumentResponse(document=results.document(*pages), pages=pages)
    assert json_format.Parse(text, GetDocumentResponse()) == expected
    plain = json_format.MessageToDict(expected, always_print_fields_with_no_presence=True)
    plain.pop("nextPageToken")
    assert json.loads(text) == plain


def test_json_says_that_a_box_is_empty(pages: list[documents.PageResult]) -> None:
    boxes = json.loads(write("json", pages))["pages"][0]["checkbox"]["checkboxes"]
    assert [box["checked"] for box in boxes] == [True, False]


def test_json_without_pages() -> None:
    assert json.loads(write("json", []))["pages"] == []


def test_text_keeps_every_page_and_its_reason(pages: list[documents.PageResult]) -> None:
    sheets = write("text", pages).split("\f")
    assert len(sheets) == len(pages)
    assert sheets[0].splitlines() == [text for text, _, _ in results.LINES]
    assert sheets[3] == "[page 4 skipped: class letter at 0.91, not a form]\n"
    assert sheets[4] == "[page 5 failed: ocr: the model is down]\n"
    assert sheets[5] == ""


def test_markdown_has_fields_boxes_signature_and_reasons(pages: list[documents.PageResult]) -> None:
    text = write("markdown", pages)
    assert "| Name | Zoë | 0.80 |" in text
    assert "- Do you agree?\n  - [x] I agree" in text
    assert "1 of 2 ticked." in text
    assert "Signed (0.88).\n\n- Guardian's signature: empty (0.70)" in text
    assert "> **page 4 skipped: class letter at 0.91, not a form**" in text
    assert "6 pages: 4 ok, 1 failed, 1 skipped." in text


def test_markdown_shows_characters_as_they_are() -> None:
    page = results.page_result(lines=[("1. *not* a [link] | <b> #1 ~a~", 10, 10)])
    assert r"1\. \*not\* a \[link\] \| \<b\> \#1 \~a\~" in write("markdown", [page])


def hocr_titles(text: str, kind: str) -> Iterator[dict[str, str]]:
    for element in ElementTree.fromstring(text).iter():  # noqa: S314 - made by us just now
        if element.get("class") == kind:
            found = {"text": "".join(element.itertext())}
            for pair in element.get("title", "").split("; "):
                name, found[name] = pair.split(" ", 1)
            yield found


def test_hocr_places_words_on_the_upright_page(pages: list[documents.PageResult]) -> None:
    text = write("hocr", pages[:3])
    words = list(hocr_titles(text, "ocrx_word"))
    assert len(words) == 3 * 13
    for page in range(3):
        word = words[13 * page]
        assert word["text"] == "Application"
        assert word["x_wconf"] == "90"
        found = [int(number) for number in word["bbox"].split()]
        assert found == pytest.approx([80, 90, 234, 114], abs=1)
    assert [sheet["bbox"] for sheet in hocr_titles(text, "ocr_page")] == ["0 0 850 1100"] * 3


def test_hocr_keeps_every_page_and_its_reason(pages: list[documents.PageResult]) -> None:
    root = ElementTree.fromstring(write("hocr", pages))  # noqa: S314 - made by us just now
    sheets = [div for div in root.iter(f"{XHTML}div") if div.get("class") == "ocr_page"]
    outcomes = [sheet.get("data-pagemesh-outcome") for sheet in sheets]
    assert outcomes == ["ok", "ok", "ok", "skipped", "failed", "ok"]
    assert sheets[4].get("data-pagemesh-reason") == "page 5 failed: ocr: the model is down"
    assert [f"ppageno {n}" in (s.get("title") or "") for n, s in enumerate(sheets)] == [True] * 6


def test_hocr_says_how_text_is_turned() -> None:
    page = results.page_result()
    line = page.ocr.lines[0]
    box = results.quad(300, 300, 324, 500)
    bottom_to_top = Quad(
        top_left=box.bottom_left,
        top_right=box.top_left,
        bottom_right=box.top_right,
        bottom_left=box.bottom_right,
    )
    line.quad.CopyFrom(bottom_to_top)
    lines = list(hocr_titles(write("hocr", [page]), "ocr_line"))
    assert lines[0]["textangle"] == "90.0"
    assert lines[0]["bbox"] == "300 300 324 500"
    assert lines[1]["baseline"] == "0.0000 0.0"


def test_alto_is_valid(pages: list[documents.PageResult], alto_schema: xmlschema.XMLSchema) -> None:
    alto_schema.validate(write("alto", pages))


def test_the_schema_refuses_what_is_wrong(alto_schema: xmlschema.XMLSchema) -> None:
    text = write("alto", [results.page_result()])
    assert not alto_schema.is_valid(text.replace('WC="0.9000"', 'WC="1.9"'))
    assert not alto_schema.is_valid(text.replace("<SP/>", "<SPACE/>"))


def test_alto_has_words_boxes_signature_and_reasons(pages: list[documents.PageResult]) -> None:
    root = ElementTree.fromstring(write("alto", pages))  # noqa: S314 - made by us just now
    sheets = list(root.iter(f"{ALTO}Page"))
    assert [sheet.get("PHYSICAL_IMG_NR") for sheet in sheets] == list("123456")
    assert sheets[3].get("QUALITY_DETAIL") == "page 4 skipped: class letter at 0.91, not a form"
    words = [string.get("CONTENT") for string in sheets[1].iter(f"{ALTO}String")]
    assert words == " ".join(text for text, _, _ in results.LINES).split()
    tags = [element.get("TAGREFS") for element in sheets[2].iter(f"{ALTO}GraphicalElement")]
    assert tags == ["checked", "unchecked", "signature"]


anything = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)


@given(anything, anything, anything)
def test_any_text_makes_well_formed_files(source: str, word: str, reason: str) -> None:
    read = results.page_result(1)
    read.ocr.lines[0].text = read.ocr.lines[0].words[0].text = word
    read.classify.label = read.fields[0].name = word
    failed = results.unread_page(2, documents.PAGE_OUTCOME_FAILED, reason)
    analysis = Analysis(results.document(read, failed, source=source), [read, failed])
    for name in ("hocr", "alto"):
        out = io.BytesIO()
        FORMATS[name].write(analysis, out)
        ElementTree.fromstring(out.getvalue())  # noqa: S314 - made by us just now
    out = io.BytesIO()
    FORMATS["text"].write(analysis, out)
    assert out.getvalue().decode().count("\f") == 1
    out = io.BytesIO()
    FORMATS["json"].write(analysis, out)
    assert json.loads(out.getvalue())["pages"][0]["ocr"]["lines"][0]["text"] == word


@given(word=anything)
def test_any_text_makes_valid_alto(word: str, alto_schema: xmlschema.XMLSchema) -> None:
    page = results.page_result(lines=[(word or "x", 10, 10)])
    alto_schema.validate(write("alto", [page]))
