"""What keeps a connection's cost bounded."""

import pytest

from sidecar.http2 import frames
from sidecar.http2.blocks import MAX_PIECES, Block
from sidecar.http2.checks import announced_length, fault_of_request, fault_of_trailers
from sidecar.http2.frames import ErrorCode, ProtocolError
from sidecar.http2.guards import Budget, GivenUp
from sidecar.http2.headers import Headers

GOOD: Headers = [(b":method", b"POST"), (b":scheme", b"http"), (b":path", b"/a.B/C")]


def test_a_budget_is_spent_and_fills_again() -> None:
    now = 0.0
    budget = Budget("things", 3, 2, clock=lambda: now)
    for _ in range(3):
        budget.spend()
    with pytest.raises(ProtocolError, match="too many things") as caught:
        budget.spend()
    assert caught.value.code is ErrorCode.ENHANCE_YOUR_CALM
    now = 100.0
    for _ in range(3):
        budget.spend()
    with pytest.raises(ProtocolError):
        budget.spend()


def test_only_so_many_streams_are_remembered() -> None:
    given_up = GivenUp(most=2)
    for stream_id in (1, 3, 5):
        given_up.add(stream_id)
    assert [stream_id in given_up for stream_id in (1, 3, 5, 7)] == [False, True, True, False]


def test_a_block_is_whole_with_its_last_piece() -> None:
    block = Block(1, 0, max_size=10)
    assert block.add(1, 0, b"abc") is None
    assert block.add(1, frames.END_HEADERS, b"de") == b"abcde"


@pytest.mark.parametrize("piece", [b"x" * 4, b""])
def test_a_block_without_end_is_refused(piece: bytes) -> None:
    block = Block(1, 0, max_size=MAX_PIECES * 4)
    for _ in range(MAX_PIECES):
        block.add(1, 0, piece)
    with pytest.raises(ProtocolError) as caught:
        block.add(1, 0, piece)
    assert caught.value.code is ErrorCode.ENHANCE_YOUR_CALM


def test_well_formed_headers_pass() -> None:
    fields: Headers = [(b"te", b"trailers"), (b"key-bin", b"AAE"), (b"x", b"gr\xc3\xb6sse")]
    assert not fault_of_request([*GOOD, (b":authority", b"x"), *fields])
    assert not fault_of_trailers(fields)


@pytest.mark.parametrize(
    "headers",
    [
        GOOD[1:],
        [*GOOD, GOOD[0]],
        [*GOOD[:2], (b":path", b"")],
        [*GOOD, (b":status", b"200")],
        [(b"x", b"y"), *GOOD],
        [*GOOD, (b"Upper", b"y")],
        [*GOOD, (b"", b"y")],
        [*GOOD, (b"x", b"a\r\nb: c")],
        [*GOOD, (b"connection", b"close")],
        [*GOOD, (b"te", b"gzip")],
    ],
)
def test_malformed_requests_are_known(headers: Headers) -> None:
    assert fault_of_request(headers)


def test_trailers_have_no_pseudo_headers() -> None:
    assert fault_of_trailers([(b":path", b"/")])


def test_the_announced_length() -> None:
    assert announced_length([(b"content-length", b"12")]) == 12
    assert announced_length([(b"content-length", b"-1")]) is None
    assert announced_length(GOOD) is None
