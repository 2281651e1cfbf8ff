"""Broken documents made from whole ones: cut, bits flipped, a part missing or repeated."""

import random
from collections.abc import Callable
from pathlib import Path

_SAMPLES = Path(__file__).parents[2] / "samples"
_WHOLE = (
    "application_form.pdf",
    "pages.tiff",
    "receipt.jpg",
    "skewed.png",
    "forms/f1040-TY2021.pdf",
)


def _cut(content: bytes, chance: random.Random) -> bytes:
    return content[: chance.randrange(1, len(content))]


def _flipped(content: bytes, chance: random.Random) -> bytes:
    damaged = bytearray(content)
    for _ in range(chance.choice([1, 4, 30, 300])):
        damaged[chance.randrange(len(damaged))] ^= 1 << chance.randrange(8)
    return bytes(damaged)


def _flipped_early(content: bytes, chance: random.Random) -> bytes:
    return _flipped(content[:400], chance) + content[400:]


def _without_a_part(content: bytes, chance: random.Random) -> bytes:
    start = chance.randrange(len(content))
    return content[:start] + content[start + chance.randrange(1, 5000) :]


def _with_a_part_twice(content: bytes, chance: random.Random) -> bytes:
    start = chance.randrange(len(content))
    part = content[start : start + chance.randrange(1, 5000)]
    return content[:start] + part * chance.choice([2, 50]) + content[start:]


def _with_huge_numbers(content: bytes, chance: random.Random) -> bytes:
    """Numbers in a PDF's text become enormous or negative: sizes, counts, references."""
    digits = [place for place, byte in enumerate(content) if 48 <= byte <= 57]
    place = chance.choice(digits)
    number = chance.choice([b"99999999999", b"-1", b"2147483648", b"1e300"])
    return content[:place] + number + content[place + 1 :]


_DAMAGES: tuple[Callable[[bytes, random.Random], bytes], ...] = (
    _cut,
    _flipped,
    _flipped_early,
    _without_a_part,
    _with_a_part_twice,
    _with_huge_numbers,
)


def make_corpus(folder: Path, count: int, seed: int) -> None:
    """Writes `count` broken documents into `folder`, the same ones for the same seed."""
    chance = random.Random(seed)  # noqa: S311 - chance, not a secret
    whole = [_SAMPLES / name for name in _WHOLE if (_SAMPLES / name).exists()]
    for number in range(count):
        source, damage = chance.choice(whole), _DAMAGES[number % len(_DAMAGES)]
        name = f"{number:04}{damage.__name__}{source.suffix}"
        (folder / name).write_bytes(damage(source.read_bytes(), chance))
