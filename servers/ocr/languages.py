"""BCP 47 tags of the languages each engine reads."""

from collections.abc import Iterable, Sequence
from itertools import product

from meshkit.errors import InvalidInput

EAST_ASIAN = {
    "ja": (
        ("euc_jp", range(0xB0, 0xD0), range(0xA1, 0xFF)),
        ("euc_jp", (0xA4, 0xA5), range(0xA1, 0xFF)),
    ),
    "zh-Hans": (("gb2312", range(0xB0, 0xD8), range(0xA1, 0xFF)),),
    "zh-Hant": (("big5", range(0xA4, 0xC7), (*range(0x40, 0x7F), *range(0xA1, 0xFF))),),
}
"""Where the characters in daily use stand in each language's standard, as lead and trail bytes of
an encoding: the kanji of JIS X 0208's first level and the kana, GB 2312's first level, and Big5's
first level."""

DAILY_SHARE = 0.99
"""A language is read when this part of the characters in daily use is known."""

ALPHABETS = {
    "af": "áäéèêëíîïóôöúûüý",
    "ca": "àçèéíïòóúü",
    "cs": "áčďéěíňóřšťúůýž",
    "da": "æøåé",
    "de": "äöüß",
    "en": "",
    "es": "áéíñóúü",
    "et": "äõöüšž",
    "eu": "ñç",
    "fi": "äöå",
    "fr": "àâæçéèêëîïôœùûüÿ",
    "ga": "áéíóú",
    "hr": "čćđšž",
    "hu": "áéíóöőúüű",
    "id": "é",
    "is": "áðéíóúýþæö",
    "it": "àèéìíîòóù",
    "lt": "ąčęėįšųūž",
    "lv": "āčēģīķļņšūž",
    "ms": "",
    "mt": "ċġħż",
    "nb": "æøåéèêóòôà",
    "nl": "áéíóúèëïöü",
    "pl": "ąćęłńóśźż",
    "pt": "áâãàçéêíóôõú",
    "ro": "ăâîșț",
    "sk": "áäčďéíĺľňóôŕšťúýž",
    "sl": "čšž",
    "sq": "çë",
    "sv": "åäö",
    "tr": "çğıöşüâîû",
    "vi": "ăâđêôơưạảấầẩẫậắằẳẵặẹẻẽếềểễệỉịọỏốồổỗộớờởỡợụủứừửữựỳỵỷỹ",
}
"""The letters beyond a-z with which each language is written."""

TESSERACT_NAMES = {
    "af": "afr",
    "ar": "ara",
    "bg": "bul",
    "ca": "cat",
    "cs": "ces",
    "cy": "cym",
    "da": "dan",
    "de": "deu",
    "el": "ell",
    "en": "eng",
    "es": "spa",
    "et": "est",
    "eu": "eus",
    "fa": "fas",
    "fi": "fin",
    "fr": "fra",
    "ga": "gle",
    "he": "heb",
    "hi": "hin",
    "hr": "hrv",
    "hu": "hun",
    "id": "ind",
    "is": "isl",
    "it": "ita",
    "ja": "jpn",
    "ko": "kor",
    "lt": "lit",
    "lv": "lav",
    "ms": "msa",
    "mt": "mlt",
    "nb": "nor",
    "nl": "nld",
    "pl": "pol",
    "pt": "por",
    "ro": "ron",
    "ru": "rus",
    "sk": "slk",
    "sl": "slv",
    "sq": "sqi",
    "sr": "srp",
    "sv": "swe",
    "th": "tha",
    "tr": "tur",
    "uk": "ukr",
    "ur": "urd",
    "vi": "vie",
    "zh-Hans": "chi_sim",
    "zh-Hant": "chi_tra",
}
"""Tesseract's own name of each language's data."""


SCRIPTS = {
    "zh": "zh-hans",
    "zh-cn": "zh-hans",
    "zh-sg": "zh-hans",
    "zh-tw": "zh-hant",
    "zh-hk": "zh-hant",
    "zh-mo": "zh-hant",
}
"""How Chinese is written where the tag says the place only, in small letters."""


def written_with(characters: Iterable[str]) -> tuple[str, ...]:
    """The languages that can be written with `characters`.

    A language with letters needs every letter, small and capital; one with ideographs those that
    are in daily use, but for a few.
    """
    known = set(characters)
    lettered = [
        tag
        for tag, letters in ALPHABETS.items()
        if known.issuperset(letters) and known.issuperset(_capitals(letters))
    ]
    ideographic = []
    for tag in EAST_ASIAN:
        daily = _in_daily_use(tag)
        if len(daily & known) >= DAILY_SHARE * len(daily):
            ideographic.append(tag)
    return (*lettered, *ideographic)


def letters_of(tags: Iterable[str]) -> frozenset[str]:
    """The letters beyond ASCII, small and capital, of languages with letters."""
    letters = "".join(ALPHABETS[tag] for tag in tags)
    return frozenset(letters) | _capitals(letters)


def choose(wanted: Sequence[str], available: Sequence[str], engine: str) -> tuple[str, ...]:
    """The available tag for each wanted one: itself, or its language without region (`en-US`).

    Raises:
        InvalidInput: a wanted language is not there; the message names those that are.
    """
    by_name = {tag.lower(): tag for tag in available}
    chosen = []
    for tag in wanted:
        name = tag.strip().lower().replace("_", "-")
        name = SCRIPTS.get(name, name)
        match = by_name.get(name) or by_name.get(name.split("-")[0])
        if match is None:
            raise InvalidInput(
                f"options.languages: the {engine} engine has no {tag!r}; it has "
                f"{', '.join(sorted(available))}",
                reason="UNSUPPORTED_LANGUAGE",
                metadata={"field": "options.languages", "language": tag[:64], "engine": engine},
            )
        chosen.append(match)
    return tuple(dict.fromkeys(chosen))


def _capitals(letters: str) -> set[str]:
    """Capital forms; the sharp s has none in use."""
    return {letter.upper() for letter in letters if letter != "ß"}


def _in_daily_use(tag: str) -> set[str]:
    """The characters of an East Asian language's basic level."""
    pairs = (
        bytes(pair).decode(encoding, errors="ignore")
        for encoding, leads, trails in EAST_ASIAN[tag]
        for pair in product(leads, trails)
    )
    return {character for character in pairs if len(character) == 1}
