"""From a page message to pixels."""

import contextlib
import hashlib
import io
import os
import struct
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image as PilImage

from meshkit.errors import Forbidden, InvalidPage, NotFound, PagemeshError
from meshkit.images import DecodedPage, PageLimits, open_page
from meshkit.model import Image
from pagemesh.common.v1 import page_pb2 as pb

LIMITS = PageLimits(max_pixels=1_000_000, max_bytes=1_000_000)
GREY: Image = np.arange(12 * 20, dtype=np.uint8).reshape(12, 20)
COLOUR: Image = np.stack([GREY, 255 - GREY, GREY // 2], axis=2)  # blue, green, red


def decode(page: pb.Page, limits: PageLimits = LIMITS) -> DecodedPage:
    page.page_id = page.page_id or "p1"
    return open_page(page, limits).decode()


def encoded(data: bytes) -> pb.Page:
    return pb.Page(page_id="p1", encoded=pb.EncodedImage(data=data))


def file_of(picture: PilImage.Image, kind: str = "PNG", **options: Any) -> bytes:
    buffer = io.BytesIO()
    picture.save(buffer, kind, **options)
    return buffer.getvalue()


def rgb(image: Image) -> PilImage.Image:
    return PilImage.fromarray(np.ascontiguousarray(image[:, :, ::-1]))


@pytest.mark.parametrize("kind", ["PNG", "TIFF", "WEBP"])
def test_lossless_files_give_the_very_pixels(kind: str) -> None:
    options = {"lossless": True} if kind == "WEBP" else {}
    page = decode(encoded(file_of(rgb(COLOUR), kind, **options)))
    np.testing.assert_array_equal(page.image, COLOUR)
    assert (page.width, page.height) == (20, 12)


@pytest.mark.parametrize("kind", ["PNG", "TIFF", "JPEG"])
def test_grey_stays_grey(kind: str) -> None:
    assert decode(encoded(file_of(PilImage.fromarray(GREY), kind))).image.shape == (12, 20)


def test_raw_samples_are_taken_as_they_are() -> None:
    grey = pb.RawImage(data=GREY.tobytes(), width=20, height=12, format=pb.PIXEL_FORMAT_GRAY8)
    colour = pb.RawImage(data=COLOUR.tobytes(), width=20, height=12, format=pb.PIXEL_FORMAT_BGR24)
    np.testing.assert_array_equal(decode(pb.Page(raw=grey)).image, GREY)
    np.testing.assert_array_equal(decode(pb.Page(raw=colour)).image, COLOUR)


def test_pixels_are_read_only_in_every_encoding() -> None:
    raw = pb.RawImage(data=GREY.tobytes(), width=20, height=12, format=pb.PIXEL_FORMAT_GRAY8)
    for page in (pb.Page(raw=raw), encoded(file_of(PilImage.fromarray(GREY)))):
        assert not decode(page).image.flags.writeable


def one_bit() -> PilImage.Image:
    return PilImage.fromarray(np.where(GREY > 127, 255, 0).astype(np.uint8)).convert("1")


def palette() -> PilImage.Image:
    return rgb(COLOUR).quantize(256)


def sixteen_bit() -> PilImage.Image:
    return PilImage.fromarray(GREY.astype(np.uint16) * 256 + 255)


def transparent() -> PilImage.Image:
    alpha = PilImage.fromarray(np.full((12, 20), 0, np.uint8))
    picture = rgb(COLOUR).convert("RGBA")
    picture.putalpha(alpha)
    return picture


@pytest.mark.parametrize(
    ("picture", "kind", "expected", "tolerance"),
    [
        (one_bit, "PNG", np.where(GREY > 127, 255, 0), 0),
        (one_bit, "TIFF", np.where(GREY > 127, 255, 0), 0),
        (palette, "PNG", COLOUR, 40),
        (sixteen_bit, "PNG", GREY, 0),
        (sixteen_bit, "TIFF", GREY, 0),
        (transparent, "PNG", np.full((12, 20, 3), 255), 0),
        (lambda: PilImage.fromarray(GREY).convert("LA"), "PNG", GREY, 0),
        (lambda: rgb(COLOUR).convert("CMYK"), "TIFF", COLOUR, 2),
        (lambda: rgb(np.full((16, 16, 3), (10, 200, 90), np.uint8)).convert("CMYK"), "JPEG",
         np.full((16, 16, 3), (10, 200, 90)), 4),
    ],
)  # fmt: skip
def test_odd_sample_formats_become_eight_bit_grey_or_bgr(
    picture: Callable[[], PilImage.Image], kind: str, expected: Image, tolerance: int
) -> None:
    image = decode(encoded(file_of(picture(), kind))).image
    assert image.dtype == np.uint8
    assert image.shape == expected.shape
    assert np.abs(image.astype(int) - expected.astype(int)).max() <= tolerance


def test_a_palette_with_a_transparent_entry_is_laid_over_white() -> None:
    picture = PilImage.new("P", (4, 4), 0)
    picture.putpalette([0, 0, 0, 255, 0, 0])
    image = decode(encoded(file_of(picture, transparency=0))).image
    assert image.min() == 255


def test_samples_of_32_bits_are_refused() -> None:
    with pytest.raises(InvalidPage, match="32 bits"):
        decode(encoded(file_of(PilImage.fromarray(GREY.astype(np.float32)), "TIFF")))


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "TIFF", "WEBP"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_exif_orientation_is_applied_first(kind: str, orientation: int) -> None:
    shown = np.full((24, 40, 3), 255, np.uint8)
    shown[:8, :8] = 0  # black at the top left, as a viewer shows it
    turn: dict[int, Callable[[Image], Image]] = {
        1: lambda a: a,
        2: lambda a: a[:, ::-1],
        3: lambda a: a[::-1, ::-1],
        4: lambda a: a[::-1],
        5: lambda a: a.transpose(1, 0, 2),
        6: lambda a: np.rot90(a, 1),
        7: lambda a: a[::-1, ::-1].transpose(1, 0, 2),
        8: lambda a: np.rot90(a, -1),
    }
    stored = rgb(np.ascontiguousarray(turn[orientation](shown)))
    exif = PilImage.Exif()
    exif[0x0112] = orientation
    page = encoded(file_of(stored, kind, exif=exif))
    opened = open_page(page, LIMITS)
    image = opened.decode()
    assert (image.width, image.height) == (40, 24)
    assert image.image.shape == (24, 40, 3)
    assert image.image[:6, :6].max() < 60
    assert image.image[10:, 10:].min() > 200


def png_header(width: int, height: int) -> bytes:
    def chunk(kind: bytes, body: bytes) -> bytes:
        return (
            struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))
        )

    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    rows = zlib.compress(b"\0" * 100_000)
    return (
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", rows) + chunk(b"IEND", b"")
    )


def test_a_decompression_bomb_is_refused_by_its_header() -> None:
    with pytest.raises(InvalidPage, match=r"50,000 x 50,000 px") as error:
        open_page(encoded(png_header(50_000, 50_000)), LIMITS)
    assert error.value.reason == "PAGE_TOO_LARGE"


def truncated(kind: str) -> bytes:
    data = file_of(PilImage.effect_noise((200, 200), 90).convert("RGB"), kind)
    return data[: len(data) // 2]


BAD_FILES = {
    "empty": (b"", "is empty"),
    "text": (b"hello, this is text", "no PNG, JPEG, TIFF or WebP"),
    "gif": (b"GIF89a\x01\0\x01\0", "no PNG, JPEG, TIFF or WebP"),
    "magic only": (b"\x89PNG\r\n\x1a\n", "damaged or incomplete"),
    "png": (truncated("PNG"), "damaged or incomplete"),
    "jpeg": (truncated("JPEG"), "damaged or incomplete"),
    "tiff": (truncated("TIFF"), "damaged or incomplete"),
    "webp": (truncated("WEBP"), "damaged or incomplete"),
}


@pytest.mark.parametrize("name", BAD_FILES)
def test_a_bad_file_is_refused_by_page_field_and_reason(name: str) -> None:
    data, reason = BAD_FILES[name]
    page = encoded(data)
    page.page_id = "page 7"
    with pytest.raises(InvalidPage, match=reason) as error:
        decode(page)
    assert "'page 7'" in error.value.message
    assert "encoded.data" in error.value.message
    assert error.value.metadata["page"] == "page 7"


def test_damaged_bytes_never_raise_anything_but_invalid_page() -> None:
    rng = np.random.default_rng(7)
    for kind in ("PNG", "JPEG", "TIFF", "WEBP"):
        whole = np.frombuffer(file_of(rgb(COLOUR), kind), np.uint8)
        for _ in range(150):
            data = whole.copy()
            places = rng.integers(4, len(data), 6)
            data[places] = rng.integers(0, 256, 6)
            with contextlib.suppress(InvalidPage):
                decode(encoded(data.tobytes()))


@pytest.mark.parametrize(
    ("width", "height", "pixel_format", "length", "reason"),
    [
        (20, 12, pb.PIXEL_FORMAT_GRAY8, 239, "239 bytes; 20 x 12 px"),
        (20, 12, pb.PIXEL_FORMAT_BGR24, 240, "are 720"),
        (0, 12, pb.PIXEL_FORMAT_GRAY8, 0, "no pixels"),
        (20, 12, pb.PIXEL_FORMAT_UNSPECIFIED, 240, "format is 0"),
        (20, 12, 99, 240, "format is 99"),
        (40_000, 1, pb.PIXEL_FORMAT_GRAY8, 40_000, "32,766 on a side"),
    ],
)
def test_raw_samples_that_do_not_add_up_are_refused(
    width: int, height: int, pixel_format: Any, length: int, reason: str
) -> None:
    raw = pb.RawImage(data=b"\0" * length, width=width, height=height, format=pixel_format)
    with pytest.raises(InvalidPage, match=reason):
        decode(pb.Page(raw=raw))


@pytest.mark.parametrize(
    ("page", "reason"),
    [
        (pb.Page(page_id=""), "page_id is missing"),
        (pb.Page(page_id="x" * 257), "257 characters"),
        (pb.Page(page_id="p1"), "no content"),
        (pb.Page(page_id="p1", dpi=float("nan")), "dpi is nan"),
        (pb.Page(page_id="p1", dpi=-1), "dpi is -1"),
    ],
)
def test_a_page_without_the_needful_is_refused(page: pb.Page, reason: str) -> None:
    with pytest.raises(InvalidPage, match=reason):
        open_page(page, LIMITS)


def reference(path: Path, data: bytes, **changes: Any) -> pb.Page:
    fields = {
        "uri": path.as_uri(),
        "sha256": hashlib.sha256(data).hexdigest(),
        "size_bytes": len(data),
        **changes,
    }
    return pb.Page(page_id="p1", reference=pb.ImageReference(**fields))


@pytest.fixture
def root(tmp_path: Path) -> Path:
    folder = tmp_path / "pages"
    folder.mkdir()
    return folder


@pytest.fixture
def limits(root: Path) -> PageLimits:
    return PageLimits(max_pixels=1_000_000, max_bytes=100_000, roots=(root,))


PNG = file_of(PilImage.fromarray(GREY))


def test_a_reference_is_read_under_the_roots(root: Path, limits: PageLimits) -> None:
    (root / "a page.png").write_bytes(PNG)
    np.testing.assert_array_equal(decode(reference(root / "a page.png", PNG), limits).image, GREY)


def test_a_reference_may_point_to_bare_samples(root: Path, limits: PageLimits) -> None:
    data = GREY.tobytes()
    (root / "page.raw").write_bytes(data)
    layout = pb.RawImage(width=20, height=12, format=pb.PIXEL_FORMAT_GRAY8)
    page = reference(root / "page.raw", data, raw_layout=layout)
    np.testing.assert_array_equal(decode(page, limits).image, GREY)


def test_a_place_outside_the_roots_is_forbidden(
    tmp_path: Path, root: Path, limits: PageLimits
) -> None:
    outside = tmp_path / "secret.png"
    outside.write_bytes(PNG)
    (root / "link.png").symlink_to(outside)
    for uri in (
        outside.as_uri(),
        (root / "link.png").as_uri(),
        f"{root.as_uri()}/../secret.png",
        f"{root.as_uri()}/%2e%2e/secret.png",
        "/etc/passwd",
        "https://example.org/page.png",
        "file://elsewhere/page.png",
    ):
        with pytest.raises(Forbidden):
            decode(reference(outside, PNG, uri=uri), limits)
    with pytest.raises(Forbidden):
        decode(reference(outside, PNG), LIMITS)


def test_a_reference_to_other_bytes_is_refused(root: Path, limits: PageLimits) -> None:
    path = root / "page.png"
    path.write_bytes(PNG)
    os.mkfifo(root / "pipe")
    cases: list[tuple[pb.Page, type[PagemeshError], str]] = [
        (reference(path, PNG, sha256="0" * 64), InvalidPage, "another SHA-256"),
        (reference(path, PNG, sha256="F" * 64), InvalidPage, "lower-case hexadecimal"),
        (reference(path, PNG, size_bytes=5), InvalidPage, "size_bytes is 5"),
        (reference(path, PNG, size_bytes=2_000_000), InvalidPage, "at most 100,000"),
        (reference(root / "none.png", PNG), NotFound, "No such file"),
        (reference(root / "pipe", PNG), InvalidPage, "not a file"),
        (reference(root, PNG), NotFound, "Is a directory"),
    ]
    for page, kind, reason in cases:
        with pytest.raises(kind, match=reason) as error:
            decode(page, limits)
        assert "'p1'" in error.value.message


def quarter_turn() -> pb.Page:
    """A page on its side, with the transform that turns it a quarter clockwise."""
    page = encoded(PNG)
    page.dpi = 200
    page.upright_transform.matrix[:] = [0, -1, 11, 1, 0, 0, 0, 0, 1]
    page.upright_transform.width, page.upright_transform.height = 12, 20
    return page


def test_the_upright_transform_is_applied_and_says_the_way_back() -> None:
    page = decode(quarter_turn())
    np.testing.assert_array_equal(page.image, np.rot90(GREY, -1))
    corners = np.array([[0.0, 0.0], [11.0, 19.0]])
    np.testing.assert_allclose(page.transform.invert(corners), [[0, 11], [19, 0]])
    assert (page.width, page.height) == (20, 12)
    assert page.dpi == pytest.approx(200)


def test_dpi_is_of_the_upright_page() -> None:
    page = quarter_turn()
    page.upright_transform.matrix[:] = [2, 0, 0, 0, 2, 0, 0, 0, 1]
    assert decode(page).dpi == pytest.approx(400)


NAN = float("nan")


@pytest.mark.parametrize(
    ("matrix", "size", "reason"),
    [
        ([1, 0, 0, 0, 1, 0, 0, 0], (9, 9), "nine finite"),
        ([1, 0, 0, 0, NAN, 0, 0, 0, 1], (9, 9), "nine finite"),
        ([1, 0, 0, 0, float("inf"), 0, 0, 0, 1], (9, 9), "nine finite"),
        ([0] * 9, (9, 9), "not invertible"),
        ([1, 1, 0, 1, 1, 0, 0, 0, 1], (9, 9), "not invertible"),
        ([1, 0, 0, 0, 1, 0, -0.1, 0, 1], (9, 9), "not invertible"),
        ([1, 0, 0, 0, 1, 0, 0, 0, 1], (0, 9), "no pixels"),
        ([1, 0, 0, 0, 1, 0, 0, 0, 1], (2000, 2000), "upright page is 2,000 x 2,000"),
        ([1, 0, 0, 0, 1, 0, 0, 0, 1], (2**32 - 1, 1), "on a side"),
    ],
)
def test_a_transform_that_cannot_be_is_refused(
    matrix: list[float], size: tuple[int, int], reason: str
) -> None:
    page = quarter_turn()
    page.upright_transform.matrix[:] = matrix
    page.upright_transform.width, page.upright_transform.height = size
    with pytest.raises(InvalidPage, match=reason):
        decode(page)
