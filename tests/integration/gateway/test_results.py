"""Results in every format, and pictures of pages."""

import asyncio
import io

import numpy as np
import pypdfium2
from google.protobuf.message import Message
from PIL import Image

from orchestrator.testing import RunningOrchestrator, tiff
from tests.integration.gateway.conftest import RunningGateway

KINDS = {
    "json": ("application/json", b'"document"'),
    "text": ("text/plain", b"Name: Ann"),
    "markdown": ("text/markdown", b"Ann"),
    "hocr": ("text/html", b"ocrx_word"),
    "alto": ("application/xml", b"<alto"),
    "pdf": ("application/pdf", b"%PDF-"),
}


async def test_every_format_by_name_and_by_accept(gateway: RunningGateway) -> None:
    await gateway.send(tiff(2), request_id="formats", pipeline="forms")
    await gateway.final("formats")
    url = "/v1/documents/formats/result"
    for name, (media_type, mark) in KINDS.items():
        named = await gateway.http.get(url, params={"format": name})
        accepted = await gateway.http.get(url, headers={"Accept": media_type})
        assert named.status_code == 200, named.text
        assert named.headers["content-type"].partition(";")[0] == media_type
        assert mark in named.content
        assert accepted.content == named.content
    pdf = await gateway.http.get(url, params={"format": "pdf"})
    read = pypdfium2.PdfDocument(pdf.content)
    assert len(read) == 2
    assert "Ann" in read[0].get_textpage().get_text_range()
    read.close()

    plain = await gateway.http.get(url)
    assert plain.headers["content-type"] == "application/json"
    refused = await gateway.http.get(url, headers={"Accept": "image/png"})
    assert (refused.status_code, refused.json()["reason"]) == (406, "NOT_ACCEPTABLE")
    unknown = await gateway.http.get(url, params={"format": "docx"})
    assert unknown.status_code == 422


async def test_a_result_before_its_time_is_refused(
    gateway: RunningGateway, orchestrator: RunningOrchestrator
) -> None:
    orchestrator.mesh["ocr"].answer = never
    await gateway.send(tiff(1), request_id="slow", pipeline="text")
    early = await gateway.http.get("/v1/documents/slow/result")
    assert (early.status_code, early.json()["reason"]) == (409, "RESULT_NOT_READY")
    assert int(early.headers["retry-after"]) >= 1
    page = await gateway.http.get("/v1/documents/slow/pages/1")
    assert (page.status_code, page.json()["reason"]) == (404, "PAGE_NOT_FOUND")
    cancelled = await gateway.http.delete("/v1/documents/slow")
    assert cancelled.status_code in {200, 202}
    found = await gateway.final("slow")
    assert found["status"] == "cancelled"
    again = await gateway.http.delete("/v1/documents/slow")
    assert (again.status_code, again.json()["status"]) == (200, "cancelled")


async def test_a_page_is_shown_as_it_was_sent(gateway: RunningGateway) -> None:
    content = tiff(2, width=120, height=90)
    await gateway.send(content, request_id="shown", pipeline="forms")
    await gateway.final("shown")
    for number in (1, 2, 2):
        answer = await gateway.http.get(f"/v1/documents/shown/pages/{number}/image")
        assert answer.headers["content-type"] == "image/png"
        shown = np.asarray(Image.open(io.BytesIO(answer.content)).convert("L"))
        sent = Image.open(io.BytesIO(content))
        sent.seek(number - 1)
        assert np.array_equal(shown, np.asarray(sent))
    overlay = await gateway.http.get("/v1/documents/shown/pages/1/overlay.png")
    drawn = Image.open(io.BytesIO(overlay.content))
    assert drawn.size[0] >= 120
    assert len(drawn.convert("RGB").getcolors(1 << 24) or ()) > 5
    missing = await gateway.http.get("/v1/documents/shown/pages/3/image")
    assert (missing.status_code, missing.json()["reason"]) == (404, "PAGE_NOT_FOUND")


async def test_a_page_is_shown_small(gateway: RunningGateway) -> None:
    await gateway.send(tiff(1, width=120, height=90), request_id="small", pipeline="text")
    await gateway.final("small")
    url = "/v1/documents/small/pages/1/image"
    for width, size in ((40, (40, 30)), (40, (40, 30)), (300, (120, 90))):
        answer = await gateway.http.get(url, params={"width": width})
        assert answer.headers["content-type"] == "image/png"
        assert Image.open(io.BytesIO(answer.content)).size == size
    for wrong in ("15", "2001", "wide"):
        refused = await gateway.http.get(url, params={"width": wrong})
        assert refused.status_code == 422


async def test_a_picture_of_a_document_that_is_gone(gateway: RunningGateway) -> None:
    await gateway.send(tiff(1), request_id="gone", pipeline="text")
    await gateway.final("gone")
    for upload in gateway.app.state.config.uploads_dir.iterdir():
        upload.unlink()
    answer = await gateway.http.get("/v1/documents/gone/pages/1/image")
    assert (answer.status_code, answer.json()["reason"]) == (404, "IMAGE_NOT_FOUND")


async def never(_request: object, _model: object) -> Message:
    """An answer that does not come."""
    await asyncio.sleep(3600)
    raise AssertionError
