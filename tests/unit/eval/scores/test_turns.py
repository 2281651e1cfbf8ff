"""What counts as a page whose turn was told."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from eval.scores.classes import ClassScore
from eval.scores.turns import TurnScore, folded


def test_errors_are_absolute_and_orientation_is_right_or_not() -> None:
    score = TurnScore()
    score.add_skew(0.3, 0.25)
    score.add_skew(-44.9, 44.9)  # the same lines, told as the other quarter turn
    for truth, told in ((0, 0), (90, 270), (180, None), (270, 270)):
        score.add_orientation(truth, told)
    figures = score.figures()
    assert score.errors == pytest.approx([0.05, 0.2])
    assert (figures["<= 0.1"], figures["orientation"]) == (0.5, 0.5)


@settings(deadline=None)
@given(st.floats(-45, 45), st.floats(-45, 45))
def test_within_a_quarter_turn_the_error_is_the_plain_difference(a: float, b: float) -> None:
    plain = abs(a - b)
    assert folded(a - b, 90) == pytest.approx(min(plain, 90 - plain), abs=1e-9)


def test_unknown_is_not_right() -> None:
    score = ClassScore()
    for told in ("letter", "unknown", "form", "letter"):
        score.add("letter", told)
    assert score.figures() == {"accuracy": 0.5, "unknown": 0.25}
