"""What was read stays as it came while somebody holds it; then its memory is used again."""

from hypothesis import given
from hypothesis import strategies as st

from sidecar.http2.buffers import MOST_KEPT, SIZE, WORTH_LENDING, ReadBuffers, pieces_of

READ = st.tuples(
    st.sampled_from([1, 100, WORTH_LENDING - 1, WORTH_LENDING, SIZE]), st.integers(0, 12)
)
"""Bytes of a read, and how many reads later the last piece of it is given up."""


def test_what_is_held_is_never_written_over() -> None:
    @given(reads=st.lists(READ, max_size=40))
    def check(reads: list[tuple[int, int]]) -> None:
        buffers = ReadBuffers()
        held: list[tuple[int, int, memoryview]] = []
        for turn, (size, keep) in enumerate(reads):
            buffer = buffers.take()
            buffer[:size] = bytes([turn]) * size
            held.append((turn + keep, turn, pieces_of(buffer, size)[size // 3 :]))
            del buffer
            assert all(piece.tobytes() == bytes([of]) * len(piece) for _, of, piece in held)
            held = [entry for entry in held if entry[0] > turn]

    check()


def test_a_buffer_is_used_again_once_nothing_of_it_is_held() -> None:
    buffers = ReadBuffers()
    first = buffers.take()
    piece = pieces_of(first, SIZE)[SIZE - 1 :]
    assert buffers.take() is not first
    del piece
    assert buffers.take() is first


def test_a_small_read_holds_no_buffer() -> None:
    buffers = ReadBuffers()
    first = buffers.take()
    piece = pieces_of(first, WORTH_LENDING - 1)
    assert len(piece) == WORTH_LENDING - 1
    assert buffers.take() is first


def test_no_more_than_a_few_are_kept() -> None:
    buffers = ReadBuffers()
    held = [pieces_of(buffers.take(), SIZE) for _ in range(3 * MOST_KEPT)]
    assert len({id(piece.obj) for piece in held}) == 3 * MOST_KEPT
    assert len(buffers._kept) == MOST_KEPT
