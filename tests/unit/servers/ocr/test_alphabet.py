import pytest

from servers.ocr.alphabet import RARE, full, western

KNOWN = ("a", "é", "一", "口", "B", " ")


def test_western_keeps_the_western_characters_after_blank_and_space() -> None:
    alphabet = western(KNOWN, 0.5)
    assert alphabet.texts[:2] == ("", " ")
    assert alphabet.classes[:2].tolist() == [0, 6]
    assert set(alphabet.texts[2:]) == {"a", "é", "□", "B"}
    places = dict(zip(alphabet.texts, alphabet.classes.tolist(), strict=True))
    assert (places["a"], places["é"], places["□"], places["B"]) == (1, 2, 4, 5)


def test_full_keeps_everything_as_it_is() -> None:
    alphabet = full(KNOWN, 0.5)
    assert alphabet.texts == ("", " ", *KNOWN[:-1])
    assert alphabet.classes.tolist() == [0, 6, 1, 2, 3, 4, 5]
    assert alphabet.bonus.tolist() == [0, 0.5, 0, 0, 0, 0, 0]


@pytest.mark.parametrize(("letters", "expected"), [("", RARE), ("é", 0.0)])
def test_an_accent_that_no_named_language_has_is_held_back(letters: str, expected: float) -> None:
    alphabet = western(KNOWN, 0.5, letters)
    bonus = dict(zip(alphabet.texts, alphabet.bonus.tolist(), strict=True))
    assert bonus == {"": 0, " ": 0.5, "a": 0, "é": expected, "□": 0, "B": 0}
