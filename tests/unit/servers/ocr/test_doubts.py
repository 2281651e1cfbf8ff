from dataclasses import replace

import pytest

from servers.ocr.domain import TextLine
from servers.ocr.doubts import Doubts, doubtful_words, is_known, narrowest_space
from servers.ocr.lexicon import Lexicon
from tests.unit.servers.ocr.lines import line

LEXICON = Lexicon([("total", 0.1), ("amount", 0.1), ("customer", 0.1), ("s", 0.1)])
DOUBTS = Doubts(word=0.9, short=0.8, long=0.5, space=0.9, known_space=0.5, whole=0.9, even=0.55)


def doubted(found: TextLine, doubts: Doubts = DOUBTS, lexicon: Lexicon | None = LEXICON) -> str:
    """The words that are."""
    doubtful = doubtful_words(found, doubts, lexicon).tolist()
    return " ".join(w.text for w, yes in zip(found.words, doubtful, strict=True) if yes)


def test_a_word_that_no_list_knows_is_doubted_sooner_than_a_known_one_and_a_long_one_last() -> None:
    text = "Tatal Total customer 1200"
    assert doubted(line(text, [0.95] * 4)) == ""
    assert doubted(line(text, [0.85] * 4)) == "Tatal 1200"
    assert doubted(line(text, [0.7] * 4)) == "Tatal Total 1200"
    assert doubted(line(text, [0.4] * 4)) == text
    assert doubted(line(text, [0.85] * 4), lexicon=None) == text


def test_both_words_beside_an_unsure_space_are_doubted_unless_they_are_known() -> None:
    assert doubted(line("00038 1399 Total", spaces=[0.8, 1.0])) == "00038 1399"
    assert doubted(line("Total amount 12", spaces=[0.8, 1.0])) == ""
    assert doubted(line("Total amount 12", spaces=[0.4, 1.0])) == "Total amount"
    assert doubted(line("customer s 12", spaces=[0.8, 1.0])) == "customer s"


def test_an_unknown_word_that_may_be_two_is_doubted() -> None:
    assert doubted(line("3UNIT Total", wholes=[0.8, 0.8])) == "3UNIT"


@pytest.mark.parametrize(
    ("found", "is_doubted"),
    [
        (line("necessary adjus tments to its", gaps=[27, 8, 26, 28]), True),
        (line("necessary adjustments to its own", gaps=[27, 24, 26, 28]), False),
        (line("pay 12 500 to him", gaps=[27, 8, 26, 28]), False),  # digits are parted as they like
        (line("all on an underline", gaps=[27, 0, 26]), False),
        (line("adjus tment note", gaps=[8, 27]), False),  # two spaces tell nothing of each other
    ],
)
def test_a_line_with_a_space_far_narrower_than_its_others_is_doubted(
    found: TextLine, is_doubted: bool
) -> None:
    assert doubted(found) == (found.text if is_doubted else "")
    assert doubted(found, replace(DOUBTS, even=0.0)) == ""


def test_spaces_are_measured_against_the_lines_other_ones() -> None:
    assert narrowest_space(line("a b c d", gaps=[20, 10, 20])) == pytest.approx(0.5)


@pytest.mark.parametrize(
    ("text", "known"),
    [("Total", True), ("TOTAL:", True), ("total-amount", True), ("total-x", False), ("***", False)],
)
def test_signs_do_not_make_a_word_unknown_or_known(text: str, known: bool) -> None:
    assert is_known(text, LEXICON) is known
    assert not is_known(text, None)
