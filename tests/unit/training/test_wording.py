"""Composed pages say what their class says, in the lines that such pages have."""

from dataclasses import replace

import numpy as np
import pytest

from training import printed_matter
from training.wording import Kind, kinds, page_text

MANY = 200


def _texts(kind: Kind, count: int = MANY) -> list[list[str]]:
    clear = replace(kind, garble=(0.0, 0.0))
    return [page_text(clear, np.random.default_rng(seed)) for seed in range(count)]


@pytest.mark.parametrize("name", sorted(kinds()))
def test_every_phrase_of_a_class_can_be_filled_in(name: str) -> None:
    texts = _texts(kinds()[name])
    assert all("{" not in line for lines in texts for line in lines)


def test_paragraphs_keep_to_the_width_of_their_column() -> None:
    kind = replace(
        kinds()["newspaper"],
        lines={"open": (0, 0), "body": (40, 40), "close": (0, 0)},
        wrap=(4, 4),
    )
    counts = [len(line.split()) for lines in _texts(kind, 20) for line in lines]
    assert max(counts) == 5
    assert np.mean(counts) == pytest.approx(4, abs=0.3)


def test_nearly_every_memo_has_the_heads_of_one_in_their_order() -> None:
    memo = kinds()["memo"]
    kind = replace(memo, lines={"open": (0, 0), "body": (0, 0), "close": (0, 0)})
    texts = _texts(kind)
    heads = [len(lines) for lines in texts]
    assert max(heads) == len(memo.head) == 4
    assert np.mean(heads) > 2.5
    for lines in texts:
        to = [i for i, line in enumerate(lines) if line.lower().startswith("to: ")]
        subject = [i for i, line in enumerate(lines) if line.lower().startswith("subject: ")]
        assert not (to and subject) or to[0] < subject[0]


@pytest.mark.parametrize("name", ["newspaper_page", "paper_page", "text_slide", "headed_memo"])
def test_a_page_of_print_has_ink_and_is_the_same_of_a_seed(name: str) -> None:
    first, again, other = (
        getattr(printed_matter, name)(np.random.default_rng(seed), 60.0).image for seed in (3, 3, 4)
    )
    assert (first < 128).mean() > 0.01
    assert np.array_equal(first, again)
    assert first.shape != other.shape or not np.array_equal(first, other)
