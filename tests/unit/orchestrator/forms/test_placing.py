"""Which letters of the page's words are the form's own, and which were written into a field."""

import numpy as np
import pytest

from orchestrator.forms.alignment import Alignment
from orchestrator.forms.frame import Rect
from orchestrator.forms.pdf_form import PrintedWord
from orchestrator.forms.placing import place_words
from orchestrator.forms.words import PageWord

LAID = Alignment(np.eye(3), 20, 0.1, 1.0, 1.0, np.zeros((0, 2)), np.zeros((0, 2)))
"""The page is the blank."""
COMB = Rect(54, 238, 81, 249)
YEAR = [
    PrintedWord(figure, Rect(left, 239, left + 4, 249))
    for figure, left in zip("2024", (82, 88, 94, 100), strict=True)
]
"""Figures that the form prints beside the comb, each a word of its own."""


def written(text: str, left: float, right: float) -> str:
    """What of this word is in the comb."""
    corners = np.array([(left, 238), (right, 238), (right, 249), (left, 249)], np.float64)
    word = PageWord(text, 0.9, corners, 0)
    found = place_words([word], LAID, YEAR, {"day": COMB})
    return "".join(fragment.text for fragment in found.get("day", []))


@pytest.mark.parametrize("left", [70.0, 76.0, 82.0])
@pytest.mark.parametrize("text", ["2024", "202", "2O24"])
def test_print_beside_a_comb_is_not_written_in_it(text: str, left: float) -> None:
    assert written(text, left, 105) == ""


def test_what_is_written_before_the_print_is() -> None:
    assert written("0411", 55, 80) == "0411"
    assert written("04112024", 55, 105) == "0411"


def test_figures_of_a_form_that_prints_few_of_them_are_written() -> None:
    corners = np.array([(54, 238), (80, 238), (80, 249), (54, 249)], np.float64)
    printed = [PrintedWord("20", Rect(54, 239, 66, 249))]
    found = place_words([PageWord("2024", 0.9, corners, 0)], LAID, printed, {"day": COMB})
    assert [fragment.text for fragment in found["day"]] == ["24"]
