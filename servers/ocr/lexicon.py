"""Words that pages are known to hold, and how common each is: `lexicons/`."""

import math
from array import array
from bisect import bisect_left
from collections.abc import Iterable, Sequence
from functools import cache
from itertools import chain
from pathlib import Path

FOLDER = Path(__file__).parent / "lexicons"

LISTS = {"english.txt": ("en",), "office.txt": ("en", "ms"), "malay.txt": ("ms",)}
"""The lists, and BCP 47 tags of the languages in which their words are met."""

COUNTED = "english.txt"
"""The list with a word and its count in each line; the others hold words alone."""

UNCOUNTED = 3e-5
"""The share of all words that one has whose list doesn't count: that of `invoice` in English."""

LAST = "\U0010ffff"
"""Sorts behind every letter."""

Range = tuple[int, int]
"""Places [start, end) of words that begin alike."""


class Lexicon:
    """Lower-case words in order, so that those that begin alike stand together."""

    def __init__(self, shares: Iterable[tuple[str, float]]) -> None:
        """Words with their share of all words in a text; the greatest one where a word comes
        twice."""
        greatest: dict[str, float] = {}
        for word, share in shares:
            greatest[word] = max(share, greatest.get(word, 0.0))
        self._words = sorted(greatest)
        self._commonness = array("f", (math.log(greatest[word]) for word in self._words))

    @property
    def all(self) -> Range:
        """Where its words are."""
        return 0, len(self._words)

    def narrowed(self, within: Range, beginning: str) -> Range:
        """Which of the words in `within` begin so."""
        start = bisect_left(self._words, beginning, *within)
        if start == within[1] or not self._words[start].startswith(beginning):
            return start, start
        return start, bisect_left(self._words, beginning + LAST, start, within[1])

    def is_word(self, within: Range, beginning: str) -> bool:
        """Whether the beginning of the words in `within` is one of them."""
        return within[0] < within[1] and self._words[within[0]] == beginning

    def commonness(self, word: str) -> float | None:
        """The natural logarithm of a word's share of all words; None of one that is not known."""
        place = bisect_left(self._words, word)
        known = place < len(self._words) and self._words[place] == word
        return self._commonness[place] if known else None

    def __contains__(self, word: str) -> bool:
        return self.commonness(word) is not None


@cache
def lexicon_of(languages: Sequence[str], own: Path | None = None) -> Lexicon | None:
    """The words of these languages (a tuple of BCP 47 tags; none: of all that have a list), and
    those of a file of one's own, whatever the language.

    None where there are none.

    Raises:
        ValueError: the file of one's own cannot be read as text, or has no words.
    """
    names = [
        name for name, tags in LISTS.items() if not languages or not set(tags).isdisjoint(languages)
    ]
    if not names and own is None:
        return None
    shares = chain.from_iterable(_shares(FOLDER / name) for name in names)
    return Lexicon(chain(shares, own_words(own) if own is not None else ()))


def own_words(path: Path) -> list[tuple[str, float]]:
    """The words of a file, in lower case, with the share of an uncounted one.

    Raises:
        ValueError: it cannot be read as text, or has no words.
    """
    try:
        words = [word.lower() for line in _lines(path) for word in line.split()]
    except (OSError, UnicodeDecodeError) as error:
        raise ValueError(f"{path} cannot be read as UTF-8 text: {error}") from error
    if not words:
        raise ValueError(f"{path} has no words")
    return [(word, UNCOUNTED) for word in words]


def _shares(path: Path) -> Iterable[tuple[str, float]]:
    """A list's words one by one: all of them at once would be the most that the server ever
    holds."""
    if path.name != COUNTED:
        yield from own_words(path)
    else:
        total = sum(int(line.split()[1]) for line in _lines(path))
        for line in _lines(path):
            word, count = line.split()
            yield word, int(count) / total


def _lines(path: Path) -> Iterable[str]:
    """A file's lines but for comments."""
    with path.open(encoding="utf-8-sig") as lines:
        yield from (line for line in lines if not line.startswith("#"))
