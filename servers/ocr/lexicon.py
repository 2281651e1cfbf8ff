"""Words that pages are known to hold, and how common each is: `lexicons/`."""

import math
from array import array
from bisect import bisect_left
from collections.abc import Collection, Iterable
from functools import cache
from pathlib import Path

FOLDER = Path(__file__).parent / "lexicons"

LISTS = {"english.txt": ("en",), "office.txt": ("en", "ms"), "malay.txt": ("ms",)}
"""The lists, and BCP 47 tags of the languages in which their words are met."""

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
def lexicon_of(languages: Collection[str]) -> Lexicon | None:
    """The words of these languages (a tuple of BCP 47 tags; none: of all that have a list).

    None where none of them has one.
    """
    names = [
        name for name, tags in LISTS.items() if not languages or not set(tags).isdisjoint(languages)
    ]
    shares = [share for name in names for share in _read(FOLDER / name)]
    return Lexicon(shares) if shares else None


def _read(path: Path) -> Iterable[tuple[str, float]]:
    """A list's words: a word and its count a line, or words alone, several a line."""
    lines = [
        line.split()
        for line in path.read_text(encoding="utf-8").splitlines()
        if not line.startswith("#")
    ]
    if lines[0][-1].isdecimal():
        total = sum(int(count) for _, count in lines)
        return [(word, int(count) / total) for word, count in lines]
    return [(word, UNCOUNTED) for line in lines for word in line]
