"""Places to sign: where they are, signed or empty."""

import pytest

from orchestrator.reading.layout import Box, Phrase
from orchestrator.reading.rules import Rules
from orchestrator.reading.signatures import (
    SignaturePlace,
    is_signature_label,
    signature_places,
)
from tests.unit.orchestrator.reading.sheets import Sheet, width

INK = Box(330, 470, 500, 515)


def places(sheet: Sheet, rules: Rules, *ink: Box) -> list[tuple[str, int | None]]:
    found = signature_places(ink, sheet.tokens, rules)
    return [(one.label.text if one.label else "", one.signature) for one in found]


def only(sheet: Sheet, rules: Rules) -> SignaturePlace:
    (place,) = signature_places((), sheet.tokens, rules)
    return place


def test_rule_right_of_its_label() -> None:
    sheet = Sheet()
    sheet.write("Signature:", 100, 500)
    sheet.write("Date:", 700, 500)
    rules = Rules(across=(Box(210, 519, 690, 521), Box(760, 519, 900, 521)))
    found = only(sheet, rules)
    assert found.place is not None
    assert (found.place.left, found.place.right) == (210, 690)
    assert found.signature is None
    assert places(sheet, rules, INK) == [("Signature:", 0)]


def test_rule_above_its_label() -> None:
    sheet = Sheet()
    sheet.write("Signature of applicant", 300, 525)
    rules = Rules(across=(Box(290, 518, 700, 520),))
    found = only(sheet, rules)
    assert found.place is not None
    assert found.place.bottom == 518
    assert found.has_rule
    assert places(sheet, rules, INK) == [("Signature of applicant", 0)]


def test_rest_of_the_cell_with_the_caption() -> None:
    sheet = Sheet()
    sheet.write("Words of the cell above", 110, 400)
    sheet.write("Your signature", 110, 432)
    sheet.write("Date", 620, 432)
    rules = Rules(
        across=(Box(100, 428, 900, 430), Box(100, 508, 900, 510)),
        down=(Box(100, 428, 102, 510), Box(600, 428, 602, 510), Box(898, 428, 900, 510)),
    )
    found = only(sheet, rules)
    assert found.place == Box(102, 452, 600, 508)
    assert places(sheet, rules, Box(200, 455, 400, 505)) == [("Your signature", 0)]


def test_two_places_and_one_signature() -> None:
    sheet = Sheet()
    for x, text in ((100.0, "Applicant signature"), (600.0, "Spouse signature")):
        sheet.write(text, x, 525)
    rules = Rules(across=(Box(100, 518, 480, 520), Box(600, 518, 980, 520)))
    signed = places(sheet, rules, Box(650, 470, 850, 515))
    assert signed == [("Applicant signature", None), ("Spouse signature", 0)]


def test_signature_without_a_place() -> None:
    sheet = Sheet()
    sheet.write("Yours sincerely", 100, 300)
    assert places(sheet, Rules(), INK) == [("", 0)]


def test_page_without_places() -> None:
    sheet = Sheet()
    sheet.write("Name: Ann", 100, 300)
    assert places(sheet, Rules(across=(Box(100, 322, 500, 324),))) == []


def test_blank_after_a_colon_is_a_place_without_a_rule() -> None:
    sheet = Sheet()
    sheet.write("Signature:", 100, 500)
    found = only(sheet, Rules())
    assert found.place is not None
    assert not found.has_rule
    assert found.place.left > 100 + width("Signature:")


@pytest.mark.parametrize(
    "text",
    [
        "Signature",
        "Sign here",
        "SIGNED",
        "Spouse's signature. If a joint return, both must sign the return on the line.",
        "Unterschrift des Antragstellers",
        "Firma del solicitante",
        "Signature du demandeur",
        "Podpis wnioskodawcy",
        "Primary taxpayer printed name and signature",
    ],
)
def test_labels_of_several_languages(text: str) -> None:
    assert is_signature_label(phrase(text))


@pytest.mark.parametrize(
    "text",
    [
        "Date signed",
        "Designated person",
        "Signature PIN",
        "Printed name of signer",
        "Your signature below confirms that you have read everything",
        "Name",
    ],
)
def test_what_names_no_place(text: str) -> None:
    assert not is_signature_label(phrase(text))


def phrase(text: str) -> Phrase:
    sheet = Sheet()
    sheet.write(text, 0, 0)
    return Phrase(tuple(sheet.tokens))
