"""Printed rules, on sheets whose writing does not tell how they lie."""

import cv2
import numpy as np
import pytest

from meshkit.model import Image
from servers.deskew.pose import RULED_CONFIDENCE
from servers.deskew.rules import direction_of_rules
from tests.unit.servers.deskew.conftest import Deskew
from tests.unit.servers.deskew.pages import by_hand, text_page, turned

ACROSS = {"first": (80, 60, 1160, 60), "last": (80, 1680, 1160, 1680)}


def ruled(page: Image, *lines: tuple[int, int, int, int]) -> Image:
    """The page with rules from x, y to x, y, five pixels thick."""
    page = page.copy()
    for *start, x, y in lines:
        cv2.line(page, start, (x, y), 20, 5, cv2.LINE_AA)
    return page


def note(*, seed: int = 0) -> Image:
    """Lines in a big hand, each of which climbs or falls by up to three degrees."""
    page = by_hand(60, slant=3, sway=0.2, seed=seed)
    page[:100] = page[-110:] = 255
    return page


@pytest.mark.parametrize("turn", [0.0, 7.0, -70.0, 123.0])
@pytest.mark.parametrize("seed", [0, 1, 2])
def test_a_note_between_rules_lies_as_they_do(deskew: Deskew, seed: int, turn: float) -> None:
    result = deskew(turned(ruled(note(seed=seed), *ACROSS.values()), turn))
    assert result.quarters is not None
    told = 90 * result.quarters + result.skew_degrees
    assert abs((told - turn + 180) % 360 - 180) < 0.05
    assert result.skew_confidence == RULED_CONFIDENCE


def test_print_lies_as_its_lines_do_not_as_rules_across_it(deskew: Deskew) -> None:
    aslant = ruled(text_page(), (80, 60, 1160, 90), (80, 1650, 1160, 1680))
    assert abs(deskew(aslant).skew_degrees) < 0.05


@pytest.mark.parametrize(
    "lines",
    [
        [],
        [ACROSS["first"]],
        [(80, 60, 330, 60), (80, 1680, 330, 1680)],
        [ACROSS["first"], (80, 1600, 1160, 1680), (80, 900, 1160, 860)],
    ],
    ids=["none", "one", "short", "astray"],
)
def test_too_few_rules_or_such_as_do_not_agree_say_nothing(
    lines: list[tuple[int, int, int, int]],
) -> None:
    page = np.full((1600, 1240), 255, np.uint8)
    assert direction_of_rules(ruled(page, *lines)) is None


@pytest.mark.parametrize("turn", [0.0, 20.0, -41.0])
def test_rules_that_agree_say_how_they_lie(turn: float) -> None:
    frame = ruled(np.full((1600, 1240), 255, np.uint8), (80, 60, 1160, 60), (80, 900, 1160, 900))
    direction = direction_of_rules(turned(frame, turn))
    assert direction is not None
    assert abs(direction - turn) < 0.02
