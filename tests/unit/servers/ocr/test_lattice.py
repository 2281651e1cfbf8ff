import string
from itertools import groupby, product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from servers.ocr.lattice import Lattice
from servers.ocr.lexicon import Lexicon
from tests.unit.servers.ocr.lattices import TEXTS, printed, steps_of

LEXICON = Lexicon((word, 1e-4) for word in ("ab", "aba", "abba", "b", "bee", "sold"))


def lattice(*columns: dict[str, float]) -> Lattice:
    return Lattice.of(steps_of(*columns), TEXTS, 0, len(columns))


probabilities = st.lists(
    st.lists(st.floats(0.01, 1), min_size=3, max_size=3), min_size=1, max_size=6
)


@given(probabilities, st.text("ab", max_size=4))
def test_a_texts_probability_is_that_of_all_paths_that_collapse_to_it(
    weights: list[list[float]], text: str
) -> None:
    shares = [[weight / sum(step) for weight in step] for step in weights]
    whole = 0.0
    for path in product(range(3), repeat=len(shares)):
        collapsed = "".join(("", "a", "b")[letter] for letter, _ in groupby(path))
        if collapsed == text:
            whole += float(
                np.prod([step[letter] for step, letter in zip(shares, path, strict=True)])
            )
    own = lattice(*({"a": step[1], "b": step[2]} for step in shares)).probability(text)
    assert own == pytest.approx(whole, abs=1e-5)


@settings(max_examples=50)
@given(probabilities)
def test_known_words_are_as_probable_as_their_texts(weights: list[list[float]]) -> None:
    shares = [[weight / sum(step) for weight in step] for step in weights]
    part = lattice(*({"a": step[1], "b": step[2]} for step in shares))
    found = part.words(LEXICON)
    assert set(found) <= {"ab", "aba", "abba", "b"}
    for word, probability in found.items():
        assert probability == pytest.approx(part.probability(word), rel=1e-3, abs=1e-6)


def test_equal_letters_need_a_blank_between_them() -> None:
    assert lattice({"e": 1.0}, {"e": 1.0}).probability("ee") < 1e-5
    surely = lattice({"b": 1.0}, {"e": 1.0}, {}, {"e": 1.0})
    assert surely.words(LEXICON) == {"bee": pytest.approx(1.0)}


def test_capitals_are_letters_too() -> None:
    part = lattice({"S": 0.6, "s": 0.4}, {}, {"o": 1.0}, {"L": 0.5, "l": 0.5}, {}, {"d": 1.0})
    assert part.words(LEXICON) == {"sold": pytest.approx(1.0, rel=1e-3)}
    aligned = part.aligned("sold")
    assert aligned is not None
    assert aligned[0].text == "S"
    assert [(glyph.start, glyph.end) for glyph in aligned] == [(0, 1), (2, 3), (3, 4), (5, 6)]


@given(st.text(string.ascii_lowercase, min_size=1, max_size=8))
def test_what_is_printed_is_found_where_it_stands(text: str) -> None:
    steps = printed(text)
    aligned = Lattice.of(steps, TEXTS, 0, len(steps[0])).aligned(text)
    assert aligned is not None
    assert [(glyph.text, glyph.start) for glyph in aligned] == [
        (letter, 2 * place) for place, letter in enumerate(text)
    ]


def test_a_part_that_is_too_short_for_a_text_has_no_place_for_it() -> None:
    assert lattice({"a": 1.0}).aligned("ab") is None
    assert lattice({"a": 0.5}, {"b": 0.5}).aligned("aa") is None


def test_places_are_told_along_the_line() -> None:
    steps = printed("xxab")
    aligned = Lattice.of(steps, TEXTS, 4, 8).aligned("ab")
    assert aligned is not None
    assert [glyph.start for glyph in aligned] == [4, 6]
