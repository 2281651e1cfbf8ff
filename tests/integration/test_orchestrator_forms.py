"""A page of a registered form through the pipeline `forms`, with models that play the blank."""

import io
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from google.protobuf.message import Message
from PIL import Image

from orchestrator.config import SHIPPED_FORMS
from orchestrator.forms.library import load_form
from orchestrator.testing import FakeModel, quad, running_orchestrator
from pagemesh.ocr.v1 import ocr_service_pb2 as ocr_pb
from pagemesh.orchestrator.v1 import document_pb2 as pb

DPI = 100
SCALE = DPI / 72
CONSENT = load_form(SHIPPED_FORMS / "irs_f15080_2021")


def scan() -> bytes:
    """The blank consent with a stroke where its date goes."""
    (blank,) = CONSENT.pages
    size = (round(blank.width * SCALE), round(blank.height * SCALE))
    picture = cv2.resize(blank.picture(), size, interpolation=cv2.INTER_AREA)
    date = CONSENT.definition.fields[1].rect
    assert date is not None
    left, right = round(date.left * SCALE) + 8, round(date.right * SCALE) - 60
    middle = round(date.centre[1] * SCALE)
    cv2.line(picture, (left, middle + 6), (right, middle - 6), 0, 4)
    file = io.BytesIO()
    Image.fromarray(np.asarray(picture, np.uint8)).save(file, "PNG", dpi=(DPI, DPI))
    return file.getvalue()


def reader(date: str, second: str) -> Any:
    """A model that reads the blank's words and a date, and another date on the second reading."""

    async def read(request: Any, _model: FakeModel) -> Message:
        result = ocr_pb.OcrResult()
        line = result.lines.add()
        if request.page.page_id.endswith("/fields"):
            place = quad(40, 40, 140, 70)
            line.words.add(text=second, confidence=0.9, quad=place)
            return result
        for word in CONSENT.pages[0].words:
            box = word.box
            sides = (box.left, box.top, box.right, box.bottom)
            place = quad(*(side * SCALE - 0.5 for side in sides))
            line.words.add(text=word.text, confidence=0.99, quad=place)
        zone = CONSENT.definition.fields[1].rect
        assert zone is not None
        x, y = zone.left * SCALE, zone.centre[1] * SCALE
        line.words.add(text=date, confidence=0.9, quad=quad(x + 8, y - 8, x + 90, y + 8))
        return result

    return read


async def analyze(tmp_path: Path, date: str, second: str = "", **spec: Any) -> pb.PageResult:
    async with running_orchestrator(tmp_path) as running:
        running.mesh["ocr"].answer = reader(date, second)
        found = await running.analyze(scan(), pipeline="forms", **spec)
    return found.pages[1]


async def test_named_values_come_from_the_definition(tmp_path: Path) -> None:
    page = await analyze(tmp_path, "02/11/2025")
    assert (page.form.name, page.form.version, page.form.blank_page) == (
        "irs_f15080_2021",
        "1.0.0",
        1,
    )
    assert page.form.digest == CONSENT.digest
    fields = {field.name: field for field in page.fields}
    date = fields["primary_consented_at"]
    assert (date.value, date.raw_text, date.type) == (
        "2025-02-11",
        "02/11/2025",
        pb.FIELD_TYPE_DATE,
    )
    assert fields["spouse_consented_at"].reason == pb.FIELD_REASON_EMPTY


async def test_a_doubtful_value_is_read_again(tmp_path: Path) -> None:
    page = await analyze(tmp_path, "o2/ll", "02/11/2025")
    date = next(field for field in page.fields if field.name == "primary_consented_at")
    assert date.value == "2025-02-11"


async def test_without_a_second_reading_the_doubt_is_told(tmp_path: Path) -> None:
    options = {"fields.second_reading": "false"}
    page = await analyze(tmp_path, "o2/ll", "02/11/2025", options=options)
    date = next(field for field in page.fields if field.name == "primary_consented_at")
    assert (date.value, date.reason) == ("", pb.FIELD_REASON_WRONG_TYPE)


async def test_a_page_of_no_form_is_read_by_layout(tmp_path: Path) -> None:
    async with running_orchestrator(tmp_path) as running:
        white = io.BytesIO()
        Image.new("L", (200, 280), 255).save(white, "PNG")
        found = await running.analyze(white.getvalue(), pipeline="forms")
    page = found.pages[1]
    assert not page.form.name
    assert page.form.reason
    assert (page.fields[0].name, page.fields[0].value) == ("Name", "Ann")
