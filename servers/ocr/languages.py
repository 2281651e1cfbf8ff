"""BCP 47 tags of the languages each engine reads."""

from collections.abc import Iterable, Sequence

from meshkit.errors import InvalidInput

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


def written_with(characters: Iterable[str]) -> tuple[str, ...]:
    """The languages whose every letter, small and capital, is among `characters`."""
    known = set(characters)
    return tuple(
        tag
        for tag, letters in ALPHABETS.items()
        if known.issuperset(letters) and known.issuperset(_capitals(letters))
    )


def choose(wanted: Sequence[str], available: Sequence[str], engine: str) -> tuple[str, ...]:
    """The available tag for each wanted one: itself, or its language without region (`en-US`).

    Raises:
        InvalidInput: a wanted language is not there; the message names those that are.
    """
    by_name = {tag.lower(): tag for tag in available}
    chosen = []
    for tag in wanted:
        name = tag.strip().lower().replace("_", "-")
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
