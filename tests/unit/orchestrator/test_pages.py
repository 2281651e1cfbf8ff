"""A page image's wire message."""

import hashlib
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from meshkit.errors import TooLarge
from orchestrator.pages import PageImage, WireEncoding
from pagemesh.common.v1.page_pb2 import PIXEL_FORMAT_BGR24, PIXEL_FORMAT_GRAY8, Page

GREY = np.arange(600, dtype=np.uint8).reshape(20, 30)
COLOUR = np.dstack([GREY, GREY, 255 - GREY])
NOISE = np.random.default_rng(1).integers(0, 256, (100, 100), np.uint8)


def page(image: Any, folder: Path, encoding: WireEncoding, max_bytes: int = 10_000) -> PageImage:
    return PageImage(
        "doc/7", 7, image, 200.0, encoding=encoding, shared_directory=folder, max_bytes=max_bytes
    )


async def sent(image: PageImage) -> Page:
    """The page of a request."""
    message = Page()
    await image.write_to(message)
    return message


def pixels(message: Page) -> Any:
    """The image that a message carries."""
    if message.WhichOneof("content") == "encoded":
        encoded = np.frombuffer(message.encoded.data, np.uint8)
        return cv2.imdecode(encoded, cv2.IMREAD_UNCHANGED)
    layout, data = message.raw, message.raw.data
    if message.WhichOneof("content") == "reference":
        layout = message.reference.raw_layout
        data = Path(message.reference.uri.removeprefix("file://")).read_bytes()
        assert hashlib.sha256(data).hexdigest() == message.reference.sha256
        assert len(data) == message.reference.size_bytes
    is_grey = layout.format == PIXEL_FORMAT_GRAY8
    assert is_grey or layout.format == PIXEL_FORMAT_BGR24
    shape = (layout.height, layout.width) if is_grey else (layout.height, layout.width, 3)
    return np.frombuffer(data, np.uint8).reshape(shape)


def shared_files(folder: Path) -> list[Path]:
    return list(folder.glob("*"))


@pytest.mark.parametrize("image", [GREY, COLOUR], ids=["grey", "colour"])
@pytest.mark.parametrize("encoding", ["raw", "png", "reference"])
async def test_pixels_arrive_as_they_were(tmp_path: Path, image: Any, encoding: str) -> None:
    shared = tmp_path / "shared"
    one = page(image, shared, WireEncoding(encoding))
    message = await sent(one)
    assert (message.page_id, message.dpi) == ("doc/7", 200.0)
    assert np.array_equal(pixels(message), image)
    assert pixels(await sent(one)) is not None
    await one.close()
    await one.close()
    assert shared_files(shared) == []


async def test_no_other_user_reads_shared_pixels(tmp_path: Path) -> None:
    shared = tmp_path / "shared"
    one = page(GREY, shared, WireEncoding.REFERENCE)
    await sent(one)
    (file,) = shared_files(shared)
    assert (file.stat().st_mode & 0o007, shared.stat().st_mode & 0o007) == (0, 0)
    await one.close()


async def test_jpeg_is_close(tmp_path: Path) -> None:
    smooth = np.tile(np.linspace(0, 255, 64).astype(np.uint8), (48, 1))
    message = await sent(page(smooth, tmp_path, WireEncoding.JPEG))
    assert np.abs(pixels(message).astype(int) - smooth).max() <= 6


async def test_part_of_an_image_is_sent_without_the_rest(tmp_path: Path) -> None:
    part = COLOUR[3:13, 5:25]
    assert np.array_equal(pixels(await sent(page(part, tmp_path, WireEncoding.RAW))), part)


async def test_page_too_large_for_a_raw_message_goes_encoded(tmp_path: Path) -> None:
    message = await sent(page(np.zeros((200, 200), np.uint8), tmp_path, WireEncoding.RAW))
    assert message.WhichOneof("content") == "encoded"


@pytest.mark.parametrize("encoding", ["raw", "png", "jpeg"])
async def test_page_too_large_for_any_message(tmp_path: Path, encoding: str) -> None:
    with pytest.raises(TooLarge, match="page 7 of 100 x 100 pixels") as caught:
        await sent(page(NOISE, tmp_path, WireEncoding(encoding), max_bytes=1000))
    assert caught.value.metadata["page"] == "7"


async def test_page_by_reference_has_no_such_limit(tmp_path: Path) -> None:
    message = await sent(page(NOISE, tmp_path, WireEncoding.REFERENCE, max_bytes=1000))
    assert np.array_equal(pixels(message), NOISE)
