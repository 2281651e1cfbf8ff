import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from servers.ocr.crops import LineCut
from servers.ocr.domain import TextLine, Tier
from servers.ocr.plans import PLANS, Plan
from servers.ocr.recognition import Box, Reading, Way
from servers.ocr.second_look import (
    BESIDE,
    LEAD,
    PITCH,
    WIDEST,
    Part,
    cuts,
    doubtful_parts,
    wide_enough,
    with_second_readings,
)
from tests.unit.servers.ocr.lines import GAP, LETTER, line, quad

PAGE = np.full((40, 800), 255, np.uint8)
PLAN = PLANS[Tier.ACCURATE]


def box_of(found: TextLine) -> Box:
    return Box(PAGE, ((LineCut(found.quad, (found.quad,)),),))


def reading_of(found: TextLine) -> Reading:
    return Reading((found,), found.confidence)


def parts_of(found: TextLine, plan: Plan = PLAN) -> list[Part]:
    return doubtful_parts([box_of(found)], [reading_of(found)], plan, None)


def words_of(found: TextLine, doubtful: list[bool]) -> list[str]:
    runs = cuts(found, np.array(doubtful))
    return [" ".join(w.text for w in found.words[start:end]) for start, end, _ in runs]


def test_a_doubtful_word_is_seen_with_a_short_word_on_either_side() -> None:
    found = line("remember to wear green shoes to parties")
    assert words_of(found, [False, False, True, False, False, False, False]) == ["to wear green"]
    assert len("remember") > BESIDE
    assert words_of(found, [False, True, False, False, False, False, False]) == ["to wear"]


def test_parts_that_touch_are_one_and_much_of_a_line_is_all_of_it() -> None:
    found = line("one two three four five six seven eight nine ten")
    assert words_of(found, [False, True, False, True, *[False] * 6]) == ["one two three four five"]
    assert words_of(found, [True, False, False, True, True, True, True, *[False] * 3]) == [
        found.text
    ]
    assert words_of(found, [False] * 10) == []


def test_a_line_is_cut_in_the_middle_of_its_gaps() -> None:
    found = line("elephants it elephants elephants elephants")
    ((start, end, cut),) = cuts(found, np.array([False, True, False, False, False]))
    assert (start, end) == (1, 2)
    left, right = 9 * LETTER + GAP / 2, 11 * LETTER + GAP * 1.5
    assert cut == pytest.approx(quad(left, right))


def test_a_line_is_not_cut_where_letters_touch() -> None:
    found = line("elephants it elephants elephants elephants", gaps=[1, 10, 10, 10])
    assert words_of(found, [False, True, False, False, False]) == ["elephants it"]


@given(st.lists(st.tuples(st.integers(1, 9), st.booleans(), st.booleans()), min_size=1))
def test_every_doubtful_word_is_in_one_part_and_parts_do_not_overlap(
    words: list[tuple[int, bool, bool]],
) -> None:
    text = " ".join("x" * length for length, _, _ in words)
    found = line(text, gaps=[10.0 if wide else 0.5 for _, _, wide in words[1:]])
    doubtful = [yes for _, yes, _ in words]
    runs = [(start, end) for start, end, _ in cuts(found, np.array(doubtful))]
    held = [place for start, end in runs for place in range(start, end)]
    assert held == sorted(set(held))
    assert set(np.flatnonzero(doubtful)) <= set(held)


def test_the_least_sure_are_read_again_within_a_share_of_the_page() -> None:
    lines = [line("x" * 10, [sure]) for sure in (1.0, 0.3, 0.85, 0.5, *[1.0] * 6)]
    boxes, readings = [box_of(one) for one in lines], [reading_of(one) for one in lines]
    for share, places in ((math.inf, [1, 3, 2]), (0.25, [1, 3]), (0.0, [])):
        parts = doubtful_parts(boxes, readings, replace(PLAN, share=share), None)
        assert [part.place for part in parts] == places


def test_a_box_that_is_not_one_line_is_read_again_as_it_is_shown_by_itself() -> None:
    way: Way = box_of(line("tall")).ways[0]
    tall = Box(PAGE, (way, way), stretch=0.9)
    (part,) = doubtful_parts([tall], [Reading((), 0.9)], PLAN, None)
    assert part.words is None
    assert part.box == replace(tall, stretch=1.0)
    assert doubtful_parts([tall], [Reading((), 0.995)], PLAN, None) == []


def test_narrow_print_is_shown_wider_so_that_each_letter_has_its_columns() -> None:
    box = Box(PAGE, ((LineCut(quad(0, 100), (quad(0, 100),)),),))
    narrow = line("abcdefghij" * 2).words
    assert wide_enough(box, narrow).columns == pytest.approx(20 * PITCH)
    assert wide_enough(box, line("wide").words) == box
    assert wide_enough(box, line("i" * 200).words).stretch == WIDEST


def test_what_is_read_again_takes_its_words_places_whatever_their_number() -> None:
    first = line("cold rainwater is adjus tments and moresnow", [1, 1, 1, 0.5, 0.5, 1, 0.5])
    middle = Part(0, (3, 5), 0.7, box_of(first))
    end = Part(0, (6, 7), 0.7, box_of(first))
    seconds = [reading_of(line("adjustments")), reading_of(line("more snow"))]
    (together,) = with_second_readings([reading_of(first)], [middle, end], seconds)
    (found,) = together.lines
    assert found.text == "cold rainwater is adjustments and more snow"
    assert [word.text for word in found.words] == found.text.split()
    assert together.confidence == found.confidence == pytest.approx(1.0)


def test_the_second_reading_counts_unless_the_first_is_far_surer() -> None:
    first, part = line("first", [0.9]), parts_of(line("first", [0.5]))[0]
    part = replace(part, confidence=0.9)
    close = replace(reading_of(line("second")), confidence=0.9 - LEAD / 2)
    far = replace(close, confidence=0.9 - 2 * LEAD)
    for second, text in ((close, "second"), (far, "first")):
        (together,) = with_second_readings([reading_of(first)], [part], [second])
        assert together.lines[0].text == text


def test_a_box_in_which_nothing_is_read_again_holds_nothing() -> None:
    part = replace(parts_of(line("speck", [0.1]))[0], confidence=0.01)
    (together,) = with_second_readings([reading_of(line("speck"))], [part], [Reading((), 0.0)])
    assert together == Reading((), 0.0)
