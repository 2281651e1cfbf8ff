import unicodedata
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from servers.ocr.ctc import Glyph, chance_of, chances_of, decode, split_words

ALPHABET = ("", " ", "a", "b", "ä", "n\u0303")


def emit(path: list[int], probability: float = 0.9) -> list[Glyph]:
    ids = np.array(path, np.int64).reshape(-1, 1)
    return decode((ids, np.full(ids.shape, probability, np.float32)), ALPHABET)


def test_repeated_classes_collapse_and_blanks_part_equal_letters() -> None:
    assert [glyph.text for glyph in emit([0, 2, 2, 0, 2, 3, 3, 0])] == ["a", "a", "b"]


def test_a_glyph_spans_the_steps_of_its_class() -> None:
    (glyph,) = emit([0, 0, 3, 3, 3, 0])
    assert (glyph.start, glyph.end) == (2, 5)


def test_a_glyph_is_as_probable_as_its_surest_step() -> None:
    steps = np.array([[2, 3], [2, 0]]), np.array([[0.4, 0.3], [0.8, 0.1]], np.float32)
    (glyph,) = decode(steps, ALPHABET)
    assert glyph.probability == np.float32(0.8)


def test_no_steps_and_only_blanks_hold_nothing() -> None:
    assert emit([]) == []
    assert emit([0, 0, 0]) == []
    assert split_words([]) == []


def test_words_are_in_nfc() -> None:
    (word,) = split_words(emit([5]))
    assert word.text == "\u00f1"


def test_a_word_is_as_probable_as_all_its_letters_together() -> None:
    (word,) = split_words(emit([2, 3], probability=0.5))
    assert word.probability == 0.25


def test_a_word_knows_how_likely_the_space_before_it_is() -> None:
    glyphs = [Glyph("a", 0, 1, 0.9), Glyph(" ", 1, 2, 0.6), Glyph("b", 2, 3, 0.9)]
    assert [word.space for word in split_words(glyphs)] == [1.0, 0.6]


def test_a_class_has_its_chance_in_every_step_and_none_where_others_are_likelier() -> None:
    steps = np.array([[2, 1], [2, 3], [1, 2]]), np.array([[0.7, 0.2], [0.8, 0.1], [0.6, 0.3]])
    assert chances_of(" ", steps, ALPHABET) == pytest.approx([0.2, 0.0, 0.6])
    assert chance_of(" ", steps, ALPHABET, 0, 2) == pytest.approx(0.2)
    assert chance_of(" ", steps, ALPHABET, 1, 1) == 0.0


@given(st.lists(st.integers(0, len(ALPHABET) - 1), max_size=60))
def test_splitting_loses_no_glyph_and_keeps_the_order(path: list[int]) -> None:
    glyphs = emit(path)
    words = split_words(glyphs)
    written = "".join(glyph.text for glyph in glyphs)
    assert [word.text for word in words] == unicodedata.normalize("NFC", written).split()
    ends = [(word.start, word.end) for word in words]
    assert all(0 <= start < end <= len(path) for start, end in ends)
    assert all(a[1] <= b[0] for a, b in pairwise(ends))
    assert all(0 < word.probability <= 1 for word in words)
