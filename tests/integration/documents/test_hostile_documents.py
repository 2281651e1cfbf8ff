"""Bad documents get an error that names the page and the reason; good pages beside them live."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image
from reportlab.lib.pdfencrypt import StandardEncryption

from meshkit.errors import InvalidDocument, InvalidInput, InvalidPage, NotFound, TooLarge
from orchestrator.documents.config import DocumentLimits
from orchestrator.documents.document import OpenDocument, WorkerPool, open_document
from tests.unit.orchestrator.documents import made


@pytest.fixture
def put(tmp_path: Path) -> Callable[[bytes], Path]:
    def put(content: bytes) -> Path:
        path = tmp_path / "document.pdf"
        path.write_bytes(content)
        return path

    return put


async def opened(path: Path, limits: DocumentLimits, workers: WorkerPool) -> OpenDocument:
    return await open_document(path, limits=limits, workers=workers)


async def page_error(document: OpenDocument, number: int) -> InvalidPage:
    with pytest.raises(InvalidPage) as caught:
        await document.render(number)
    assert f"page {number}" in caught.value.message
    assert caught.value.metadata["page"] == str(number)
    return caught.value


async def test_a_good_pdf(tmp_path: Path, limits: DocumentLimits, workers: WorkerPool) -> None:
    path = made.text_pdf(tmp_path / "a.tiff", pages=3)
    async with await opened(path, limits, workers) as document:
        assert document.media_type == "application/pdf"
        assert document.page_count == 3
        info = await document.page_info(2)
        assert (info.number, info.width, info.height, info.dpi) == (2, 1700, 2200, 200)
        page = await document.render(2)
        assert (page.number, page.dpi, page.image.shape) == (2, 200, (2200, 1700))
        assert (await document.render(2, 100)).image.shape == (1100, 850)


async def test_an_empty_file(
    put: Callable[[bytes], Path], limits: DocumentLimits, workers: WorkerPool
) -> None:
    with pytest.raises(InvalidDocument, match="empty") as caught:
        await opened(put(b""), limits, workers)
    assert caught.value.reason == "EMPTY_DOCUMENT"


async def test_a_text_file_named_pdf(
    put: Callable[[bytes], Path], limits: DocumentLimits, workers: WorkerPool
) -> None:
    with pytest.raises(InvalidDocument, match=r"plain text; PDF, TIFF, PNG") as caught:
        await opened(put(b"Dear Sir or Madam"), limits, workers)
    assert caught.value.reason == "UNSUPPORTED_MEDIA_TYPE"


async def test_a_missing_file(tmp_path: Path, limits: DocumentLimits, workers: WorkerPool) -> None:
    with pytest.raises(NotFound, match=r"missing\.pdf"):
        await opened(tmp_path / "missing.pdf", limits, workers)


async def test_what_is_no_regular_file(
    tmp_path: Path, limits: DocumentLimits, workers: WorkerPool
) -> None:
    os.mkfifo(tmp_path / "pipe.pdf")
    for path in (tmp_path / "pipe.pdf", tmp_path):
        with pytest.raises(InvalidDocument, match="no regular file") as caught:
            await opened(path, limits, workers)
        assert caught.value.reason == "NOT_A_FILE"


async def test_a_document_over_the_limits(
    tmp_path: Path, limits: DocumentLimits, workers: WorkerPool
) -> None:
    path = made.text_pdf(tmp_path / "a.pdf", pages=101)
    with pytest.raises(TooLarge, match="101 pages; the limit is 100") as caught:
        await opened(path, limits, workers)
    assert caught.value.reason == "TOO_MANY_PAGES"
    small = limits.model_copy(update={"max_document_bytes": 100})
    with pytest.raises(TooLarge, match="the limit is 100") as caught:
        await opened(path, small, workers)
    assert caught.value.reason == "DOCUMENT_TOO_LARGE"


async def test_a_truncated_pdf(
    tmp_path: Path, put: Callable[[bytes], Path], limits: DocumentLimits, workers: WorkerPool
) -> None:
    whole = made.text_pdf(tmp_path / "whole.pdf", pages=5).read_bytes()
    with pytest.raises(InvalidDocument, match=r"breaks off|cut off") as caught:
        await opened(put(whole[:-200]), limits, workers)
    assert caught.value.reason in ("TRUNCATED_DOCUMENT", "CORRUPT_DOCUMENT")


async def test_a_truncated_jpeg(
    put: Callable[[bytes], Path], limits: DocumentLimits, workers: WorkerPool
) -> None:
    whole = made.encoded(made.noise(), "JPEG")
    async with await opened(put(whole[: len(whole) // 2]), limits, workers) as document:
        assert (await page_error(document, 1)).reason == "TRUNCATED_IMAGE"


async def test_a_truncated_tiff_gives_its_whole_pages(
    put: Callable[[bytes], Path], limits: DocumentLimits, workers: WorkerPool
) -> None:
    whole = made.tiff(made.noise(), made.noise(), made.noise())
    async with await opened(put(whole[: len(whole) // 2]), limits, workers) as document:
        assert (await document.render(1)).image.shape == (300, 200)
        assert (await page_error(document, 2)).reason == "TRUNCATED_IMAGE"


@pytest.mark.parametrize("content", [made.png_header(20_000, 20_000), made.png_bomb(12_000)])
async def test_an_image_of_too_many_pixels(
    put: Callable[[bytes], Path], limits: DocumentLimits, workers: WorkerPool, content: bytes
) -> None:
    async with await opened(put(content), limits, workers) as document:
        error = await page_error(document, 1)
        assert error.reason == "PAGE_TOO_LARGE"
        assert "the limit is 100,000,000 pixels" in error.message
        with pytest.raises(InvalidPage, match="page 1"):
            await document.page_info(1)


async def test_a_pdf_page_of_five_metres(
    tmp_path: Path, limits: DocumentLimits, workers: WorkerPool
) -> None:
    path = made.text_pdf(tmp_path / "a.pdf", size=(14_173, 14_173))
    async with await opened(path, limits, workers) as document:
        error = await page_error(document, 1)
        assert error.reason == "PAGE_TOO_LARGE"
        assert "14,173 x 14,173" in error.message


async def test_a_password(tmp_path: Path, limits: DocumentLimits, workers: WorkerPool) -> None:
    path = made.text_pdf(tmp_path / "a.pdf", encrypt=StandardEncryption("secret", "owner"))
    for password, reason in ((None, "PASSWORD_REQUIRED"), ("guess", "WRONG_PASSWORD")):
        with pytest.raises(InvalidDocument) as caught:
            await open_document(path, limits=limits, password=password, workers=workers)
        assert caught.value.reason == reason
    async with await open_document(
        path,
        limits=limits,
        password="secret",  # noqa: S106 - of a test
        workers=workers,
    ) as document:
        assert (await document.render(1)).image.min() < 128


async def test_odd_pages_that_are_fine(
    put: Callable[[bytes], Path], limits: DocumentLimits, workers: WorkerPool
) -> None:
    odd = {
        made.encoded(Image.new("L", (1, 1), 9), "PNG"): (1, 1),
        made.encoded(Image.new("L", (40, 30), 255), "PNG"): (30, 40),
        made.encoded(Image.new("I;16", (40, 30), 30_000), "PNG"): (30, 40),
        made.encoded(Image.new("CMYK", (40, 30), (0, 255, 0, 0)), "JPEG"): (30, 40, 3),
        made.encoded(made.photo(40, 30).quantize(8), "PNG"): (30, 40, 3),
        made.encoded(Image.new("1", (40, 30)), "PNG"): (30, 40),
    }
    for content, shape in odd.items():
        async with await opened(put(content), limits, workers) as document:
            info = await document.page_info(1)
            assert (info.height, info.width) == shape[:2]
            assert (await document.render(1)).image.shape == shape


async def test_wrong_page_numbers_and_resolutions(
    tmp_path: Path, limits: DocumentLimits, workers: WorkerPool
) -> None:
    path = made.text_pdf(tmp_path / "a.pdf", pages=2)
    async with await opened(path, limits, workers) as document:
        for number in (0, 3, -1):
            with pytest.raises(InvalidInput, match="pages 1 to 2"):
                await document.render(number)
        with pytest.raises(InvalidInput, match="dpi is 5000") as caught:
            await document.page_info(1, 5000)
        assert caught.value.metadata["field"] == "dpi"
        assert (await document.page_info(1)).dpi == 200


async def test_a_page_that_never_ends_fails_alone(
    put: Callable[[bytes], Path], limits: DocumentLimits, workers: WorkerPool
) -> None:
    quick = limits.model_copy(update={"page_timeout_s": 1.0})
    async with await opened(put(made.endless_pdf()), quick, workers) as document:
        assert (await document.render(1)).image.min() == 0
        error = await page_error(document, 2)
        assert error.reason == "PAGE_TIMEOUT"
        assert "1 s" in error.message
        assert (await document.render(3)).image.min() == 0


async def test_a_page_over_the_memory_limit_fails_alone(
    put: Callable[[bytes], Path], tmp_path: Path
) -> None:
    limits = DocumentLimits(worker_memory_bytes=400_000_000)
    async with (
        WorkerPool(limits) as workers,
        await opened(put(made.inflating_pdf(600_000_000)), limits, workers) as document,
    ):
        assert (await document.render(1)).image.min() == 0
        error = await page_error(document, 2)
        assert error.reason in ("WORKER_CRASHED", "OUT_OF_MEMORY")
        assert "memory" in error.message
        assert (await document.render(3)).image.min() == 0
