"""Header blocks as the proxy writes them are read by the library, and the other way round."""

import pytest
from hpack import Encoder
from hypothesis import given
from hypothesis import strategies as st

from sidecar.http2.frames import ProtocolError
from sidecar.http2.headers import HeaderDecoder, HeaderEncoder

HEADERS = st.lists(st.tuples(st.binary(min_size=1, max_size=40), st.binary(max_size=400)))


def test_literals_are_read_by_any_decoder() -> None:
    @given(blocks=st.lists(HEADERS, max_size=4))
    def check(blocks: list[list[tuple[bytes, bytes]]]) -> None:
        encoder, decoder = HeaderEncoder(), HeaderDecoder(1 << 20)
        for headers in blocks:
            assert decoder.decode(encoder.encode(headers)) == headers
            assert decoder.decode(encoder.encode(headers)) == headers  # now from memory

    check()


def test_the_peers_table_is_followed() -> None:
    peer, decoder = Encoder(), HeaderDecoder(1 << 16)
    headers = [(b":path", b"/s/M"), (b"x-key", b"value"), (b"bin-bin", b"\xff\x00")]
    for _ in range(3):
        assert decoder.decode(peer.encode(headers)) == headers


def test_a_block_is_remembered_only_as_long_as_it_says_the_same() -> None:
    some = [[(b":path", b"/s/%d" % n), (b"x-key", b"value %d" % (n % 3))] for n in range(6)]

    @given(
        which=st.lists(st.sampled_from(some), max_size=30), size=st.sampled_from([80, 200, 4096])
    )
    def check(which: list[list[tuple[bytes, bytes]]], size: int) -> None:
        peer, decoder = Encoder(), HeaderDecoder(1 << 16)
        peer.header_table_size = size  # entries that are pushed out, and blocks that say so
        for headers in which:
            assert decoder.decode(peer.encode(headers)) == headers

    check()


def test_memory_of_headers_is_bounded() -> None:
    encoder = HeaderEncoder()
    for number in range(5000):
        encoder.encode([(b"x", b"%d" % number)])
    assert len(encoder._known) <= 2048


@pytest.mark.parametrize("block", [b"\xff\xff\xff\xff\xff", b"\xbe"])
def test_broken_blocks_end_the_connection(block: bytes) -> None:
    with pytest.raises(ProtocolError):
        HeaderDecoder(1 << 16).decode(block)


def test_too_many_headers_end_the_connection() -> None:
    block = HeaderEncoder().encode([(b"x", b"y" * 1000)] * 100)
    with pytest.raises(ProtocolError):
        HeaderDecoder(10_000).decode(block)
