import io
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageOps

from orchestrator.documents import kinds
from orchestrator.documents.fault import Fault
from orchestrator.documents.images import ImagePages
from orchestrator.documents.pages import Samples, Shape
from tests.unit.orchestrator.documents import made

ORIENTATION = 274


def read(path: Path, content: bytes, number: int = 1) -> tuple[Samples, Shape]:
    """The page, having checked that it was announced as it came."""
    path.write_bytes(content)
    media_type = kinds.media_type(content)
    assert media_type is not None
    with closing(ImagePages(path, media_type, made.BOUNDS)) as pages:
        shape = pages.shape(number, 200)
        samples, dpi = pages.render(number, 200)
        again, _ = pages.render(number, 200)
    assert np.array_equal(samples, again)
    assert samples.dtype == np.uint8
    assert samples.shape[:2] == (shape.height, shape.width)
    assert dpi == shape.dpi
    assert not shape.is_grey or samples.ndim == 2
    return samples, shape


def fault_of(path: Path, content: bytes) -> Fault:
    with pytest.raises(Fault) as caught:
        read(path, content)
    assert caught.value.kind == "page"
    return caught.value


def bgr(image: Image.Image) -> Samples:
    return np.asarray(image.convert("RGB"))[:, :, ::-1]


@pytest.mark.parametrize("kind", ["PNG", "TIFF"])
def test_colour_comes_as_blue_green_red(tmp_path: Path, kind: str) -> None:
    samples, shape = read(tmp_path / "page", made.encoded(made.photo(), kind))
    assert np.array_equal(samples, bgr(made.photo()))
    assert not shape.is_grey


@pytest.mark.parametrize("kind", ["PNG", "TIFF", "WEBP"])
def test_grey_in_colour_comes_as_grey(tmp_path: Path, kind: str) -> None:
    page = made.noise().convert("RGB")
    samples, _ = read(tmp_path / "page", made.encoded(page, kind, lossless=True))
    assert samples.ndim == 2
    assert np.array_equal(samples, np.asarray(made.noise()))


def test_one_coloured_pixel_keeps_the_colour(tmp_path: Path) -> None:
    page = made.noise().convert("RGB")
    page.putpixel((77, 143), (255, 0, 0))
    samples, _ = read(tmp_path / "page", made.encoded(page, "PNG"))
    assert samples.ndim == 3


def test_one_bit(tmp_path: Path) -> None:
    page = made.noise().convert("1")
    for content in (
        made.encoded(page, "PNG"),
        made.tiff(page, compression="group4"),
        made.tiff(page),
    ):
        samples, shape = read(tmp_path / "page", content)
        assert shape.is_grey
        assert np.array_equal(samples, np.asarray(page).astype(np.uint8) * 255)


def test_palette(tmp_path: Path) -> None:
    page = made.photo().quantize(16)
    samples, _ = read(tmp_path / "page", made.encoded(page, "PNG"))
    assert np.array_equal(samples, bgr(page))


@pytest.mark.parametrize("order", ["<u2", ">u2"])
def test_sixteen_bit_grey_is_scaled(tmp_path: Path, order: str) -> None:
    deep = np.linspace(0, 65535, 4096).reshape(64, 64).astype("<u2")
    page = Image.fromarray(deep)
    if order == ">u2":
        page = Image.frombytes("I;16B", (64, 64), deep.astype(order).tobytes())
    samples, shape = read(tmp_path / "page", made.encoded(page, "TIFF"))
    assert shape.is_grey
    assert np.abs(samples - deep / 257.0).max() <= 0.5
    if order == "<u2":
        from_png, _ = read(tmp_path / "page", made.encoded(page, "PNG"))
        assert np.array_equal(from_png, samples)


def test_sixteen_bit_grey_with_white_as_zero_is_inverted(tmp_path: Path) -> None:
    deep = np.linspace(0, 65535, 4096).reshape(64, 64).astype("<u2")
    content = made.encoded(Image.fromarray(deep), "TIFF", tiffinfo={262: 0})
    samples, _ = read(tmp_path / "page", content)
    assert np.abs(255 - samples - deep / 257.0).max() <= 0.5


@pytest.mark.parametrize(("most", "black"), [(1.0, 0), (255.0, 0), (4000.0, 0)])
def test_floats_are_scaled(tmp_path: Path, most: float, black: int) -> None:
    page = Image.fromarray(np.linspace(0, most, 4096, dtype=np.float32).reshape(64, 64))
    samples, _ = read(tmp_path / "page", made.encoded(page, "TIFF"))
    assert (samples.min(), samples.max()) == (black, 255)


def test_cmyk(tmp_path: Path) -> None:
    page = Image.new("CMYK", (40, 30), (0, 255, 255, 0))
    for content in (made.encoded(page, "TIFF"), made.encoded(page, "JPEG", quality=95)):
        samples, _ = read(tmp_path / "page", content)
        assert np.abs(samples.astype(int) - (0, 0, 255)).max() <= 3


@pytest.mark.parametrize("mode", ["RGBA", "LA", "P", "L"])
def test_what_is_clear_becomes_white_paper(tmp_path: Path, mode: str) -> None:
    clear: dict[str, object] = {}
    if mode == "RGBA":
        page = Image.new(mode, (20, 10), (0, 0, 0, 0))
        page.putpixel((3, 4), (0, 0, 0, 255))
    elif mode == "LA":
        page = Image.new(mode, (20, 10), (0, 0))
        page.putpixel((3, 4), (0, 255))
    else:
        page = Image.new(mode, (20, 10), 1)
        page.putpixel((3, 4), 0)
        if mode == "P":
            page.putpalette([0, 0, 0, 200, 100, 50])
        clear["transparency"] = 1
    samples, _ = read(tmp_path / "page", made.encoded(page, "PNG", **clear))
    assert samples.ndim == 2
    assert samples[4, 3] == 0
    assert samples.sum() == 255 * (20 * 10 - 1)


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "TIFF", "WEBP"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_the_camera_s_orientation_is_applied(tmp_path: Path, kind: str, orientation: int) -> None:
    page = made.photo()
    exif = Image.Exif()
    exif[ORIENTATION] = orientation
    content = made.encoded(page, kind, exif=exif, quality=95, dpi=(300, 200))
    with Image.open(io.BytesIO(content)) as image:
        expected = ImageOps.exif_transpose(image)
    samples, shape = read(tmp_path / "page", content)
    width, height = expected.size
    if kind != "WEBP":
        turned = orientation >= 5
        width, height = (width * 3 // 2, height) if turned else (width, height * 3 // 2)
        assert shape.dpi == pytest.approx(300, abs=1)
        expected = expected.convert("RGB").resize((shape.width, shape.height))
    assert (shape.width, shape.height) == pytest.approx((width, height), abs=1)
    assert np.abs(samples.astype(int) - bgr(expected)).mean() < 5


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "TIFF"])
@pytest.mark.parametrize(("stated", "known"), [(300, 300), (72000, 0), (10, 0), (None, 0)])
def test_a_sane_resolution_is_kept(
    tmp_path: Path, kind: str, stated: int | None, known: int
) -> None:
    options = {} if stated is None else {"dpi": (stated, stated)}
    _, shape = read(tmp_path / "page", made.encoded(made.noise(), kind, **options))
    assert shape.dpi == pytest.approx(known, abs=0.01)


def test_what_jpeg_writers_put_for_an_unknown_resolution_is_unknown(tmp_path: Path) -> None:
    _, shape = read(tmp_path / "page", made.encoded(made.noise(), "JPEG", dpi=(72, 72)))
    assert shape.dpi == 0


def test_a_fax_gets_square_pixels(tmp_path: Path) -> None:
    page = Image.new("1", (1728, 1100), 1)
    page.paste(0, (0, 550, 1728, 1100))
    samples, shape = read(tmp_path / "page", made.tiff(page, compression="group3", dpi=(204, 98)))
    assert (shape.width, shape.height) == (1728, round(1100 * 204 / 98))
    assert shape.dpi == 204
    assert samples[0, 0] == 255
    assert samples[-1, -1] == 0
    assert samples[: shape.height // 2 - 4].min() == 255
    assert samples[shape.height // 2 + 4 :].max() == 0


def test_every_page_of_a_tiff(tmp_path: Path) -> None:
    path = tmp_path / "pages"
    path.write_bytes(made.tiff(*(Image.new("L", (10 + n, 20), 50 * n) for n in range(1, 5))))
    with closing(ImagePages(path, kinds.TIFF, made.BOUNDS)) as pages:
        assert pages.count == 4
        for number in (3, 1, 4, 4, 2):
            assert pages.shape(number, 200).width == 10 + number
            assert pages.render(number, 200)[0][0, 0] == 50 * number


def test_a_tiny_and_a_blank_page(tmp_path: Path) -> None:
    samples, _ = read(tmp_path / "page", made.encoded(Image.new("L", (1, 1), 0), "PNG"))
    assert samples.tolist() == [[0]]
    samples, _ = read(tmp_path / "page", made.encoded(Image.new("RGB", (30, 20), "white"), "PNG"))
    assert samples.shape == (20, 30)
    assert samples.min() == 255


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP"])
@pytest.mark.parametrize("part", [0.02, 0.3, 0.9])
def test_an_image_that_breaks_off_is_never_half_a_page(
    tmp_path: Path, kind: str, part: float
) -> None:
    whole = made.encoded(made.noise(), kind)
    fault = fault_of(tmp_path / "page", whole[: max(12, int(len(whole) * part))])
    assert fault.reason in ("TRUNCATED_IMAGE", "CORRUPT_IMAGE")
    if kind == "JPEG" and part > 0.1:
        assert fault.reason == "TRUNCATED_IMAGE"


@pytest.mark.parametrize("compression", ["raw", "tiff_lzw", "group4", "tiff_adobe_deflate", "jpeg"])
@pytest.mark.parametrize("part", [0.3, 0.9])
def test_a_tiff_that_breaks_off_is_never_half_a_page(
    tmp_path: Path, compression: str, part: float
) -> None:
    page = made.noise().convert("1") if compression == "group4" else made.noise()
    whole = made.tiff(page, page, compression=compression)
    path = tmp_path / "page"
    path.write_bytes(whole[: int(len(whole) * part)])
    with closing(ImagePages(path, kinds.TIFF, made.BOUNDS)) as pages:
        faults = [_fault_or_none(pages, number) for number in range(1, pages.count + 1)]
    reasons = [fault.reason for fault in faults if fault is not None]
    assert reasons
    assert set(reasons) == {"TRUNCATED_IMAGE"}
    if part > 0.5:
        assert faults[0] is None


def _fault_or_none(pages: ImagePages, number: int) -> Fault | None:
    try:
        samples, _ = pages.render(number, 200)
    except Fault as fault:
        return fault
    assert samples.shape == (300, 200)
    return None


def test_a_huge_image_is_refused_by_its_header(tmp_path: Path) -> None:
    for content in (made.png_header(20_000, 20_000), made.png_header(40_000, 10)):
        fault = fault_of(tmp_path / "page", content)
        assert fault.reason == "PAGE_TOO_LARGE"
        assert "100,000,000" in fault.message
    assert "20,000 x 20,000" in fault_of(tmp_path / "p", made.png_header(20_000, 20_000)).message


@pytest.mark.parametrize("kind", ["PNG", "WEBP"])
def test_an_animation_is_refused(tmp_path: Path, kind: str) -> None:
    frames = [Image.new("RGB", (10, 10), colour) for colour in ("red", "blue")]
    content = made.encoded(frames[0], kind, save_all=True, append_images=frames[1:])
    assert fault_of(tmp_path / "page", content).reason == "UNSUPPORTED_IMAGE"


def test_too_many_pages(tmp_path: Path) -> None:
    path = tmp_path / "pages"
    path.write_bytes(made.tiff(*[Image.new("1", (8, 8))] * 101))
    with pytest.raises(Fault) as caught:
        ImagePages(path, kinds.TIFF, made.BOUNDS)
    assert caught.value.kind == "too_large"
    assert caught.value.reason == "TOO_MANY_PAGES"
