"""What a recogniser may read: the Western characters, or all that it knows.

A network that may read less reads better and faster: a blot cannot become one of thousands of
ideographs.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

CHARACTERS = "characters"
"""The metadata of a recogniser's file that lists its classes, one a line; the blank, which comes
before the first, is left out, and the space is the last."""

WESTERN = (
    "".join(chr(code) for code in range(0x21, 0x7F))
    + "".join(chr(code) for code in range(0xC0, 0x180) if chr(code) not in "ĲĳĿŀŉſ")
    + "ȘșȚț"
    + "¢£¥§©ª«®°±²³µ¶·º»¼½¾¿–—‘’“”†‡•…‰′″€™←↑→↓−√■□○●☐☑☒✓✔✘"
    + "口囗"
)
"""Printable ASCII, the letters of Latin-1 and Latin Extended-A, those of Romanian, and the signs of
Western office paper. The two ideographs are what an empty tick box looks like to the networks;
`READ_AS` makes it `□`."""

READ_AS = {"口": "□", "囗": "□"}

RARE = -1.0
"""Added to the logit of a letter with an accent where no language that is named has it: specks on
a letter look like one."""


@dataclass(frozen=True, slots=True)
class Alphabet:
    """A choice of a recogniser's classes.

    Attributes:
        texts: what each of them is read as; the blank first, the space second.
        classes: (n,) int64: their numbers in the network.
        bonus: (n,) float32: what is added to their logits.
    """

    texts: tuple[str, ...]
    classes: NDArray[np.int64]
    bonus: NDArray[np.float32]


def western(known: Sequence[str], space_bonus: float, letters: Collection[str] = ()) -> Alphabet:
    """The Western characters among those that a recogniser knows.

    Args:
        known: its characters, the space last.
        space_bonus: added to the space's logit.
        letters: those beyond ASCII that the languages on the page have.
    """
    place = {character: index for index, character in enumerate(known)}
    kept = [character for character in WESTERN if character in place]
    texts = [READ_AS.get(character, character) for character in kept]
    bonus = [RARE if _is_accented(text) and text not in letters else 0.0 for text in texts]
    return _alphabet(texts, [place[character] for character in kept], [space_bonus, *bonus], known)


def full(known: Sequence[str], space_bonus: float) -> Alphabet:
    """All characters that a recogniser knows."""
    others = known[:-1]
    return _alphabet(others, range(len(others)), [space_bonus, *([0.0] * len(others))], known)


def _alphabet(
    texts: Sequence[str], places: Sequence[int], bonus: Sequence[float], known: Sequence[str]
) -> Alphabet:
    """With the blank, class 0, and the space, the last one, before the others."""
    classes = np.array([0, len(known), *(place + 1 for place in places)], np.int64)
    return Alphabet(("", " ", *texts), classes, np.array([0.0, *bonus], np.float32))


def _is_accented(text: str) -> bool:
    return text.isalpha() and not text.isascii()
