from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from servers.ocr.ctc import Glyph
from servers.ocr.spacing import with_spaces

STEP = 8


def line(text: str, gaps: Sequence[int]) -> tuple[list[Glyph], np.ndarray]:
    """A line of letters 16 columns wide with these gaps between them."""
    glyphs, runs, x = [], [], 8
    for letter, gap in zip(text, [*gaps, 8], strict=True):
        middle = x // STEP + 1
        glyphs.append(Glyph(letter, middle, middle + 1, 0.9))
        runs.append((x, x + 16))
        x += 16 + gap
    ink = np.zeros(x, np.bool_)
    for start, end in runs:
        ink[start:end] = True
    return glyphs, ink


def read(text: str, gaps: Sequence[int], *, ruled: Sequence[int] = ()) -> str:
    """What the line says with rules in these columns."""
    glyphs, ink = line(text, gaps)
    rules = np.zeros_like(ink)
    rules[list(ruled)] = True
    return "".join(glyph.text for glyph in with_spaces(glyphs, ink | rules, rules, STEP))


def test_a_gap_much_wider_than_the_others_is_a_space() -> None:
    assert read("yesno", (4, 4, 32, 4)) == "yes no"


def test_words_of_evenly_spread_letters_stay_whole() -> None:
    assert read("spread", (24, 24, 24, 24, 24)) == "spread"


def test_a_number_and_a_word_part_at_a_narrower_gap_than_two_words() -> None:
    assert read("29Lane", (4, 12, 4, 4, 4)) == "29 Lane"
    assert read("InLane", (4, 12, 4, 4, 4)) == "InLane"


def test_a_letter_alone_is_not_cut_off() -> None:
    assert read("above", (4, 32, 32, 4)) == "above"
    assert read("1st", (16, 4)) == "1st"


def test_amounts_and_marks_stay_as_they_are() -> None:
    assert read("12,50", (4, 32, 32, 4)) == "12,50"


def test_a_rule_parts_a_number_from_the_next_cell() -> None:
    gaps = (4, 4, 4, 12, 4)
    assert read("719000", gaps) == "719000"
    assert read("719000", gaps, ruled=[90]) == "7190 00"


def test_a_rule_between_letters_may_be_a_stem_of_one() -> None:
    assert read("filled", (4, 4, 4, 12, 4), ruled=[90]) == "filled"


def test_what_is_not_read_between_two_words_parts_them() -> None:
    """A tick box, for instance: ink, so that there is no gap to go by."""
    glyphs, ink = line("751Democrat", (4, 4, 48, *[4] * 7))
    ink[:] = True
    spaced = with_spaces(glyphs, ink, np.zeros_like(ink), STEP)
    assert "".join(glyph.text for glyph in spaced) == "751 Democrat"


@given(st.text("ab1, ", max_size=12), st.data())
def test_nothing_but_spaces_is_added(text: str, data: st.DataObject) -> None:
    count = max(len(text) - 1, 0)
    gaps = data.draw(st.lists(st.integers(0, 80), min_size=count, max_size=count))
    if text:
        ruled = data.draw(st.lists(st.integers(0, 16 * len(text)), max_size=4))
        found = read(text, gaps, ruled=ruled)
        assert found.replace(" ", "") == text.replace(" ", "")


@pytest.mark.parametrize("blank", [True, False])
def test_without_ink_to_go_by_nothing_changes(blank: bool) -> None:
    glyphs, ink = line("yesno", (4, 4, 32, 4))
    rules = np.zeros_like(ink)
    assert with_spaces(glyphs, np.full_like(ink, not blank), rules, STEP) == glyphs
