"""What counts as a word that was read."""

from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from eval.scores.words import WordScore, expected_calibration_error, labelled_tokens, tokens

TEXTS = st.lists(st.text("ab1 -É_", max_size=6), max_size=6)


def test_tokens_are_lower_case_letters_and_digits() -> None:
    assert tokens("R&D No. 14-B_2: Größe") == ["r", "d", "no", "14", "b", "2", "größe"]


def test_words_count_as_often_as_they_are_labelled() -> None:
    score = WordScore()
    score.add(Counter(["to", "be", "to"]), [("to", 0.9), ("to", 0.8), ("to", 0.7)])
    assert score.recall == pytest.approx(2 / 3)
    assert score.precision == pytest.approx(2 / 3)
    assert score.truth == [True, True, False]
    assert score.mistakes == 2


def test_sums_are_over_all_pages() -> None:
    score = WordScore()
    score.add(Counter(["one"]), [("one", None)])
    score.add(Counter(["two", "three", "four"]), [("five", None)])
    assert (score.recall, score.precision) == (1 / 4, 1 / 2)
    assert score.calibration_error is None


@settings(deadline=None)
@given(TEXTS, TEXTS)
def test_order_and_cutting_into_words_do_not_matter(labels: list[str], read: list[str]) -> None:
    wanted = Counter(token for text in labels for token in tokens(text))
    one, other = WordScore(), WordScore()
    one.add(wanted, [(text, None) for text in read])
    other.add(wanted, [(" ".join(reversed(read)), None)])
    assert (one.right, one.read) == (other.right, other.read)
    assert one.right <= min(one.labelled, one.read)
    assert one.mistakes == 0 or sorted(wanted.elements()) != sorted(tokens(" ".join(read)))


def test_an_empty_set_scores_nothing() -> None:
    assert (WordScore().recall, WordScore().precision) == (0, 0)


def test_calibration_error_is_the_distance_of_confidence_and_truth() -> None:
    sure = np.array([0.95, 0.95, 0.25, 0.25])
    assert expected_calibration_error(sure, np.array([1.0, 1, 0, 0])) == pytest.approx(0.15)
    assert expected_calibration_error(np.ones(3), np.ones(3)) == 0


def test_lines_are_labels_where_words_are_not() -> None:
    assert labelled_tokens({"lines": [{"text": "To be"}]}) == Counter(["to", "be"])
    both = {"words": [{"text": "a"}], "lines": [{"text": "b"}]}
    assert labelled_tokens(both) == Counter(["a"])
