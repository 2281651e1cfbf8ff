"""How tall letters are, and text as tall as print."""

import numpy as np
import pytest

from servers.deskew.letters import PRINT_HEIGHT, as_tall_as_print, letter_height
from servers.deskew.paper import paper_of
from servers.deskew.text import TextEdges, find_text, working_copy
from tests.unit.servers.deskew.pages import text_page


def text_of(size: int) -> TextEdges:
    working = working_copy(text_page(size=size))
    return find_text(working, paper_of(working))


def test_print_stays_as_it_is() -> None:
    text = text_of(20)
    assert as_tall_as_print(text, 0.0) is text


@pytest.mark.parametrize("size", [60, 90])
def test_tall_letters_become_as_tall_as_print(size: int) -> None:
    text = text_of(size)
    seen = as_tall_as_print(text, 0.0)
    assert letter_height(seen, 0.0) < PRINT_HEIGHT < letter_height(text, 0.0)
    factor = seen.points[0, 0] / text.points[0, 0]
    np.testing.assert_allclose(seen.points, text.points * factor, rtol=1e-4)
    np.testing.assert_array_equal(seen.letters, text.letters)


def test_a_page_without_text_has_no_height() -> None:
    blank = np.full((800, 600), 255, np.uint8)
    text = find_text(blank, paper_of(blank))
    assert as_tall_as_print(text, 0.0) is text
    assert letter_height(text, 0.0) == 0
