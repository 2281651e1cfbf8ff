"""The text of composed pages: what `wording.yaml` says stands on pages of a kind, and misreading.

The words between are drawn without regard to the kind, so that a classifier learns to rely on what
is said on such pages and not on what they are about.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import yaml

from training.sheet import FIRMS, NAMES, TOWNS, money, pick, prose

_FILE = Path(__file__).parent / "wording.yaml"
_SLOT = re.compile(r"\{(\w+)\}")
_GARBLE = 0.0, 0.1
_USUAL = 0.85
_FULL_STOPS = 0.6
_PARTED = 7
"""Letters of a word that may be parted at the end of a line."""
_ORDER = ("open", "label", "row", "body", "close")
_LOOKALIKES = {"l": "1", "1": "l", "o": "0", "0": "O", "i": "l", "e": "c", "a": "e", "n": "ri"}
# fmt: off
_COMMON = [
    "the", "of", "and", "to", "in", "a", "is", "for", "on", "that", "by", "this",
    "with", "be", "at", "are", "or", "as", "from", "it", "was", "an", "not", "have",
    "if", "you", "your", "which", "will", "has", "all", "may", "any", "we", "he", "she",
    "our", "other", "been", "their", "must", "no", "can", "should", "when", "per",
]
# fmt: on
"""The commonest English words, commonest first; about half of any prose."""
_MONTHS = ("January", "March", "May 5", "June", "Aug", "October", "Dec.")


@dataclass(frozen=True, slots=True)
class Kind:
    """How pages of a class are worded and laid out.

    Attributes:
        layouts: names of the composers that draw such pages.
        wording: phrases by part of the page.
        lines: fewest and most lines of each part.
        garble: share of letters that are misread, least and most.
        wrap: fewest and most words of a line where the body is set as paragraphs; None where each
            phrase is a line of its own.
        head, foot: what nearly every such page has after its open and before its close, in this
            order, each in several wordings.
    """

    layouts: tuple[str, ...]
    wording: dict[str, tuple[str, ...]]
    lines: dict[str, tuple[int, int]]
    garble: tuple[float, float]
    wrap: tuple[int, int] | None
    head: tuple[tuple[str, ...], ...]
    foot: tuple[tuple[str, ...], ...]


@lru_cache(maxsize=1)
def kinds() -> dict[str, Kind]:
    """Every class of `wording.yaml` by its name."""
    given: dict[str, dict[str, Any]] = yaml.safe_load(_FILE.read_text(encoding="utf-8"))
    return {
        name: Kind(
            tuple(entry["layouts"]),
            {part: tuple(entry[part]) for part in _ORDER if part in entry},
            {part: (low, high) for part, (low, high) in entry["lines"].items()},
            tuple(entry.get("garble", _GARBLE)),
            tuple(entry["wrap"]) if "wrap" in entry else None,
            *(tuple(map(tuple, entry.get(part, ()))) for part in ("head", "foot")),
        )
        for name, entry in given.items()
    }


def page_text(kind: Kind, rng: np.random.Generator) -> list[str]:
    """The lines of one page of a kind, as a reader that errs would give them."""
    parts = {name: _draw(kind, name, rng) for name in _ORDER if name in kind.lines}
    if kind.wrap is not None and "body" in parts:
        parts["body"] = _paragraphs(parts["body"], kind.wrap, rng)
    middle = [line for name in ("label", "row", "body") for line in parts.get(name, [])]
    if rng.random() < 0.5:
        middle = [str(line) for line in rng.permutation(middle)]
    start = [*parts["open"], *_usual(kind.head, rng)] if rng.random() < 0.93 else []
    lines = [*start, *middle, *_usual(kind.foot, rng), *parts["close"]]
    least, most = kind.garble
    garble = least + (most - least) * rng.random() ** 2
    return [misread(line, garble, rng) for line in lines]


def _usual(choices: tuple[tuple[str, ...], ...], rng: np.random.Generator) -> list[str]:
    """A wording of each, or now and then none."""
    return [fill(pick(rng, wordings), rng) for wordings in choices if rng.random() < _USUAL]


def _paragraphs(phrases: list[str], wrap: tuple[int, int], rng: np.random.Generator) -> list[str]:
    """The phrases set one after the other in lines of about as many words all down the page, some
    parted at the end of a line."""
    ends = rng.random(len(phrases)) < _FULL_STOPS
    words = " ".join(f"{p.rstrip('.')}." if e else p for p, e in zip(phrases, ends, strict=True))
    rest = words.split()
    usual = int(rng.integers(wrap[0], wrap[1] + 1))
    lines = []
    while rest:
        count = max(1, usual + int(rng.integers(-1, 2)))
        line, rest = rest[:count], rest[count:]
        if len(line[-1]) >= _PARTED and rng.random() < 0.2:
            place = int(rng.integers(3, len(line[-1]) - 2))
            rest = [line[-1][place:], *rest]
            line[-1] = f"{line[-1][:place]}-"
        lines.append(" ".join(line))
    return lines


def misread(line: str, share: float, rng: np.random.Generator) -> str:
    """The line with about this share of its letters lost, doubled or taken for others."""
    wrong = rng.random(len(line)) < share
    if not wrong.any():
        return line
    letters = []
    for letter, is_wrong in zip(line, wrong, strict=True):
        if not is_wrong:
            letters.append(letter)
        elif rng.random() < 0.6:
            letters.append(_LOOKALIKES.get(letter.lower(), pick(rng, "aeicmrt1l.")))
    return "".join(letters)


def sentence(rng: np.random.Generator, count: int) -> str:
    """`count` words of no meaning, common and rare ones as in English prose."""
    ranks = 1 / np.arange(2, len(_COMMON) + 2)
    common = rng.choice(_COMMON, count, p=ranks / ranks.sum())
    rare = prose(rng, count).split()
    return " ".join(str(c) if rng.random() < 0.45 else r for c, r in zip(common, rare, strict=True))


def _draw(kind: Kind, part: str, rng: np.random.Generator) -> list[str]:
    phrases = kind.wording[part]
    low, high = kind.lines[part]
    count = int(rng.integers(low, high + 1))
    repeats = count > len(phrases) or part in ("row", "body")
    chosen = rng.choice(len(phrases), count, replace=repeats)
    lines = []
    for index in sorted(chosen) if part == "open" and rng.random() < 0.5 else chosen:
        line = fill(phrases[int(index)], rng)
        if part == "label" and rng.random() < 0.4:
            line = f"{line} {_value(rng)}"
        elif part == "body" and rng.random() < 0.4:
            line = f"{line} {sentence(rng, int(rng.integers(2, 14))).lower()}"
        lines.append(line.upper() if rng.random() < 0.08 else line)
    return lines


def fill(phrase: str, rng: np.random.Generator) -> str:
    """The phrase with values in its slots."""
    return _SLOT.sub(lambda slot: _slot(slot[1], rng), phrase)


def _slot(name: str, rng: np.random.Generator) -> str:
    if name not in _SLOTS:
        raise ValueError(f"wording.yaml: there is no slot {{{name}}}")
    return _SLOTS[name](rng)


def _date(rng: np.random.Generator) -> str:
    day, month, year = rng.integers(1, 28), rng.integers(1, 12), rng.integers(1965, 2025)
    if rng.random() < 0.5:
        return f"{day:02d}/{month:02d}/{year}"
    return f"{pick(rng, _MONTHS)} {day}, {year}"


def _decimal(rng: np.random.Generator) -> str:
    value = rng.uniform(0, float(rng.choice([1, 1, 30])))
    return f"{value:.{rng.integers(1, 4)}f}"


def _initials(rng: np.random.Generator) -> str:
    return " ".join(f"{letter}." for letter in rng.choice(list("ABCDEFGHJKLMPRSTW"), 2))


def _value(rng: np.random.Generator) -> str:
    slot = pick(rng, ("name", "number", "date", "amount", "town", "words", "number"))
    return _slot(slot, rng)


_SLOTS: dict[str, Callable[[np.random.Generator], str]] = {
    "name": lambda rng: pick(rng, NAMES),
    "firm": lambda rng: pick(rng, FIRMS),
    "town": lambda rng: f"{pick(rng, TOWNS)}, {rng.integers(10000, 99999)}",
    "street": lambda rng: f"{rng.integers(1, 999)} {pick(rng, ('Mill Road', 'Main Street'))}",
    "date": _date,
    "amount": lambda rng: pick(rng, ("", "", "$")) + money(rng, float(rng.choice([60, 900, 9000]))),
    "number": lambda rng: str(rng.integers(1, 10 ** int(rng.integers(1, 10)))),
    "phone": lambda rng: f"({rng.integers(200, 999)}) 555-{rng.integers(0, 9999):04d}",
    "first": lambda rng: pick(rng, ("John", "Bill", "Mary", "Bob", "Jim", "Susan", "Tom", "Ann")),
    "digit": lambda rng: str(rng.integers(1, 10)),
    "decimal": _decimal,
    "year": lambda rng: str(rng.integers(1930, 2025)),
    "month": lambda rng: pick(rng, ("January", "February", "April", "June", "July", "September")),
    "initials": _initials,
    "typist": lambda rng: _initials(rng).replace(". ", "").rstrip("."),
    "person": lambda rng: f"{_initials(rng)} {pick(rng, NAMES).split()[-1]}",
    "percent": lambda rng: f"{rng.integers(1, 99)}%",
    "words": lambda rng: sentence(rng, int(rng.integers(2, 11))).rstrip("."),
}
