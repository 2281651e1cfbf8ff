"""What the classifier sees of a page's text."""

import numpy as np
import pytest

from servers.classify.text import HASHED, STATISTICS, hash_text, text_statistics, words_of


def test_numbers_count_by_their_shape() -> None:
    (words,) = words_of(["Total 1,234.50 on 03/05/2021 at 12:30, No. 8873 USD 5"])

    assert words == [
        *("total", "<amount>", "on", "<date>", "at", "<time>", "no", "<n4>", "usd", "<n1>"),
    ]


def test_the_hashed_vector_is_sparse_sorted_and_of_norm_one() -> None:
    places, values = hash_text(["Dear Sir", "Yours truly"])

    assert (np.diff(places) > 0).all()
    assert 0 <= places[0] <= places[-1] < HASHED
    assert np.linalg.norm(values) == pytest.approx(1)


def test_case_does_not_matter() -> None:
    upper, lower = hash_text(["INVOICE"]), hash_text(["invoice"])

    assert upper[0].tolist() == lower[0].tolist()


@pytest.mark.parametrize("lines", [[], [""], ["   ", "..."]])
def test_a_page_without_words_has_no_text(lines: list[str]) -> None:
    places, values = hash_text(lines)

    assert not len(places)
    assert not len(values)
    assert np.isfinite(text_statistics(lines)).all()


def test_the_statistics_tell_prose_from_tables() -> None:
    prose = text_statistics(["we are pleased to tell you that your letter has been received."] * 9)
    table = text_statistics(["Tea 1.20", "Milk 0.99", "Bread 2.49", "Total 4.68"] * 3)

    assert prose.shape == table.shape == (STATISTICS,)
    assert (table - prose)[[8]] > 0.2  # the share of amounts
    assert prose[3] > table[3]  # the usual length of a line


def test_a_page_of_endless_words_is_cut() -> None:
    assert sum(map(len, words_of(["word " * 10_000]))) == 3000
