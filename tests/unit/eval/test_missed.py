"""Why labelled words are missing from what was read."""

import numpy as np
import pytest

from eval.missed import missed_of
from servers.ocr.domain import Word


def word(text: str, left: float, right: float, top: float = 0) -> Word:
    corners = [[left, top], [right, top], [right, top + 20], [left, top + 20]]
    return Word(text, np.array(corners, np.float64), 0.9)


def line(text: str, left: float, right: float, top: float = 0) -> dict[str, object]:
    return {"text": text, "quad": word(text, left, right, top).quad.ravel().tolist()}


@pytest.mark.parametrize(
    ("said", "cause", "tokens"),
    [
        ([], "not found", ("adjustment", "note")),
        ([word("Adjus", 0, 40), word("tment", 42, 80), word("Note", 90, 120)], "spaces",
         ("adjustment",)),
        ([word("Adjustment", 0, 80), word("Nole", 90, 120)], "misread", ("note",)),
    ],
)  # fmt: skip
def test_each_missing_word_has_a_cause(
    said: list[Word], cause: str, tokens: tuple[str, ...]
) -> None:
    (missed,) = missed_of({"lines": [line("ADJUSTMENT NOTE", 0, 120)]}, said)

    assert (missed.cause, missed.tokens) == (cause, tokens)


def test_a_page_that_is_read_misses_nothing() -> None:
    page = {"lines": [line("TOTAL 5.00", 0, 120)]}

    assert [*missed_of(page, [word("Total", 0, 50), word("5.00", 60, 120)])] == []


def test_a_word_labelled_twice_and_read_once_is_missed_where_it_was_not_read() -> None:
    page = {"lines": [line("TAX", 0, 40), line("TAX", 0, 40, top=100)]}
    read = [word("Tax", 0, 40), word("Tex", 0, 40, top=100)]

    (missed,) = missed_of(page, read)

    assert (missed.label["quad"][1], missed.cause) == (100, "misread")
