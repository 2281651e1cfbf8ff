from itertools import pairwise

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from servers.ocr.ctc import Span
from servers.ocr.extents import ink_columns, ruled_columns, word_extents


def span(start: int, end: int) -> Span:
    return Span("word", start, end, 1.0)


def columns(width: int, *inked: tuple[int, int]) -> np.ndarray:
    ink = np.zeros(width, np.bool_)
    for start, end in inked:
        ink[start:end] = True
    return ink


def test_words_end_where_their_ink_ends() -> None:
    ink = columns(160, (5, 38), (40, 70), (90, 150))
    extents = word_extents([span(1, 8), span(12, 18)], ink, 8)
    assert extents == [(5, 70), (90, 150)]


def test_the_gap_between_letters_is_not_the_gap_between_words() -> None:
    ink = columns(160, (10, 60), (63, 75), (95, 140))
    (_, first_end), (second_start, _) = word_extents([span(1, 8), span(13, 17)], ink, 8)
    assert (first_end, second_start) == (75, 95)


def test_without_a_gap_words_part_in_the_middle() -> None:
    extents = word_extents([span(0, 4), span(6, 10)], columns(80, (0, 80)), 8)
    assert extents[0][1] == extents[1][0]
    assert 28 <= extents[0][1] <= 52


def test_a_crop_without_ink_gives_the_steps_themselves() -> None:
    assert word_extents([span(2, 4)], columns(80), 8) == [(16, 32)]


@given(st.data())
def test_extents_lie_in_order_inside_the_crop(data: st.DataObject) -> None:
    steps = data.draw(st.integers(2, 30))
    cuts = sorted(data.draw(st.sets(st.integers(0, steps), min_size=2, max_size=steps)))
    words = [span(a, b) for a, b in list(pairwise(cuts))[::2]]
    ink = np.array(data.draw(st.lists(st.booleans(), min_size=steps * 8, max_size=steps * 8)))
    extents = word_extents(words, ink, 8)
    assert len(extents) == len(words)
    assert all(0 <= left < right <= steps * 8 for left, right in extents)
    assert all(a[1] <= b[0] for a, b in pairwise(extents))


def test_ink_is_found_dark_on_light_and_light_on_dark() -> None:
    crop = np.full((48, 100, 3), 230, np.uint8)
    crop[15:35, 40:60] = 20
    assert np.flatnonzero(ink_columns(crop)).tolist() == list(range(40, 60))
    assert np.flatnonzero(ink_columns(255 - crop)).tolist() == list(range(40, 60))


def test_a_ruled_line_under_the_text_is_no_ink() -> None:
    crop = np.full((48, 100, 3), 255, np.uint8)
    crop[44:46] = 0
    crop[15:35, 40:60] = 0
    assert np.flatnonzero(ink_columns(crop)).tolist() == list(range(40, 60))


def test_blank_paper_has_no_ink() -> None:
    assert not ink_columns(np.full((48, 100, 3), 240, np.uint8)).any()


def test_a_rule_goes_from_top_to_bottom_and_a_letter_does_not() -> None:
    crop = np.full((48, 100, 3), 230, np.uint8)
    crop[4:44, 40:60] = 20
    crop[:, 70:73] = 20
    assert np.flatnonzero(ruled_columns(crop)).tolist() == [70, 71, 72]
    assert np.flatnonzero(ruled_columns(255 - crop)).tolist() == [70, 71, 72]
    assert not ruled_columns(np.full((48, 100), 240, np.uint8)).any()
