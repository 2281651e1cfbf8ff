import json

import pytest

from meshkit.errors import InvalidInput
from servers.ocr import languages
from servers.ocr.ppocr import ALPHABET, WEIGHTS


def test_a_language_is_read_only_with_all_its_letters() -> None:
    assert "de" in languages.written_with("äöüÄÖÜß")
    assert "de" not in languages.written_with("äöüÄÖÜ")
    assert "de" not in languages.written_with("äöüß")


def test_the_shipped_alphabet_reads_western_languages_and_claims_no_others() -> None:
    alphabet = json.loads((WEIGHTS / ALPHABET).read_text(encoding="utf-8"))
    available = set(languages.written_with(alphabet))
    assert {"en", "de", "fr", "es", "it", "pt", "nl", "pl", "cs", "sv", "tr"} <= available
    assert not {"vi", "ro"} & available


def test_a_region_falls_back_to_its_language() -> None:
    assert languages.choose(["en-US", "DE"], ("en", "de"), "ppocr") == ("en", "de")
    assert languages.choose(["zh-Hans", "zh-hans"], ("zh-Hans",), "tesseract") == ("zh-Hans",)


@pytest.mark.parametrize("tag", ["xx", "", "../eng", "e" * 500])
def test_a_missing_language_is_named_with_those_that_are_there(tag: str) -> None:
    with pytest.raises(InvalidInput, match=r"options\.languages.*it has de, en") as caught:
        languages.choose([tag], ("en", "de"), "ppocr")
    assert caught.value.metadata["field"] == "options.languages"
