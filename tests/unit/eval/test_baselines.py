"""The direction of text by the boxes of its words."""

import numpy as np
import pytest

from eval.baselines import Box, chained, direction_of_baselines

WORDS = ["the", "person", "who", "names", "one", "form", "on", "time", "is", "late", "again"]


def drawn_lines(degrees: float, count: int = 20, seed: int = 0) -> list[list[Box]]:
    """Lines of words whose boxes stand on baselines in this direction, in whole pixels."""
    rng = np.random.default_rng(seed)
    slope = np.tan(np.radians(degrees))
    lines = []
    for level in np.linspace(200, 1800, count):
        line, left = [], 100.0
        for text in rng.permutation(WORDS):
            width = 18.0 * len(text)
            bottom = float(np.round(level + slope * (left + width / 2)))
            hanging = 8.0 if set(text) & set("gp") else 0.0
            line.append(Box(str(text), left, bottom - 25, left + width, bottom + hanging))
            left += width + 15
        lines.append(line)
    return lines


@pytest.mark.parametrize("degrees", [-2.0, -0.31, 0.0, 0.07, 1.3])
def test_whole_pixels_of_many_words_tell_a_hundredth_of_a_degree(degrees: float) -> None:
    found = direction_of_baselines(drawn_lines(degrees))
    assert found is not None
    assert found.degrees == pytest.approx(degrees, abs=0.01)
    assert found.error < 0.01


def test_words_that_hang_below_their_line_or_stand_astray_do_not_pull() -> None:
    lines = drawn_lines(0.5)
    for line in lines[::3]:
        last = line[-1]
        line[-1] = Box("astray", last.left, last.top + 40, last.right, last.bottom + 40)
    found = direction_of_baselines(lines)
    assert found is not None
    assert found.degrees == pytest.approx(0.5, abs=0.02)


def test_a_few_words_tell_nothing() -> None:
    assert direction_of_baselines([]) is None
    assert direction_of_baselines(drawn_lines(0.5, count=1)) is None


def test_a_line_is_put_together_from_words_in_any_order() -> None:
    lines = drawn_lines(1.0, count=5)
    words = [word for line in lines for word in line]
    mixed = [words[place] for place in np.random.default_rng(1).permutation(len(words))]
    chains = chained(mixed, 1.0)
    assert sorted(map(tuple, chains), key=lambda line: line[0].top) == [
        tuple(line) for line in lines
    ]


def test_words_far_apart_share_no_line() -> None:
    left, right = Box("left", 0, 0, 40, 20), Box("right", 400, 0, 440, 20)
    assert chained([left, right], 0.0) == [[left], [right]]
