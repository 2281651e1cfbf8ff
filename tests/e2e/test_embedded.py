"""Everything in one process: real models, no mesh."""

from pathlib import Path
from typing import Any

import cv2
import pytest

from meshkit.errors import InvalidDocument, InvalidInput
from pagemesh import Client
from pagemesh.embedded import page_images
from pagemesh.orchestrator.v1 import document_pb2 as documents
from tests.e2e.conftest import SAMPLES

pytestmark = pytest.mark.timeout(300)


def test_only_the_models_that_a_pipeline_needs_are_loaded() -> None:
    with Client() as client:
        result = client.analyze(
            SAMPLES / "receipt.jpg", pipeline="text", options={"ocr.tier": "fast"}
        ).collect()
    (page,) = result.pages
    assert page.outcome == documents.PAGE_OUTCOME_OK
    assert [step.model.name for step in page.steps] == ["deskew", "ocr"]
    assert len(page.ocr.lines) > 5


def test_a_model_that_cannot_be_loaded_fails_its_pages(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PAGEMESH_OCR_DEVICE", "cuda")
    with Client() as client:
        result = client.analyze(SAMPLES / "receipt.jpg", pipeline="text").collect()
    (page,) = result.pages
    if page.outcome == documents.PAGE_OUTCOME_OK:
        assert page.steps[1].model.device.startswith("cuda")
        return
    assert page.outcome == documents.PAGE_OUTCOME_FAILED
    assert "ocr" in page.reason
    assert page.HasField("deskew")


def test_a_page_that_was_not_read_keeps_the_signatures_found_by_ink_alone(
    truth: dict[str, Any],
) -> None:
    name = "ticked_and_signed.png"
    with Client() as client:
        unread = client.analyze(
            SAMPLES / name, pipeline="forms", options={"ocr.languages": "tlh"}
        ).collect()
        (alone,) = client.analyze(SAMPLES / name, pipeline="signatures").collect().pages
    (page,) = unread.pages
    assert page.outcome == documents.PAGE_OUTCOME_FAILED
    assert "tlh" in page.reason
    scores = [one.score for one in page.signature.signatures]
    assert len(scores) == len(truth[name]["pages"][0]["signatures"])
    assert scores == [one.score for one in alone.signature.signatures]


def test_a_bad_variable_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PAGEMESH_OCR_PORTT", "1")
    with Client() as client, pytest.raises(InvalidInput, match="PAGEMESH_OCR_PORTT: no such"):
        client.pipelines()


def test_page_images_are_the_pages_that_were_read() -> None:
    pages = [
        documents.PageResult(page_number=1, width=2200, height=1700, dpi=200),
        documents.PageResult(page_number=3, width=850, height=1100, dpi=100),
        documents.PageResult(page_number=2),
    ]
    with page_images(SAMPLES / "application_form.pdf") as image_of:
        shapes = [image.shape[:2] for page in pages if (image := image_of(page)) is not None]
    assert shapes == [(1700, 2200), (1100, 850), (1700, 2200)]


def test_the_image_of_a_page_that_cannot_be_drawn_is_none(tmp_path: Path) -> None:
    path = tmp_path / "cut.png"
    path.write_bytes((SAMPLES / "skewed.png").read_bytes()[:3000])
    failed = documents.PageResult(page_number=1, outcome=documents.PAGE_OUTCOME_FAILED)
    with page_images(path) as image_of:
        assert image_of(failed) is None


def test_images_of_what_is_no_document(tmp_path: Path) -> None:
    path = tmp_path / "letter.pdf"
    path.write_text("Dear Sir or Madam,\n" * 50)
    with pytest.raises(InvalidDocument, match="plain text"), page_images(path):
        pass


def test_images_are_as_in_the_file() -> None:
    page = documents.PageResult(page_number=1)
    with page_images(SAMPLES / "skewed.png") as image_of:
        image = image_of(page)
    expected = cv2.imread(str(SAMPLES / "skewed.png"), cv2.IMREAD_UNCHANGED)
    assert image is not None
    assert expected is not None
    assert image.shape[:2] == expected.shape[:2]
