import pytest

from meshkit.errors import InvalidInput
from servers.ocr import languages

LEADS, TRAILS = range(0xB0, 0xD8), range(0xA1, 0xFF)
"""Bytes of GB 2312's first level."""


def test_a_language_is_read_only_with_all_its_letters() -> None:
    assert "de" in languages.written_with("äöüÄÖÜß")
    assert "de" not in languages.written_with("äöüÄÖÜ")
    assert "de" not in languages.written_with("äöüß")


def test_ideographs_may_lack_a_few_of_those_in_daily_use() -> None:
    daily = "".join(bytes((b, c)).decode("gb2312", "ignore") for b in LEADS for c in TRAILS)
    assert len(daily) == 3755
    assert "zh-Hans" in languages.written_with(daily[30:])
    assert "zh-Hans" not in languages.written_with(daily[60:])
    assert "ja" not in languages.written_with(daily)


def test_letters_are_those_of_all_languages_small_and_capital() -> None:
    assert languages.letters_of(["de", "da", "en"]) == set("äöüßÄÖÜæøåéÆØÅÉ")


@pytest.mark.parametrize(("tag", "script"), [("zh", "Hans"), ("zh-TW", "Hant"), ("zh_cn", "Hans")])
def test_chinese_is_written_as_its_place_does(tag: str, script: str) -> None:
    assert languages.choose([tag], ("zh-Hans", "zh-Hant"), "ppocr") == (f"zh-{script}",)


def test_a_region_falls_back_to_its_language() -> None:
    assert languages.choose(["en-US", "DE"], ("en", "de"), "ppocr") == ("en", "de")
    assert languages.choose(["zh-Hans", "zh-hans"], ("zh-Hans",), "tesseract") == ("zh-Hans",)


@pytest.mark.parametrize("tag", ["xx", "", "../eng", "e" * 500])
def test_a_missing_language_is_named_with_those_that_are_there(tag: str) -> None:
    with pytest.raises(InvalidInput, match=r"options\.languages.*it has de, en") as caught:
        languages.choose([tag], ("en", "de"), "ppocr")
    assert caught.value.metadata["field"] == "options.languages"
