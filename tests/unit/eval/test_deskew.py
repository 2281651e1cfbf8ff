"""The turn error: what is told of a turned page against what is told of it as scanned."""

import pytest

from eval.deskew import Answer, Score, turn_error


@pytest.mark.parametrize(
    ("scanned", "label", "again", "angle", "error"),
    [
        (Answer(0.5, told=True), 0.4, Answer(30.5, told=True), 30.0, 0.0),
        (Answer(0.5, told=True), 0.4, Answer(30.7, told=True), 30.0, 0.2),
        (Answer(1.0, told=True), 1.0, Answer(-178.8, told=True), -180.0, 0.2),
        (Answer(1.0, told=True), 1.0, Answer(121.0, told=True), 30.0, 0.0),
    ],
    ids=["exact", "off", "across the half turn", "a wrong quarter is not counted here"],
)
def test_a_told_page_is_compared_with_itself(
    scanned: Answer, label: float, again: Answer, angle: float, error: float
) -> None:
    assert turn_error(scanned, label, again, angle) == pytest.approx(error)


def test_a_page_that_is_not_told_as_scanned_is_compared_with_its_label() -> None:
    untold = Answer(0.0, told=False)
    right, wrong = Answer(34.0, told=True), Answer(30.0, told=True)
    assert turn_error(untold, 4.0, right, 30.0) == pytest.approx(0.0)
    assert turn_error(untold, 4.0, wrong, 30.0) == pytest.approx(4.0)


def test_a_page_that_is_not_told_when_turned_counts_with_skew_0() -> None:
    assert turn_error(Answer(1.0, told=True), 1.0, Answer(0.0, told=False), 30.0) == pytest.approx(
        31.0
    )


def test_the_row_of_all_pages_is_over_pages_not_over_sets() -> None:
    one, two, together = Score(), Score(), Score()
    for score, errors in ((one, [0.0]), (two, [0.3, 0.3, 0.6])):
        for error in errors:
            score.add_skew(1.0 + error, 1.0)
            score.turn_errors.append(error)
            score.told.append(True)
        together.add_all(score)
    assert together.skew_errors == pytest.approx([0.0, 0.3, 0.3, 0.6])
    assert together.turn_errors == [0.0, 0.3, 0.3, 0.6]
    assert together.told == [True] * 4
    assert one.turn_errors == [0.0]
