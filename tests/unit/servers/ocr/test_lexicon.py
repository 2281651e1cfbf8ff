import math
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from servers.ocr.lexicon import FOLDER, LISTS, Lexicon, lexicon_of

words = st.sets(st.text("abcå'", min_size=1, max_size=5), min_size=1)


@given(words, st.text("abcå'", max_size=5))
def test_a_range_holds_the_words_that_begin_so(known: set[str], beginning: str) -> None:
    lexicon = Lexicon((word, 0.01) for word in known)
    within = lexicon.all
    for end in range(1, len(beginning) + 1):
        within = lexicon.narrowed(within, beginning[:end])
    assert within[1] - within[0] == sum(word.startswith(beginning) for word in known)
    assert lexicon.is_word(within, beginning) == (beginning in known)
    assert (beginning in lexicon) == (beginning in known)


def test_a_word_of_two_lists_is_as_common_as_in_the_one_that_has_it_oftener() -> None:
    lexicon = Lexicon([("no", 0.1), ("no", 0.01), ("nr", 0.001)])
    assert lexicon.commonness("no") == pytest.approx(math.log(0.1))
    assert lexicon.commonness("nö") is None


def test_a_page_is_read_with_the_words_of_its_languages() -> None:
    english, malay, both = (lexicon_of(tags) for tags in (("en",), ("ms",), ()))
    assert english is not None
    assert malay is not None
    assert both is not None
    assert ("receipt" in english, "receipt" in malay, "receipt" in both) == (True, True, True)
    assert ("jalan" in english, "jalan" in malay, "jalan" in both) == (False, True, True)
    assert "overwhelming" not in malay
    assert lexicon_of(("de", "fr")) is None
    assert lexicon_of(("de", "en")) is not None


def test_words_of_ones_own_are_known_in_every_language(tmp_path: Path) -> None:
    own = tmp_path / "words.txt"
    own.write_text("# customers\nKowalczyk Ødegård\nZephyrine\n", encoding="utf-8")
    for languages in ((), ("en",), ("pl",)):
        lexicon = lexicon_of(languages, own)
        assert lexicon is not None
        assert all(word in lexicon for word in ("kowalczyk", "ødegård", "zephyrine"))
        assert ("receipt" in lexicon) == (languages != ("pl",))
        assert "customers" in lexicon or languages == ("pl",)


@pytest.mark.parametrize("content", [b"", b"# nothing\n", b"\xff\xfe\x00caf\xe9"])
def test_a_file_without_words_is_refused_by_its_name(tmp_path: Path, content: bytes) -> None:
    own = tmp_path / "words.txt"
    own.write_bytes(content)
    with pytest.raises(ValueError, match=r"words\.txt"):
        lexicon_of(("en",), own)


def test_every_list_is_of_lower_case_words_and_named_in_the_folder_s_text() -> None:
    text = (FOLDER / "README.md").read_text(encoding="utf-8")
    assert {path.name for path in FOLDER.glob("*.txt")} - {"LICENSE.txt"} == set(LISTS)
    for name in LISTS:
        assert name in text
        lines = (FOLDER / name).read_text(encoding="utf-8").splitlines()
        words = [word for line in lines if not line.startswith("#") for word in line.split()]
        assert all(word == word.lower() for word in words)
