"""What else is said of a page's skew, and what it is held against."""

import numpy as np
import pytest
from PIL import Image as Pillow
from PIL import ImageDraw, ImageFont

from eval.baselines import Box
from eval.skew_opinions import Difference, lines_of, row
from eval.spectrum import direction_by_spectrum
from eval.turning import turned
from meshkit.model import Image

COLUMNS: tuple[str, ...] = ("level", "block_num", "par_num", "line_num", "word_num")
COLUMNS += ("left", "top", "width", "height", "conf", "text")
READ = [
    (4, 1, 1, 1, 0, 10, 20, 200, 30, -1, ""),
    (5, 1, 1, 1, 1, 10, 20, 60, 30, 96.5, "two"),
    (5, 1, 1, 1, 2, 80, 21, 70, 30, 91.0, "words"),
    (5, 1, 1, 1, 3, 170, 22, 40, 30, 12.0, "~~"),
    (5, 1, 1, 2, 1, 10, 70, 50, 30, 90.0, "next"),
]


def drawn_page() -> Image:
    """A BGR page of even lines of print."""
    page = Pillow.new("RGB", (1240, 1754), "white")
    draw = ImageDraw.Draw(page)
    font = ImageFont.load_default(28)
    for y in range(150, 1600, 48):
        draw.text((120, y), "the name of the owner who signed on this date", "black", font)
    return np.asarray(page, np.uint8)


@pytest.mark.parametrize("degrees", [-3.2, 0.4, 1.75])
def test_the_spectrum_tells_how_a_page_was_turned(degrees: float) -> None:
    page = turned(drawn_page(), degrees)
    assert direction_by_spectrum(page, degrees + 0.23) == pytest.approx(degrees, abs=0.02)


def test_words_that_were_surely_read_come_line_by_line() -> None:
    table = "\n".join("\t".join(map(str, cells)) for cells in [COLUMNS, *READ])
    two, words = Box("two", 10, 20, 70, 50), Box("words", 80, 21, 150, 51)
    assert lines_of(table) == [[two, words], [Box("next", 10, 70, 60, 100)]]


def test_what_is_told_too_far_leans_outwards_on_either_side() -> None:
    differences = [Difference(0.02, 1.0), Difference(-0.04, -1.0), Difference(0.5, 0.0)]
    assert row("x", differences) == ["x", "3", "0.1867", "0.0400", "+0.030 ± 0.010"]


def test_pages_labelled_as_upright_have_no_outward_side() -> None:
    assert row("x", [Difference(0.5, 0.0), Difference(0.1, 0.02)])[-1] == ""
