from dataclasses import replace

import numpy as np
import pytest

from servers.ocr.crops import LineCut
from servers.ocr.domain import TextLine, Tier, Word
from servers.ocr.plans import LEAD, PITCH, PLANS, WIDEST, better_of, least_sure, widened
from servers.ocr.recognition import Box, Reading, Way

PAGE = np.full((200, 400), 255, np.uint8)
QUAD = np.array([[0, 0], [200, 0], [200, 20], [0, 20]], np.float64)
WAY: Way = (LineCut(QUAD, (QUAD,)),)
BOX = Box(PAGE, (WAY,))


def reading(*words: tuple[str, float], confidence: float = 0.9) -> Reading:
    found = tuple(Word(text, QUAD, sureness) for text, sureness in words)
    line = TextLine(" ".join(word.text for word in found), QUAD, confidence, found)
    return Reading((line,), confidence)


def test_the_least_sure_are_read_again_within_a_share_of_the_page() -> None:
    readings = [Reading((), confidence) for confidence in (0.99, 0.3, 0.9, 0.5, *[1.0] * 6)]
    plan = replace(PLANS[Tier.FAST], sure=0.99, sure_word=0.0, share=0.25)
    assert least_sure([BOX] * 10, readings, plan) == [1, 3]
    assert least_sure([BOX] * 10, readings, replace(plan, share=1.0)) == [1, 3, 2]
    assert least_sure([BOX] * 10, [Reading((), 0.99)] * 10, plan) == []


def test_a_sure_line_with_an_unsure_word_is_read_again() -> None:
    found = reading(("full-time", 1.0), ("employee", 0.7), confidence=0.995)
    plan = PLANS[Tier.ACCURATE]
    assert least_sure([BOX], [found], plan) == [0]
    assert least_sure([BOX], [found], replace(plan, sure_word=0.6)) == []


def spaced(text: str, *spaces: float) -> Reading:
    """A sure line of words 40 pixels wide, so many pixels apart."""
    found, left = [], 0.0
    for word, space in zip(text.split(), (*spaces, 0), strict=True):
        quad = np.array([[left, 0], [left + 40, 0], [left + 40, 20], [left, 20]], np.float64)
        found.append(Word(word, quad, 1.0))
        left += 40 + space
    return Reading((TextLine(text, QUAD, 1.0, tuple(found)),), 1.0)


@pytest.mark.parametrize(
    ("line", "is_doubted"),
    [
        (spaced("necessary adjus tments to its", 27, 8, 26, 28), True),
        (spaced("necessary adjustments to its own", 27, 24, 26, 28), False),
        (spaced("pay 12 500 to him", 27, 8, 26, 28), False),  # digits are parted as they like
        (spaced("all on an underline", 27, 0, 26), False),
        (spaced("adjus tment note", 8, 27), False),  # two spaces tell nothing of each other
    ],
)
def test_a_line_with_a_space_far_narrower_than_its_others_is_read_again(
    line: Reading, is_doubted: bool
) -> None:
    plan = PLANS[Tier.ACCURATE]
    assert (least_sure([BOX], [line], plan) == [0]) is is_doubted
    assert least_sure([BOX], [line], replace(plan, even=0.0)) == []


def test_narrow_print_is_shown_wider_so_that_each_letter_has_its_columns() -> None:
    found = reading(("abcdefghij" * 3, 1.0))
    assert widened(BOX, found).columns == pytest.approx(30 * PITCH)


def test_no_line_is_stretched_beyond_the_limit() -> None:
    assert widened(BOX, reading(("i" * 200, 1.0))).stretch == WIDEST


@pytest.mark.parametrize(
    ("box", "found"),
    [
        (BOX, reading(("wide", 1.0))),
        (BOX, Reading((), 0.0)),
        (Box(PAGE, (WAY, WAY)), reading(("i" * 200, 1.0))),
    ],
)
def test_wide_print_and_boxes_of_several_ways_stay_as_they_are(box: Box, found: Reading) -> None:
    assert widened(box, found) == box


def test_the_second_reading_counts_unless_the_first_is_far_surer() -> None:
    first = reading(("first", 0.9), confidence=0.9)
    close = reading(("second", 0.9), confidence=0.9 - LEAD / 2)
    far = reading(("second", 0.6), confidence=0.9 - 2 * LEAD)
    assert better_of(first, close) is close
    assert better_of(first, far) is first
