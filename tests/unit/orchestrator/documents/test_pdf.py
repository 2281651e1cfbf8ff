from contextlib import closing
from pathlib import Path

import numpy as np
import pytest
from reportlab.lib.pdfencrypt import StandardEncryption
from reportlab.pdfgen.canvas import Canvas

from orchestrator.documents.fault import Fault
from orchestrator.documents.pages import Samples, Shape
from orchestrator.documents.pdf import PdfPages
from tests.unit.orchestrator.documents import made

A4 = (595.276, 841.89)


def read(path: Path, number: int = 1, dpi: int = 200) -> tuple[Samples, Shape]:
    """The page, having checked that it was announced as it came."""
    with closing(PdfPages(path, None, made.BOUNDS)) as pages:
        shape = pages.shape(number, dpi)
        samples, resolution = pages.render(number, dpi)
    assert samples.shape[:2] == (shape.height, shape.width)
    assert resolution == shape.dpi
    return samples, shape


def fault_of(path: Path, password: str | None = None) -> Fault:
    with pytest.raises(Fault) as caught:
        PdfPages(path, password, made.BOUNDS).close()
    return caught.value


@pytest.mark.parametrize(
    ("size", "dpi", "pixels"),
    [
        (made.LETTER, 200, (1700, 2200)),
        (made.LETTER, 300, (2550, 3300)),
        (made.LETTER, 150, (1275, 1650)),
        (A4, 200, (1654, 2339)),
        ((1, 1), 200, (3, 3)),
    ],
)
def test_a_page_has_the_pixels_of_its_size(
    tmp_path: Path, size: tuple[float, float], dpi: int, pixels: tuple[int, int]
) -> None:
    _, shape = read(made.text_pdf(tmp_path / "a.pdf", size=size), dpi=dpi)
    assert (shape.width, shape.height) == pixels
    assert shape.dpi == dpi


def test_a_page_without_colour_is_grey_and_dark_where_it_was_drawn(tmp_path: Path) -> None:
    samples, _ = read(made.text_pdf(tmp_path / "a.pdf"))
    assert samples.ndim == 2
    assert samples[10, 10] == 255
    inside_block = samples[2200 - 300, 300]
    assert 120 <= inside_block <= 135


def test_a_coloured_page_is_blue_green_red(tmp_path: Path) -> None:
    canvas = Canvas(str(tmp_path / "a.pdf"), pagesize=(72, 72))
    canvas.setFillColorRGB(1, 0, 0)
    canvas.rect(0, 0, 72, 72, stroke=0, fill=1)
    canvas.save()
    samples, _ = read(tmp_path / "a.pdf")
    assert samples[100, 100].tolist() == [0, 0, 255]


def test_a_big_page_is_drawn_at_the_highest_resolution_that_fits(tmp_path: Path) -> None:
    _, shape = read(made.text_pdf(tmp_path / "a.pdf", size=(5000, 5000)))
    assert shape.dpi == 144
    assert shape.width * shape.height <= made.BOUNDS.max_page_pixels
    _, shape = read(made.text_pdf(tmp_path / "b.pdf", size=(14_173, 200)))
    assert shape.dpi == 152
    assert shape.width <= made.BOUNDS.max_page_side


@pytest.mark.parametrize("size", [(14_173, 14_173), (14_500, 100)])
def test_a_page_of_metres_is_refused(tmp_path: Path, size: tuple[float, float]) -> None:
    path = made.text_pdf(tmp_path / "a.pdf", size=size)
    with closing(PdfPages(path, None, made.BOUNDS)) as pages:
        for read_it in (pages.shape, pages.render):
            with pytest.raises(Fault) as caught:
                read_it(1, 200)
            assert caught.value.kind == "page"
            assert caught.value.reason == "PAGE_TOO_LARGE"
            assert f"{size[0]:,}" in caught.value.message


def test_a_filled_form_shows_its_values_without_highlight(tmp_path: Path) -> None:
    plain, filled = tmp_path / "plain.pdf", tmp_path / "filled.pdf"
    for path, value in ((plain, ""), (filled, "Ada Lovelace")):
        canvas = Canvas(str(path), pagesize=(300, 100))
        canvas.acroForm.textfield(
            name="name",
            value=value,
            x=20,
            y=20,
            width=200,
            height=30,
            borderWidth=0,
            fillColor=None,
            borderColor=None,
        )
        canvas.acroForm.checkbox(name="ok", checked=bool(value), x=240, y=20, size=20)
        canvas.showPage()
        canvas.save()
    empty, _ = read(plain)
    written, _ = read(filled)
    text = np.s_[100:240, 60:600]
    assert (empty[text] == 255).mean() > 0.9
    assert (written[text] < 128).sum() > 200
    box = np.s_[140:230, 660:730]
    assert (written[box] < 128).sum() > (empty[box] < 128).sum() + 100


def test_pages_are_counted_and_read_in_any_order(tmp_path: Path) -> None:
    path = made.text_pdf(tmp_path / "a.pdf", pages=5)
    with closing(PdfPages(path, None, made.BOUNDS)) as pages:
        assert pages.count == 5
        first, _ = pages.render(1, 100)
        last, _ = pages.render(5, 100)
        again, _ = pages.render(1, 100)
    assert np.array_equal(first, again)
    assert not np.array_equal(first, last)


def test_too_many_pages(tmp_path: Path) -> None:
    fault = fault_of(made.text_pdf(tmp_path / "a.pdf", pages=101))
    assert (fault.kind, fault.reason) == ("too_large", "TOO_MANY_PAGES")
    assert "101" in fault.message
    assert "100" in fault.message


def test_passwords(tmp_path: Path) -> None:
    locked = made.text_pdf(tmp_path / "a.pdf", encrypt=StandardEncryption("söme", "owner"))
    assert fault_of(locked).reason == "PASSWORD_REQUIRED"
    assert fault_of(locked, "").reason == "PASSWORD_REQUIRED"
    assert fault_of(locked, "wrong").reason == "WRONG_PASSWORD"
    for password in ("söme", "owner"):
        with closing(PdfPages(locked, password, made.BOUNDS)) as pages:
            assert pages.render(1, 100)[0].min() < 128


def test_an_empty_user_password_needs_none(tmp_path: Path) -> None:
    path = made.text_pdf(tmp_path / "a.pdf", encrypt=StandardEncryption("", "owner"))
    samples, _ = read(path)
    assert samples.min() < 128


@pytest.mark.parametrize("part", [0.1, 0.5, 0.9, 0.99])
def test_a_pdf_that_breaks_off_is_refused(tmp_path: Path, part: float) -> None:
    path = made.text_pdf(tmp_path / "a.pdf", pages=10)
    whole = path.read_bytes()
    path.write_bytes(whole[: int(len(whole) * part)])
    fault = fault_of(path)
    assert fault.kind == "document"
    assert fault.reason in ("TRUNCATED_DOCUMENT", "CORRUPT_DOCUMENT")


def test_a_pdf_with_a_damaged_table_is_mended(tmp_path: Path) -> None:
    path = made.text_pdf(tmp_path / "a.pdf", pages=2)
    whole = path.read_bytes()
    path.write_bytes(whole.replace(b"startxref\n", b"startxref\n9"))
    assert np.array_equal(read(path, 2)[0], read(made.text_pdf(tmp_path / "b.pdf", 2), 2)[0])


def test_a_pdf_without_pages(tmp_path: Path) -> None:
    path = tmp_path / "a.pdf"
    path.write_bytes(
        made.raw_pdf([b"<</Type/Catalog/Pages 2 0 R>>", b"<</Type/Pages/Count 0/Kids[]>>"])
    )
    assert fault_of(path).reason in ("NO_PAGES", "CORRUPT_DOCUMENT")


def test_a_missing_page_fails_alone(tmp_path: Path) -> None:
    path = tmp_path / "a.pdf"
    path.write_bytes(made.pdf_around(b"").replace(b"4 0 R 5 0 R]", b"9 0 R 5 0 R]"))
    with closing(PdfPages(path, None, made.BOUNDS)) as pages:
        assert pages.count == 3
        assert pages.render(1, 72)[0].min() == 0
        assert pages.render(3, 72)[0].min() == 0
        with pytest.raises(Fault) as caught:
            pages.render(2, 72)
        assert caught.value.reason == "CORRUPT_PAGE"


def test_a_dynamic_form_without_pages_of_its_own_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.pdf"
    path.write_bytes(
        made.raw_pdf(
            [
                b"<</Type/Catalog/Pages 2 0 R/NeedsRendering true/AcroForm 5 0 R>>",
                b"<</Type/Pages/Count 1/Kids[3 0 R]>>",
                b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 200 200]>>",
                made.stream(b"<xdp:xdp xmlns:xdp='http://ns.adobe.com/xdp/'></xdp:xdp>"),
                b"<</Fields[]/XFA 4 0 R>>",
            ]
        )
    )
    assert fault_of(path).reason == "UNSUPPORTED_XFA"
