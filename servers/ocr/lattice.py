"""What else a recogniser took a part of a line for, and how likely each text is.

Capitals and small letters are one here: what a word is does not hang on them.

Sources: Graves et al., "Connectionist Temporal Classification" (ICML 2006), for a text's
probability over all paths and for the best of them; Hannun et al., "First-Pass Large Vocabulary
Continuous Speech Recognition using Bi-Directional Recurrent DNNs" (2014), for the prefix beam
search among the words of a lexicon.
"""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

from servers.ocr.ctc import BLANK, Glyph, Steps
from servers.ocr.lexicon import Lexicon, Range

FLOOR = 1e-6
"""The probability of what is not among a step's best classes."""

LEAST = 1e-4
"""Letters below this are not followed,"""

BEAM = 10
"""nor more beginnings of words than so many."""

NOTHING_ELSE = 0.9999
"""From this probability on, a blank is the only thing that a step can be."""


@dataclass(frozen=True, slots=True)
class Lattice:
    """The steps [start, end) of a line.

    Attributes:
        start: of the first of them, along the line.
        blanks: each step's probability of a blank.
        printed: each step's probabilities of characters, by character,
        letters: and by lower-case character.
    """

    start: int
    blanks: tuple[float, ...]
    printed: tuple[dict[str, float], ...]
    letters: tuple[dict[str, float], ...]

    @classmethod
    def of(cls, steps: Steps, texts: Sequence[str], start: int, end: int) -> Self:
        """A part of a line, whose classes are read as `texts`."""
        ids, probabilities = (part[start:end].tolist() for part in steps)
        blanks, printed, letters = [], [], []
        for classes, likely in zip(ids, probabilities, strict=True):
            as_printed: dict[str, float] = defaultdict(float)
            as_letters: dict[str, float] = defaultdict(float)
            for name, probability in zip(classes, likely, strict=True):
                as_printed[texts[name]] += probability
                as_letters[texts[name].lower()] += probability
            blanks.append(as_printed.pop(texts[BLANK], FLOOR))
            as_letters.pop(texts[BLANK], None)
            printed.append(dict(as_printed))
            letters.append(dict(as_letters))
        return cls(start, tuple(blanks), tuple(printed), tuple(letters))

    def probability(self, text: str) -> float:
        """Of a lower-case text, over all of its paths."""
        blank_ends, letter_ends = [1.0] + [0.0] * len(text), [0.0] * (len(text) + 1)
        for blank, letters in zip(self.blanks, self.letters, strict=True):
            before_blank, before_letter = blank_ends, letter_ends
            blank_ends = [(b + n) * blank for b, n in zip(before_blank, before_letter, strict=True)]
            letter_ends = [0.0]
            for place, letter in enumerate(text):
                ways = before_letter[place + 1] + before_blank[place]
                if place == 0 or text[place - 1] != letter:
                    ways += before_letter[place]
                letter_ends.append(ways * letters.get(letter, FLOOR))
        return blank_ends[-1] + letter_ends[-1]

    def words(self, lexicon: Lexicon) -> dict[str, float]:
        """The likeliest words of a lexicon that the whole part may be, with probabilities."""
        ranges: dict[str, Range] = {"": lexicon.all}
        beams: dict[str, tuple[float, float]] = {"": (1.0, 0.0)}
        for blank, letters in zip(self.blanks, self.letters, strict=True):
            if blank > NOTHING_ELSE:
                beams = {text: (b + n, 0.0) for text, (b, n) in beams.items()}
            else:
                beams = _followed(beams, blank, letters, ranges, lexicon)
        return {
            text: b + n
            for text, (b, n) in beams.items()
            if b + n > 0 and lexicon.is_word(ranges[text], text)
        }

    def aligned(self, text: str) -> list[Glyph] | None:
        """A lower-case text's characters on its likeliest path, as they are printed.

        None where the part is too short for it.
        """
        states = self._best_path(text)
        places = [np.flatnonzero(states == 2 * place + 1) for place in range(len(text))]
        if any(len(place) == 0 for place in places):
            return None
        return [
            self._glyph(letter, int(place[0]), int(place[-1]) + 1)
            for letter, place in zip(text, places, strict=True)
        ]

    def _glyph(self, letter: str, start: int, end: int) -> Glyph:
        def likely(text: str) -> float:
            return max(step.get(text, 0.0) for step in self.printed[start:end])

        printed = max(letter, letter.upper(), key=likely)
        probability = max(step.get(letter, FLOOR) for step in self.letters[start:end])
        return Glyph(printed, self.start + start, self.start + end, probability)

    def _best_path(self, text: str) -> NDArray[np.int64]:
        """For each step, which of blank, letter, blank, letter … blank it is."""
        count = 2 * len(text) + 1
        likely = np.full((len(self.blanks), count), FLOOR)
        likely[:, 0::2] = np.maximum(self.blanks, FLOOR)[:, None]
        for step, letters in enumerate(self.letters):
            likely[step, 1::2] = [max(letters.get(letter, FLOOR), FLOOR) for letter in text]
        leaps = np.array(
            [s % 2 == 1 and s > 1 and text[s // 2] != text[s // 2 - 1] for s in range(count)]
        )
        score = np.where(np.arange(count) < 2, np.log(likely[0]), -np.inf)
        came_from = np.zeros((len(likely), count), np.int64)
        for step in range(1, len(likely)):
            one = np.r_[-np.inf, score[:-1]]
            two = np.where(leaps, np.r_[-np.inf, -np.inf, score[:-2]][:count], -np.inf)
            ways = np.stack([score, one, two])
            came_from[step] = np.arange(count) - ways.argmax(axis=0)
            score = ways.max(axis=0) + np.log(likely[step])
        state = count - 1 if score[-1] > score[-2] else count - 2
        states = np.zeros(len(likely), np.int64)
        for step in range(len(likely) - 1, -1, -1):
            states[step] = state
            state = came_from[step, state]
        return states


def _followed(
    beams: dict[str, tuple[float, float]],
    blank: float,
    letters: dict[str, float],
    ranges: dict[str, Range],
    lexicon: Lexicon,
) -> dict[str, tuple[float, float]]:
    """The likeliest beginnings of words after one more step: of each the probability of those
    paths that end in a blank, and of those that end in its last letter."""
    options = [(x, p) for x, p in letters.items() if p > LEAST and (x.isalpha() or x == "'")]
    ends: dict[str, list[float]] = {}
    for text, (blank_ends, letter_ends) in beams.items():
        both = blank_ends + letter_ends
        stay = ends.setdefault(text, [0.0, 0.0])
        stay[0] += both * blank
        stay[1] += letter_ends * letters.get(text[-1:], FLOOR)
        for letter, probability in options:
            longer = text + letter
            if longer not in ranges:
                ranges[longer] = lexicon.narrowed(ranges[text], longer)
            if ranges[longer][0] < ranges[longer][1]:
                grown = ends.setdefault(longer, [0.0, 0.0])
                grown[1] += probability * (blank_ends if text[-1:] == letter else both)
    best = sorted(ends.items(), key=lambda end: -sum(end[1]))[:BEAM]
    return {text: (blank_ends, letter_ends) for text, (blank_ends, letter_ends) in best}
