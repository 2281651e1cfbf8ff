"""Messages are counted however their bytes are cut."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sidecar.messages import MessageCounter, MessageTooLarge


def framed(message: bytes) -> bytes:
    return b"\0" + len(message).to_bytes(4, "big") + message


def test_counts_do_not_depend_on_the_cutting() -> None:
    @given(messages=st.lists(st.binary(max_size=50)), step=st.integers(1, 70))
    def check(messages: list[bytes], step: int) -> None:
        wire, counter = b"".join(map(framed, messages)), MessageCounter(50)
        for at in range(0, len(wire), step):
            counter.count(memoryview(wire)[at : at + step])
        assert counter.messages == len(messages)
        assert counter.size == sum(map(len, messages))

    check()


def test_a_message_over_the_limit_is_known_by_its_prefix() -> None:
    counter = MessageCounter(9)
    with pytest.raises(MessageTooLarge) as caught:
        counter.count(memoryview(framed(b"0123456789")[:5]))
    assert caught.value.size == 10
