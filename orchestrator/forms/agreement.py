"""Whether what a page shows where a blank prints its words is the blank's print.

A faded or dropped-out print leaves few words to find, and nothing in the place of the others;
another form has other words there. The first agrees with the blank, the second contradicts it.
"""

import difflib
from collections.abc import Sequence

import numpy as np

from orchestrator.forms.alignment import Alignment
from orchestrator.forms.blank import BlankPage
from orchestrator.forms.words import PageWord, key_of

_AROUND_POINTS = 1.0
_LIKE = 0.5
"""Letters in common, as a share, from which on a text is a bad reading of a word."""


def agreement(blank: BlankPage, words: Sequence[PageWord], alignment: Alignment) -> float:
    """Share of the blank's words that the page repeats, be it misread, of those at whose place it
    shows any text; in [0, 1], 0 when it shows none.

    Args:
        words: of the page.
        alignment: lays the page on the blank.
    """
    read = [(key, word) for word in words if (key := key_of(word.text))]
    printed = [(key, word.box.centre) for word in blank.words if (key := key_of(word.text))]
    if not read or not printed:
        return 0.0
    corners = np.concatenate([word.corners for _, word in read])
    corners = alignment.to_blank(corners).reshape(-1, 4, 2)
    low, high = corners.min(axis=1) - _AROUND_POINTS, corners.max(axis=1) + _AROUND_POINTS
    centres = np.array([centre for _, centre in printed])[:, None]
    covered = ((low <= centres) & (centres <= high)).all(axis=2)
    shown = covered.any(axis=1)
    repeated = [
        any(_is_like(printed[place][0], read[index][0]) for index in np.flatnonzero(covered[place]))
        for place in np.flatnonzero(shown)
    ]
    return float(np.mean(repeated)) if repeated else 0.0


def _is_like(printed: str, read: str) -> bool:
    if printed in read:
        return True
    compared = difflib.SequenceMatcher(None, printed, read, autojunk=False)
    return compared.real_quick_ratio() >= _LIKE and compared.ratio() >= _LIKE
