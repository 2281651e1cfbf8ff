import pytest

from servers.ocr.ctc import decode
from servers.ocr.joined_words import with_words_parted
from servers.ocr.lexicon import Lexicon
from tests.unit.servers.ocr.lattices import ALPHABET, TEXTS, steps_of, texts

LEXICON = Lexicon(
    (word, 1e-4) for word in ("sales", "inclusive", "stationery", "shop", "den", "mar", "salesman")
)


def read(text: str, spaces: dict[int, float]) -> str:
    """The text with spaces so likely behind these of its letters."""
    columns: list[dict[str, float]] = []
    for place, letter in enumerate(text):
        columns += [{letter: 0.99}, {" ": spaces[place]} if place in spaces else {}]
    steps = steps_of(*columns)
    return texts(with_words_parted(decode(steps, TEXTS), steps, ALPHABET, LEXICON))


def test_a_likely_gap_parts_known_words() -> None:
    assert read("SALESINCLUSIVE", {4: 0.3}) == "SALES INCLUSIVE"
    assert read("total: salesinclusive 5", {11: 0.3}) == "total: sales inclusive 5"


def test_one_part_may_be_a_name() -> None:
    assert read("SANYUSTATIONERYSHOP", {4: 0.3, 14: 0.08}) == "SANYU STATIONERY SHOP"


def test_a_gap_that_makes_no_words_is_left_out() -> None:
    assert read("salesinclusive", {4: 0.3, 9: 0.2}) == "sales inclusive"


@pytest.mark.parametrize(
    ("text", "spaces"),
    [
        ("salesinclusive", {4: 0.01}),  # no gap is seen
        ("salesman", {4: 0.4}),  # a word of its own
        ("marden", {2: 0.4}),  # a name that short words make
        ("salesxy", {4: 0.4}),  # what is left is no word
        ("delicia", {2: 0.4}),  # neither is known
    ],
)
def test_what_is_no_two_words_stays_one(text: str, spaces: dict[int, float]) -> None:
    assert read(text, spaces) == text
