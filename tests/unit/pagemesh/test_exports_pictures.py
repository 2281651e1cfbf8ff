"""The searchable PDF and the annotated page."""

import io
import itertools

import cv2
import numpy as np
import pypdfium2
import pytest

from meshkit.errors import InvalidInput
from meshkit.model import Image
from pagemesh.exports import FORMATS, Analysis, overlay_png
from pagemesh.orchestrator.v1 import document_pb2 as documents
from tests.unit.pagemesh import results

POINTS_PER_PIXEL = 72 / results.DPI


def pdf_of(*pages: documents.PageResult) -> bytes:
    images = {page.page_number: results.page_image(page) for page in pages if page.width}
    out = io.BytesIO()
    analysis = Analysis(
        results.document(*pages), iter(pages), lambda page: images.get(page.page_number)
    )
    FORMATS["pdf"].write(analysis, out)
    return out.getvalue()


def rendered(page: pypdfium2.PdfPage) -> Image:
    return np.asarray(page.render(scale=1 / POINTS_PER_PIXEL, grayscale=True).to_numpy().squeeze())


@pytest.mark.parametrize("degrees", [0, 180, 90, -5.25])
def test_pdf_text_lies_on_its_words(degrees: float) -> None:
    with pypdfium2.PdfDocument(pdf_of(results.page_result(degrees=degrees))) as pdf:
        page = pdf[0]
        assert page.get_size() == pytest.approx(
            (results.WIDTH * POINTS_PER_PIXEL, results.HEIGHT * POINTS_PER_PIXEL)
        )
        text = page.get_textpage()
        picture = rendered(page)
        for line, left, top in results.LINES:
            found = text.search(line).get_next()
            assert found is not None
            boxes = np.array([text.get_charbox(i, loose=True) for i in range(found[0], sum(found))])
            left_edge, bottom = boxes[:, :2].min(axis=0) / POINTS_PER_PIXEL
            right_edge, upper = boxes[:, 2:].max(axis=0) / POINTS_PER_PIXEL
            assert left_edge == pytest.approx(left, abs=1)
            assert right_edge == pytest.approx(left + 14 * len(line), abs=2)
            assert (results.HEIGHT - upper, results.HEIGHT - bottom) == pytest.approx(
                (top, top + 24), abs=1
            )
            assert picture[top + 12, left + 5] < 200


def test_pdf_text_is_found_and_not_seen() -> None:
    page = results.page_result()
    with pypdfium2.PdfDocument(pdf_of(page)) as pdf:
        text = pdf[0].get_textpage()
        assert text.get_text_range().split() == " ".join(t for t, _, _ in results.LINES).split()
        assert text.search("東京").get_next() is not None
        difference = cv2.absdiff(
            rendered(pdf[0]), cv2.cvtColor(results.page_image(page), cv2.COLOR_BGR2GRAY)
        )
        assert np.percentile(difference, 99.5) <= 8


def test_pdf_keeps_every_page_and_its_reason() -> None:
    skipped = results.unread_page(2, documents.PAGE_OUTCOME_SKIPPED, "not asked for")
    failed = results.page_result(3)
    failed.outcome, failed.reason = documents.PAGE_OUTCOME_FAILED, "checkbox: model is down"
    data = pdf_of(results.page_result(1), skipped, failed)
    with pypdfium2.PdfDocument(data) as pdf:
        assert len(pdf) == 3
        assert pdf[1].get_textpage().get_text_range() == "page 2 skipped: not asked for"
    for note in ("page 2 skipped: not asked for", "page 3 failed: checkbox: model is down"):
        assert note.encode("utf-16-be").hex().encode() in data


def test_pdf_keeps_black_and_white_pages_without_loss() -> None:
    page = results.page_result()
    page.deskew.Clear()
    pixels = np.where(np.random.default_rng(1).random((page.height, page.width)) < 0.5, 0, 255)
    image = np.asarray(pixels, dtype=np.uint8)
    out = io.BytesIO()
    FORMATS["pdf"].write(Analysis(results.document(page), [page], lambda _: image), out)
    with pypdfium2.PdfDocument(out.getvalue()) as pdf:
        kept = next(iter(pdf[0].get_objects())).get_bitmap().to_numpy().squeeze()
    assert np.array_equal(kept > 0, image > 0)


def test_pdf_is_written_page_by_page() -> None:
    out = io.BytesIO()
    lengths: list[int] = []

    def pages() -> itertools.chain[documents.PageResult]:
        def one(number: int) -> documents.PageResult:
            lengths.append(len(out.getvalue()))
            return results.page_result(number)

        return itertools.chain(map(one, range(1, 6)))

    image = results.page_image(results.page_result())
    FORMATS["pdf"].write(Analysis(results.document(), pages(), lambda _: image), out)
    assert all(later - earlier > 5000 for earlier, later in itertools.pairwise(lengths))


def test_pdf_needs_images_of_the_page_that_was_read() -> None:
    page = results.page_result(4)
    with pytest.raises(InvalidInput, match="needs the page images"):
        FORMATS["pdf"].write(Analysis(results.document(page), [page]), io.BytesIO())
    wrong = Analysis(results.document(page), [page], lambda _: np.zeros((10, 20), np.uint8))
    with pytest.raises(InvalidInput, match="page 4: the result is for a page of 850 x 1100 px"):
        FORMATS["pdf"].write(wrong, io.BytesIO())


def overlay_of(page: documents.PageResult, image: Image | None) -> Image:
    png = np.frombuffer(overlay_png(page, image, "form.pdf"), np.uint8)
    decoded = cv2.imdecode(png, cv2.IMREAD_COLOR)
    assert decoded is not None
    return np.asarray(decoded, dtype=np.uint8)


@pytest.mark.parametrize("degrees", [0, 180, 12.5])
def test_overlay_draws_boxes_where_they_are_on_the_page_as_sent(degrees: float) -> None:
    page = results.page_result(degrees=degrees)
    drawn = overlay_of(page, results.page_image(page))
    sheet = drawn[-page.height :]
    assert sheet.shape[1] == page.width
    ticked, empty = page.checkbox.checkboxes
    blue, green, red = colour_near(sheet, ticked.quad.top_left.x, ticked.quad.top_left.y)
    assert green > red + 60
    blue, green, red = colour_near(sheet, empty.quad.top_left.x, empty.quad.top_left.y)
    assert red > blue + 60


def colour_near(sheet: Image, x: float, y: float) -> tuple[int, int, int]:
    """The most coloured pixel (blue, green, red) within two pixels of a point."""
    column, row = round(x), round(y)
    window = sheet[row - 2 : row + 3, column - 2 : column + 3].reshape(-1, 3).astype(int)
    blue, green, red = window[np.argmax(window.max(axis=1) - window.min(axis=1))].tolist()
    return blue, green, red


def test_overlay_of_a_page_without_image_shows_the_reason() -> None:
    page = results.unread_page(3, documents.PAGE_OUTCOME_FAILED, "the page's image is truncated")
    drawn = overlay_of(page, None)
    strip = drawn[: drawn.shape[0] - 1414].astype(int)
    vermilion = (strip[..., 2] > 180) & (strip[..., 1] < 130) & (strip[..., 0] < 60)
    assert vermilion.sum() > 50


def test_overlay_takes_any_picture() -> None:
    page = results.page_result()
    for image in (np.zeros((1100, 850), np.uint8), np.zeros((1100, 850, 3), np.uint8)):
        assert overlay_of(page, image).shape[1] == 850
    tiny = documents.PageResult(page_number=1, width=1, height=1)
    assert overlay_of(tiny, np.zeros((1, 1), np.uint8)).shape[1] == 1
