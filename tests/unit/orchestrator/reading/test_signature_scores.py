"""What a page's words tell of ink that may be a signature."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.reading.layout import Box, Token
from orchestrator.reading.signature_scores import (
    WEIGHTS,
    InkEvidence,
    ink_evidence,
    invites,
    is_figures,
    weigh,
)
from tests.unit.orchestrator.reading.sheets import Sheet

INK = Box(330, 470, 500, 515)
BODY = "Words of a page that tell how high its letters are"


def evidence(sheet: Sheet, *inked: Token) -> InkEvidence:
    sheet.write(BODY, 100, 100)
    (found,) = ink_evidence([INK], [*sheet.tokens, *inked])
    return found


def inked(text: str, confidence: float, box: Box = INK) -> Token:
    """A word that was read in the ink."""
    return Token(text, box, confidence, 99)


def test_ink_that_is_read_surely_is_read() -> None:
    assert evidence(Sheet(), inked("Lorem", 0.9)).read == pytest.approx(0.9)
    assert evidence(Sheet(), inked("Wtlm", 0.1)).read == pytest.approx(0.1)


def test_words_beside_or_much_lower_than_the_ink_are_not_read_in_it() -> None:
    beside, low = Box(480, 470, 700, 515), Box(340, 495, 490, 512)
    assert evidence(Sheet(), inked("Ann", 1.0, beside), inked("Ann", 1.0, low)).read == 0


def test_a_date_is_figures_however_unsure() -> None:
    assert evidence(Sheet(), inked("4/22190", 0.1)).figures == pytest.approx(1.0)
    assert evidence(Sheet(), inked("Meyer2", 0.1)).figures == 0


@pytest.mark.parametrize(("x", "y"), [(210, 490), (285, 475), (140, 480)])
def test_a_caption_before_the_ink_asks_for_a_date(x: float, y: float) -> None:
    sheet = Sheet()
    sheet.write("Date", x, y)
    assert evidence(sheet).dated


def test_a_date_that_was_read_behind_its_caption_is_what_it_asks_for() -> None:
    sheet = Sheet()
    sheet.write("Date 4/22/90", 190, 490)
    assert not evidence(sheet).dated


def test_a_date_that_is_asked_for_elsewhere_does_not_count() -> None:
    sheet = Sheet()
    sheet.write("Date", 700, 490)
    assert not evidence(sheet).dated


@pytest.mark.parametrize("text", ["Sincerely,", "Approved by", "Unterschrift", "Firma"])
def test_words_near_the_ink_invite_a_signature(text: str) -> None:
    sheet = Sheet()
    sheet.write(text, 330, 525)
    assert evidence(sheet).invited


def test_words_far_away_invite_none() -> None:
    sheet = Sheet()
    sheet.write("Signature", 330, 900)
    assert not evidence(sheet).invited


@pytest.mark.parametrize(("text", "x", "y"), [("Approved By:", 120, 488), ("SIGNATURE", 360, 380)])
def test_words_before_the_ink_on_its_row_or_over_its_column_invite_a_signature(
    text: str, x: float, y: float
) -> None:
    sheet = Sheet()
    sheet.write(text, x, y)
    assert evidence(sheet).invited


@pytest.mark.parametrize(
    ("text", "at", "between"),
    [("By:", (120, 488), ("Marketing", 200, 488)), ("SIGNATURE", (360, 380), ("Total", 380, 420))],
)
def test_words_with_others_before_the_ink_invite_none(
    text: str, at: tuple[float, float], between: tuple[str, float, float]
) -> None:
    sheet = Sheet()
    sheet.write(text, *at)
    sheet.write(*between)
    assert not evidence(sheet).invited


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Signature:", True),
        ("SGNATURE", True),
        ("Approued", True),
        ("By:", True),
        ("Bv:", False),
        ("Improved", False),
        ("Nature", False),
    ],
)
def test_a_long_word_invites_a_signature_although_a_letter_was_misread(
    text: str, expected: bool
) -> None:
    assert invites(text) is expected


def test_a_written_date_is_no_signature_and_a_scrawl_where_one_is_asked_for_is() -> None:
    dated, signed = Sheet(), Sheet()
    dated.write("Date", 210, 490)
    signed.write("Signature", 330, 522)
    (date,) = weigh([INK], [0.8], [*dated.tokens, inked("6/8/83", 0.9)])
    (scrawl,) = weigh([INK], [0.8], [*signed.tokens, inked("Wtlm", 0.1)])
    assert date < 0.5 < scrawl


@pytest.mark.parametrize(
    "words",
    [
        [("02/11/2025", INK)],
        [("Ana", Box(330, 470, 400, 515)), ("Okafor", Box(402, 470, 500, 515))],
        [("1,250.00", INK)],
    ],
)
def test_a_date_a_name_or_a_value_that_reads_surely_is_no_signature_wherever_it_stands(
    words: list[tuple[str, Box]],
) -> None:
    sheet = Sheet()
    sheet.write("Printed name and signature", 330, 445)
    tokens = [inked(text, 0.97, box) for text, box in words]
    (score,) = weigh([INK], [0.95], [*sheet.tokens, *tokens])
    assert score < 0.5


def test_a_name_that_reads_less_surely_may_be_a_signature() -> None:
    sheet = Sheet()
    sheet.write("Sincerely,", 330, 445)
    (score,) = weigh([INK], [0.9], [*sheet.tokens, inked("Ellen", 0.7)])
    assert score > 0.5


def test_a_scrawl_that_reads_as_a_known_name_but_not_surely_stays_a_signature() -> None:
    (score,) = weigh([INK], [0.9], [*Sheet().tokens, inked("Ellen", 0.8)])
    assert score > 0.5


def test_a_name_typed_below_a_scrawl_does_not_read_it() -> None:
    scrawl = inked("Riched", 0.2, Box(330, 470, 500, 494))
    typed = inked("Richard", 0.95, Box(330, 492, 500, 515))
    assert evidence(Sheet(), scrawl, typed).read == pytest.approx(0.2)


def test_without_words_scores_stay() -> None:
    assert weigh([INK], [0.4], []) == [0.4]


@given(st.floats(0, 1), st.floats(0, 1), st.floats(0, 1), st.booleans(), st.booleans())
def test_scores_stay_chances_and_keep_their_order(
    score: float, read: float, figures: float, dated: bool, invited: bool
) -> None:
    found = InkEvidence(read, figures, dated, invited)
    assert 0 < WEIGHTS.score(score, found) < 1
    assert WEIGHTS.score(score, found) <= WEIGHTS.score(min(score + 0.1, 1.0), found)


@pytest.mark.parametrize(
    ("text", "expected"),
    [("6/8/83", True), ("1,250.00", True), ("10/13/27", True), ("B.", False), ("J7", False)],
)
def test_figures(text: str, expected: bool) -> None:
    assert is_figures(text) is expected
