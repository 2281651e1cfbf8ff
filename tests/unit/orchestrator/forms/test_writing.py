"""The letters in a field as one text."""

import pytest

from orchestrator.forms.definition import FieldDefinition
from orchestrator.forms.frame import Rect
from orchestrator.forms.placing import Fragment
from orchestrator.forms.writing import like_neighbours, read_writing, without_borders

FIELD = FieldDefinition.model_validate({"name": "x", "zone": [0, 0, 200, 12]})


def fragments(*parts: tuple[str, float]) -> list[Fragment]:
    """Words of one line 10 points high, each after a hole of so many points."""
    found, left = [], 0.0
    for text, hole in parts:
        left += hole
        box = Rect(left, 0, left + 5.0 * len(text), 10)
        middles = tuple(left + 5.0 * place + 2.5 for place in range(len(text)))
        found.append(Fragment(text, box, 0.9, middles, 0))
        left = box.right
    return found


@pytest.mark.parametrize(
    ("parts", "text"),
    [
        ((("67", 0), ("Nor", 6.1), ("thbridge", 2.0)), "67 Northbridge"),
        ((("Am", 0), ("ara", 1.8), ("Okafor", 4.2)), "Amara Okafor"),
        ((("Har", 0), ("bor", 1.1)), "Harbor"),
        ((("88", 0), ("Mill", 4.0), ("Road", 1.1)), "88 Mill Road"),
        ((("Oak", 0), ("and", 2.6), ("Elm", 2.8)), "Oak and Elm"),
        ((("12", 0), ("34", 1.0)), "12 34"),
        ((("van", 0), ("der", 3.1), ("Berg", 9.0)), "van der Berg"),
    ],
)
def test_a_torn_word_is_one_again(parts: tuple[tuple[str, float], ...], text: str) -> None:
    assert read_writing(fragments(*parts), FIELD).text == text


@pytest.mark.parametrize(
    ("read", "text"),
    [
        ("UAIGL", "UAGL"),
        ("IE.NIGNI", "ENGN"),
        ("|1|2|3|4|", "1234"),
        ("I2I3I4I5", "2345"),
        ("BIRD", "BIRD"),
        ("A.BC", "A.BC"),
    ],
)
def test_borders_of_cells_are_no_letters_where_the_rest_fills_them(read: str, text: str) -> None:
    assert without_borders(read, 4) == text


@pytest.mark.parametrize(
    ("read", "text"),
    [
        ("R0VFFR0A", "ROVFFROA"),
        ("HwSE", "HWSE"),
        ("RRsKNK", "RRSKNK"),
        ("A00", "A00"),
        ("AB07", "AB07"),
        ("2005", "2005"),
        ("smith", "smith"),
        ("Aab", "Aab"),
    ],
)
def test_letters_of_a_comb_are_like_their_neighbours(read: str, text: str) -> None:
    assert like_neighbours(read) == text


def test_a_comb_of_letters_has_no_noughts_and_one_of_words_and_figures_may() -> None:
    letters = FieldDefinition.model_validate({"name": "x", "zone": [0, 0, 20, 12], "cells": 4})
    number = letters.model_copy(update={"type": "id"})
    assert read_writing(fragments(("GSH0", 0)), letters).text == "GSHO"
    assert read_writing(fragments(("GSH0", 0)), number).text == "GSH0"
