"""Each measure against a synthetic degradation of its kind, of growing strength."""

from collections.abc import Callable, Sequence
from itertools import pairwise
from pathlib import Path

import cv2
import numpy as np
import pytest

from meshkit.model import Image
from servers.deskew.quality import PageQuality
from tests.unit.servers.deskew.conftest import Deskew
from tests.unit.servers.deskew.pages import text_page, turned, x_height

SAMPLES = Path(__file__).parents[4] / "samples"

Measure = Callable[[Image], PageQuality]


@pytest.fixture
def measure(deskew: Deskew) -> Measure:
    return lambda page: deskew(page).quality


def rises(values: Sequence[float], by: float = 0.0) -> bool:
    return all(after > before + by for before, after in pairwise(values))


def blurred(page: Image, sigma: float) -> Image:
    return np.asarray(cv2.GaussianBlur(page, (0, 0), sigma), np.uint8) if sigma else page


def scaled(page: Image, factor: float) -> Image:
    size = cv2.resize(page, None, fx=factor, fy=factor, interpolation=cv2.INTER_AREA)
    return np.asarray(size, np.uint8)


def test_a_clean_page_has_nothing_wrong(measure: Measure) -> None:
    quality: PageQuality = measure(text_page(ink=0))
    assert quality.blur < 0.1
    assert quality.darkness == 0
    assert quality.contrast > 0.85
    assert quality.cut_off == 0
    assert 0.02 < quality.ink_coverage < 0.15


def test_blur_rises_with_blur(measure: Measure) -> None:
    sigmas = np.array([0, 0.1, 0.2, 0.3, 0.45]) * x_height(30)
    assert rises([measure(blurred(text_page(), sigma)).blur for sigma in sigmas], by=0.03)


def test_blur_rises_under_noise(measure: Measure) -> None:
    sigmas = np.array([0, 0.1, 0.2, 0.3]) * x_height(30)
    pages = [noisy(blurred(text_page(paper=230), sigma), 8) for sigma in sigmas]
    assert rises([measure(page).blur for page in pages], by=0.03)


@pytest.mark.parametrize("strength", [0.0, 0.1, 0.2, 0.3])
def test_blur_does_not_depend_on_resolution(measure: Measure, strength: float) -> None:
    sharp = text_page(2480, 3508, size=60)
    page = blurred(sharp, strength * x_height(60))
    values = [measure(scaled(page, factor)).blur for factor in (1.0, 0.67, 0.5, 0.33)]
    assert max(values) - min(values) < 0.08


def test_hopeless_blur_is_never_called_sharp(measure: Measure) -> None:
    assert measure(blurred(text_page(), 0.8 * x_height(30))).blur > 0.5


def test_blur_does_not_depend_on_skew(measure: Measure) -> None:
    page = blurred(text_page(), 0.2 * x_height(30))
    values = [measure(turned(page, turn)).blur for turn in (0, 5, 20, 45, 90)]
    assert max(values) - min(values) < 0.06


def test_darkness_is_that_of_the_paper(measure: Measure) -> None:
    for level in (255, 220, 160, 100, 40):
        page = text_page(ink=0, paper=level)
        assert measure(page).darkness == pytest.approx(1 - level / 255, abs=0.01)


def test_darkness_does_not_depend_on_how_much_is_written(measure: Measure) -> None:
    values = [measure(text_page(paper=200, lines=lines)).darkness for lines in (0, 3, 25)]
    assert max(values) - min(values) < 0.01


def test_contrast_falls_as_ink_fades(measure: Measure) -> None:
    inks = (10, 60, 120, 180, 220)
    values = [measure(text_page(ink=ink)).contrast for ink in inks]
    assert rises([-value for value in values], by=0.05)
    for ink, value in zip(inks, values, strict=True):
        assert value == pytest.approx((255 - ink) / 255, abs=0.12)


@pytest.mark.parametrize(
    ("size", "turn"), [(16, 0), (16, 17), (24, 3), (30, 90), (30, 200), (48, 0), (48, 40)]
)
def test_text_height_in_pixels_of_the_page(measure: Measure, size: int, turn: float) -> None:
    height = measure(turned(text_page(size=size), turn)).text_height
    assert height == pytest.approx(x_height(size), rel=0.3, abs=1.5)


def test_the_dots_of_leaders_are_no_small_letters(measure: Measure) -> None:
    page = text_page(size=24).copy()
    for y in range(1000, 1600, 24):
        page[y : y + 4, 200:1000] = np.where(np.arange(800) % 12 < 4, 20, 255)
    assert measure(page).text_height == pytest.approx(x_height(24), abs=1.5)


def test_cut_off_rises_with_the_lines_cut(measure: Measure) -> None:
    values = [measure(text_page(margin=124, lines=n)[:, 150:]).cut_off for n in (0, 4, 10, 20)]
    assert values[0] == 0
    assert rises(values, by=0.01)
    assert measure(text_page(margin=124, lines=20)[:, 100:]).cut_off == 0


def test_a_scanners_shadow_is_no_cut_content(measure: Measure) -> None:
    page = text_page().copy()
    page[:, :12] = 0
    page[-8:] = 30
    assert measure(page).cut_off == 0


def test_ink_coverage_rises_with_ink(measure: Measure) -> None:
    values = [measure(text_page(lines=lines)).ink_coverage for lines in (0, 1, 5, 20)]
    assert values[0] < 0.0005
    assert rises(values, by=0.0005)


def test_ink_coverage_is_the_share_of_ink(measure: Measure) -> None:
    page = np.full((1600, 1200), 230, np.uint8)
    for x in range(100, 1100, 50):
        page[200:1400, x : x + 10] = 40
    assert measure(page).ink_coverage == pytest.approx(20 * 10 * 1200 / page.size, rel=0.05)


def noisy(page: Image, deviation: float) -> Image:
    rng = np.random.default_rng(3)
    return np.clip(page + rng.normal(0, deviation, page.shape), 0, 255).astype(np.uint8)


def specked(page: Image, share: float) -> Image:
    rng = np.random.default_rng(4)
    return np.where(rng.random(page.shape) < share, 255 - page, page).astype(np.uint8)


def faded(page: Image, share: float) -> Image:
    return np.asarray(255 - (255.0 - page) * (1 - share), np.uint8)


def lit(page: Image, radius: float) -> Image:
    """The page, darker, under a lamp whose spot has this radius in page widths."""
    height, width = page.shape
    y, x = np.mgrid[:height, :width]
    distance = np.hypot(y - 0.4 * height, x - 0.5 * width) / (radius * width)
    spot = np.clip(1.5 - distance, 0, 1)
    return np.asarray(page * 0.8 * (1 - spot) + 255 * spot, np.uint8)


def tapered(page: Image, share: float, side: str) -> Image:
    """The page as a camera sees it that is held aslant: one side shorter by this share."""
    height, width = page.shape
    corners = np.array([[0, 0], [width, 0], [width, height], [0, height]], np.float32)
    seen = corners.copy()
    if side == "top":
        seen[:2, 0] += np.array([1, -1]) * share * width / 2
    else:
        seen[1:3, 1] += np.array([1, -1]) * share * height / 2
    matrix = cv2.getPerspectiveTransform(corners, seen)
    return np.asarray(cv2.warpPerspective(page, matrix, (width, height), borderValue=255), np.uint8)


@pytest.fixture(scope="module")
def real() -> Image:
    """A filled form of the samples, grey."""
    page = cv2.imread(str(SAMPLES / "ticked_and_signed.png"), cv2.IMREAD_GRAYSCALE)
    assert page is not None
    return np.asarray(page, np.uint8)


@pytest.mark.parametrize("degrade", [noisy, specked], ids=["grain", "specks"])
def test_noise_rises_with_noise(
    measure: Measure, real: Image, degrade: Callable[[Image, float], Image]
) -> None:
    strengths = (10, 25, 50) if degrade is noisy else (0.01, 0.05, 0.15)
    for page in (text_page(), real):
        values = [measure(page).noise] + [measure(degrade(page, s)).noise for s in strengths]
        assert values[0] < 0.05
        assert rises(values, by=0.01)


def test_faintness_rises_as_ink_fades(measure: Measure, real: Image) -> None:
    for page in (text_page(ink=0), real):
        values = [measure(faded(page, share)).faintness for share in (0, 0.3, 0.6, 0.8)]
        assert rises(values, by=0.05)
    assert measure(text_page(ink=0)).faintness < 0.15


def test_glare_rises_with_the_spot(measure: Measure, real: Image) -> None:
    for page in (text_page(), real):
        assert measure(page).glare == 0
        assert rises([measure(lit(page, radius)).glare for radius in (0.05, 0.15, 0.3)], by=0.01)


@pytest.mark.parametrize("side", ["top", "right"])
def test_perspective_rises_as_the_page_tapers(measure: Measure, real: Image, side: str) -> None:
    for page in (text_page(), real):
        assert measure(page).perspective_degrees < 1
        shares = (0.08, 0.15, 0.25) if side == "top" else (0.04, 0.06)
        values = [measure(tapered(page, share, side)).perspective_degrees for share in shares]
        assert rises(values, by=0.5)


@pytest.mark.parametrize("turn", [7.0, -38.0, 90.0])
def test_a_flat_page_has_no_perspective_however_it_lies(measure: Measure, turn: float) -> None:
    assert measure(turned(text_page(), turn)).perspective_degrees < 1
