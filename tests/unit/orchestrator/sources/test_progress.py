"""How far a partition is done, when its records finish in any order."""

import random

from hypothesis import given
from hypothesis import strategies as st

from orchestrator.sources.progress import MOST_AHEAD, PartitionProgress


def test_what_is_done_out_of_order_is_not_taken_again() -> None:
    progress = PartitionProgress(10, next=10)
    assert all(progress.take(offset) for offset in (10, 11, 12, 14))
    for offset in (11, 14):
        progress.finish(offset)
    assert (progress.base, progress.ahead) == (10, 5)
    restored = PartitionProgress.restored(progress.base, progress.text)
    assert [offset for offset in (10, 11, 12, 14) if restored.take(offset)] == [10, 12]
    restored.finish(10)
    restored.finish(12)
    assert restored.base == 15


def test_a_strangers_text_counts_as_empty() -> None:
    for text in ("", "committed by hand", "{}", "é"):
        assert PartitionProgress.restored(3, text).done == set()


def test_the_text_fits_what_a_broker_stores() -> None:
    progress = PartitionProgress(0, next=0)
    for offset in range(MOST_AHEAD + 100):
        progress.take(offset)
        if offset:
            progress.finish(offset)
    assert len(progress.text) < 4096


@given(
    offsets=st.lists(st.integers(0, 200), unique=True, max_size=60).map(sorted),
    order=st.randoms(use_true_random=False),
    cut=st.integers(0, 60),
)
def test_every_record_is_done_once_whenever_it_is_cut_off(
    offsets: list[int], order: random.Random, cut: int
) -> None:
    first = offsets[0] if offsets else 0
    progress = PartitionProgress(first, next=first)
    done: list[int] = []
    taken = [offset for offset in offsets if progress.take(offset)]
    order.shuffle(taken)
    for offset in taken[:cut]:
        progress.finish(offset)
        done.append(offset)
    # A crash: what the broker has is all that is known; records come again from there on.
    again = PartitionProgress.restored(progress.base, progress.text)
    taken = [offset for offset in offsets if offset >= again.base and again.take(offset)]
    order.shuffle(taken)
    for offset in taken:
        again.finish(offset)
        done.append(offset)
    assert sorted(done) == offsets
    assert again.base == (offsets[-1] + 1 if offsets else first)
    assert not again.done
