"""What the classifier sees of a page's text: hashed words, never the words themselves.

The page's words, those of its head once more, and the pieces that its words are made of are
hashed into one sparse vector (feature hashing: K. Weinberger et al., 2009). Pieces of three to five
letters bear with misread letters, joined words and other forms of a word. Numbers count by their
shape: an amount, a date, how many digits.
"""

import math
import re
import zlib
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain

import numpy as np
from numpy.typing import NDArray

HASHED = 1 << 15
"""Length of the hashed vector."""
STATISTICS = 21
"""Length of the vector that `text_statistics` gives."""

_HEAD_LINES = 10
_PIECES = range(3, 6)
_LONGEST_WORD = 30
_MOST_WORDS = 3000
"""Words of a page that are looked at; the rest of a longer page tells nothing new."""

_TOKEN = re.compile(r"[^\W\d_]+|[\d][\d.,:/\-]*[\d]|\d|[$€£%#@&]")
_AMOUNT = re.compile(r"\d{1,3}(?:[.,]?\d{3})*[.,]\d\d")
_DATE = re.compile(r"\d{1,4}([/\-.])\d{1,2}\1\d{1,4}")
_TIME = re.compile(r"\d{1,2}:\d\d(?::\d\d)?")


def words_of(lines: Iterable[str]) -> list[list[str]]:
    """The lines' words in lower case, numbers as their shapes; lines without words are left out."""
    found, room = [], _MOST_WORDS
    for line in lines:
        words = [_shape(word) for word in _TOKEN.findall(line.lower())][:room]
        room -= len(words)
        if words:
            found.append(words)
    return found


def hash_text(lines: Sequence[str]) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """The places (n,), rising, and values (n,) of a sparse vector of length HASHED and norm 1.

    Args:
        lines: a page's text in reading order.
    """
    rows = words_of(lines)
    words, head = list(chain(*rows)), list(chain(*rows[:_HEAD_LINES]))
    hashed: dict[int, float] = {}
    for part, group in (("word", words), ("head", head), ("piece", _pieces(words))):
        counts = Counter(_place(part, text) for text in group)
        values = {place: 1 + math.log(count) for place, count in counts.items()}
        length = math.sqrt(sum(value * value for value in values.values()))
        for place, value in values.items():
            hashed[place] = hashed.get(place, 0.0) + value / length
    places = np.array(sorted(hashed), np.int64)
    vector = np.array([hashed[place] for place in places.tolist()], np.float64)
    return places, vector / max(float(np.linalg.norm(vector)), 1e-12)


def text_statistics(lines: Sequence[str]) -> NDArray[np.float64]:
    """How the text is made, whatever its words, as (STATISTICS,) numbers mostly in [0, 1]."""
    words = words_of(lines)
    flat = [word for line in words for word in line]
    count, rows = max(1, len(flat)), max(1, len(words))
    lengths = np.array([len(line) for line in words] or [0])
    starts = [line.strip() for line in lines if line.strip()]
    numbers = Counter(word for word in flat if word.startswith("<"))
    shares = [sum(n for word, n in numbers.items() if word.startswith(kind)) / count
              for kind in ("<amount", "<date", "<time", "<n")]  # fmt: skip
    letters = "".join(starts)
    alphabetic = max(1, sum(c.isalpha() for c in letters))
    return np.array(
        [
            math.log1p(len(flat)) / 8,
            math.log1p(len(words)) / 6,
            *(np.quantile(lengths, q) / 15 for q in (0.25, 0.5, 0.75, 0.95)),
            float(np.mean(lengths == 1)),
            float(np.mean(lengths >= 8)),
            *shares,
            sum(c.isupper() for c in letters) / alphabetic,
            sum(line.endswith(":") for line in starts) / rows,
            sum(":" in line for line in starts) / rows,
            sum(line.endswith("?") for line in starts) / rows,
            sum(line.endswith(".") for line in starts) / rows,
            sum(word in "$€£%" for word in flat) / count,
            sum(len(word) for word in flat) / count / 10,
            len(set(flat)) / count,
            float(bool(flat)),
        ],
        np.float64,
    )


def _pieces(words: Iterable[str]) -> Iterator[str]:
    """Every run of letters of a length in _PIECES, with the edges of its word; none of numbers."""
    for word in words:
        if not word.startswith("<"):
            edged = f" {word} "
            for length in _PIECES:
                for start in range(len(edged) - length + 1):
                    yield edged[start : start + length]


def _shape(word: str) -> str:
    """A number's shape; any other word as it is."""
    if not word[0].isdigit():
        return word[:_LONGEST_WORD]
    for kind, pattern in (("amount", _AMOUNT), ("date", _DATE), ("time", _TIME)):
        if pattern.fullmatch(word):
            return f"<{kind}>"
    return f"<n{min(9, sum(c.isdigit() for c in word))}>"


def _place(part: str, word: str) -> int:
    return zlib.crc32(f"{part}:{word}".encode()) % HASHED
