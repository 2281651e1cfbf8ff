"""A page's result in the pixels and signs of the labels."""

import io

import numpy as np
import pytest
from PIL import Image

from eval.labelled import LETTER_ASPECT
from eval.lines import PARTS, page_line, unstretched
from meshkit.geometry import Points
from meshkit.serving import PageGeometry
from pagemesh.checkbox.v1.checkbox_service_pb2 import Checkbox, CheckboxResult
from pagemesh.classify.v1.classify_service_pb2 import ClassifyResult
from pagemesh.common.v1.geometry_pb2 import Quad
from pagemesh.deskew.v1.deskew_service_pb2 import DeskewResult, Orientation
from pagemesh.ocr.v1.ocr_service_pb2 import OcrResult, TextLine, Word
from pagemesh.orchestrator.v1.document_pb2 import PageResult
from pagemesh.signature.v1.signature_service_pb2 import Signature, SignatureResult
from servers.deskew.upright import upright_transform

WIDTH, HEIGHT = 60, 100
BOX: Points = np.array([[9.5, 19.5], [17.5, 19.5], [17.5, 24.5], [9.5, 24.5]])
"""Around the pixels of columns 10 to 17 and rows 20 to 24, clockwise from the top left."""


def turned_box(quarters: int) -> tuple[Quad, int, int]:
    """BOX on an upright page of 60 x 100 px, found on that page turned clockwise by quarters."""
    width, height = (WIDTH, HEIGHT) if quarters % 2 == 0 else (HEIGHT, WIDTH)
    transform = upright_transform(width, height, quarters, 0.0)
    assert (transform.width, transform.height) == (WIDTH, HEIGHT)
    return Quad(**PageGeometry(transform, width, height).quad(BOX)), width, height


@pytest.mark.parametrize("quarters", range(4))
def test_a_box_is_where_its_pixels_are_however_the_page_lies(quarters: int) -> None:
    image = np.zeros((HEIGHT, WIDTH), np.uint8)
    image[20:25, 10:18] = 1
    ys, xs = np.nonzero(np.rot90(image, -quarters))
    where = [xs.min(), ys.min(), xs.max() + 1 - xs.min(), ys.max() + 1 - ys.min()]
    quad, width, height = turned_box(quarters)
    page = PageResult(width=width, height=height)
    page.checkbox.checkboxes.append(Checkbox(quad=quad, checked=True, score=0.75))
    page.signature.signatures.append(Signature(quad=quad, score=0.06))
    line = page_line(page, PARTS, (width, height))
    assert line["checkboxes"] == [{"bbox": where, "checked": True, "score": 0.75}]
    assert line["signatures"] == [{"bbox": where, "score": 0.06}]


def test_a_word_begins_at_the_corner_where_a_person_begins_to_read() -> None:
    quad, width, height = turned_box(
        1
    )  # clockwise: the word's left end is up, its top at the right
    word = Word(text="Größe", quad=quad, confidence=0.9)
    page = PageResult(width=width, height=height, ocr=OcrResult(lines=[TextLine(words=[word])]))
    (said,) = page_line(page, PARTS, (width, height))["words"]
    assert said["text"] == "Größe"
    # On a page turned clockwise a word runs down, and its top is at the right.
    assert said["quad"] == [80, 10, 80, 18, 75, 18, 75, 10]


def test_a_page_that_was_resampled_is_told_in_the_pixels_of_its_file() -> None:
    quad, width, height = turned_box(0)
    page = PageResult(width=width, height=height, signature=SignatureResult())
    page.signature.signatures.append(Signature(quad=quad, score=1))
    line = page_line(page, PARTS, (width, height // 2))
    assert line["signatures"][0]["bbox"] == [10, 10, 8, 2.5]
    assert (line["width"], line["height"]) == (60, 50)


@pytest.mark.parametrize(
    ("orientation", "degrees"),
    [
        (Orientation.ORIENTATION_UP, 0),
        (Orientation.ORIENTATION_RIGHT, 90),
        (Orientation.ORIENTATION_DOWN, 180),
        (Orientation.ORIENTATION_LEFT, 270),
        (Orientation.ORIENTATION_UNSPECIFIED, None),
    ],
)
def test_turns_keep_their_sign(orientation: Orientation.ValueType, degrees: int | None) -> None:
    deskew = DeskewResult(skew_degrees=-1.25, orientation=orientation)
    line = page_line(PageResult(width=2, height=2, deskew=deskew), PARTS, (2, 2))
    assert (line["skew_degrees"], line["orientation"]) == (-1.25, degrees)


def test_what_no_step_told_is_left_out_and_what_was_not_found_is_an_empty_list() -> None:
    page = PageResult(width=2, height=2, checkbox=CheckboxResult())
    assert page_line(page, PARTS, (2, 2)) == {"width": 2, "height": 2, "checkboxes": []}
    page.classify.CopyFrom(ClassifyResult(label="letter"))
    assert page_line(page, ["doc_class"], (2, 2)) == {
        "width": 2,
        "height": 2,
        "doc_class": "letter",
        "doc_family": None,
    }


def test_a_page_that_failed_says_why_and_what_is_known_nevertheless() -> None:
    page = PageResult(width=2, height=2, reason="ocr: no time", deskew=DeskewResult())
    line = page_line(page, PARTS, (2, 2))
    assert line["error"] == "ocr: no time"
    assert line["skew_degrees"] == 0
    assert page_line(PageResult(reason="damaged"), PARTS, (1, 1)) == {"error": "damaged"}


@pytest.mark.parametrize(("width", "height"), [(64, 64), (85, 20), (20, 200)])
def test_a_squeezed_page_gets_the_shape_of_a_letter(width: int, height: int) -> None:
    content = io.BytesIO()
    Image.new("RGB", (width, height), "white").save(content, "PNG")
    with Image.open(io.BytesIO(unstretched(content.getvalue()))) as image:
        assert image.size == (width, round(width * LETTER_ASPECT))
