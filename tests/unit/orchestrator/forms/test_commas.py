"""Commas that were read as points."""

import numpy as np
import pytest
from numpy.typing import NDArray

from orchestrator.forms.commas import is_doubtful, with_commas
from training.ink import BLACK, font, write
from training.scan import ScanSettings, simulate_scan


def drawn(text: str, face: str, *, is_poor: bool = False) -> NDArray[np.uint8]:
    """A number's strip at 240 dpi, from a good scan or a 1-bit one."""
    letters = font(face, 30)
    image = np.full((50, round(letters.getlength(text)), 3), 255, np.uint8)
    write(image, text, 0, 34, letters, BLACK)
    settings = ScanSettings(blur_sigma=1.2, noise_sigma=6, specks=0, bilevel=is_poor)
    return simulate_scan(image, settings, np.random.default_rng(7)).image[..., 0]


@pytest.mark.parametrize("is_poor", [False, True])
@pytest.mark.parametrize("face", ["arimo", "tinos", "cousine", "roboto-slab"])
@pytest.mark.parametrize("digits", ["39 033", "844 892", "1 422"])
def test_ink_tells_comma_from_point(digits: str, face: str, is_poor: bool) -> None:
    comma, point = digits.replace(" ", ","), digits.replace(" ", ".")
    assert with_commas({"x": point}, {"x": drawn(comma, face, is_poor=is_poor)}) == {"x": comma}
    assert with_commas({"x": point}, {"x": drawn(point, face, is_poor=is_poor)}) == {"x": point}


def test_a_page_whose_points_group_says_so_for_all_its_numbers() -> None:
    strip = drawn("39.033", "arimo")
    page = {"sum": "833.283.19", "rest": "1.254 64", "x": "39.033"}
    assert with_commas(page, {"x": strip})["x"] == "39,033"
    assert with_commas({"sum": "833.283.19", "x": "39.033"}, {"x": strip})["x"] == "39.033"


@pytest.mark.parametrize("text", ["0.125", "12.5", "12.50", "1234.567", "39,033", "", "abc"])
def test_other_points_are_beyond_doubt(text: str) -> None:
    assert not is_doubtful(text)


def test_an_empty_strip_proves_nothing() -> None:
    assert with_commas({"x": "39.033"}, {"x": np.full((8, 8), 255, np.uint8)}) == {"x": "39.033"}
