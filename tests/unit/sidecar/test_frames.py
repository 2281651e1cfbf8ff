"""Frames come out of the reader as they were written, however the bytes are cut."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sidecar.http2 import frames
from sidecar.http2.frames import ErrorCode, FrameReader, FrameType, ProtocolError


class Collector:
    """What a reader told, DATA joined again."""

    def __init__(self) -> None:
        self.frames: list[tuple[int, int, int, bytes]] = []
        self.data: dict[int, bytes] = {}
        self.ended: set[int] = set()
        self.counted = 0

    def on_data(self, stream_id: int, chunk: memoryview, size: int, end_stream: bool) -> None:
        self.data[stream_id] = self.data.get(stream_id, b"") + bytes(chunk)
        self.counted += size
        assert stream_id not in self.ended
        if end_stream:
            self.ended.add(stream_id)

    def on_frame(self, kind: int, flags: int, stream_id: int, payload: bytes) -> None:
        self.frames.append((kind, flags, stream_id, payload))


def data_frame(stream_id: int, payload: bytes, flags: int = 0) -> bytes:
    return frames.frame_header(FrameType.DATA, flags, stream_id, len(payload)) + payload


def test_frames_survive_any_cutting() -> None:
    @given(
        bodies=st.lists(st.binary(max_size=300), min_size=1, max_size=5),
        cuts=st.lists(st.integers(1, 60), min_size=1),
        preface=st.booleans(),
    )
    def check(bodies: list[bytes], cuts: list[int], preface: bool) -> None:
        wire = frames.PREFACE if preface else b""
        for number, body in enumerate(bodies):
            wire += data_frame(2 * number + 1, body, frames.END_STREAM)
            wire += frames.window_update(number, 7)
        told = Collector()
        reader = FrameReader(told, 1 << 20, frames.PREFACE if preface else b"")
        at = turn = 0
        while at < len(wire):
            step = cuts[turn % len(cuts)]
            reader.feed(memoryview(wire)[at : at + step])
            at, turn = at + step, turn + 1
        streams = {2 * number + 1: body for number, body in enumerate(bodies)}
        assert told.data == streams
        assert told.ended == set(streams)
        assert [frame[2] for frame in told.frames] == list(range(len(bodies)))

    check()


def test_padding_counts_but_is_not_passed_on() -> None:
    told = Collector()
    payload = b"\x03" + b"body" + b"\0\0\0"
    wire = data_frame(1, payload, frames.PADDED | frames.END_STREAM)
    FrameReader(told, 1 << 20).feed(memoryview(wire))
    assert told.data == {1: b"body"}
    assert told.counted == len(payload)
    assert told.ended == {1}


@pytest.mark.parametrize(
    ("wire", "preface", "code"),
    [
        (b"GET / HTTP/1.1\r\n", frames.PREFACE, ErrorCode.PROTOCOL_ERROR),
        (data_frame(1, b"\x09body", frames.PADDED), b"", ErrorCode.PROTOCOL_ERROR),
        (frames.frame_header(FrameType.DATA, 0, 1, 1 << 21), b"", ErrorCode.FRAME_SIZE_ERROR),
        (frames.frame_header(FrameType.HEADERS, 0, 1, 200_000), b"", ErrorCode.FRAME_SIZE_ERROR),
    ],
)
def test_what_is_no_http2_ends_the_connection(wire: bytes, preface: bytes, code: ErrorCode) -> None:
    with pytest.raises(ProtocolError) as caught:
        FrameReader(Collector(), 1 << 20, preface).feed(memoryview(wire))
    assert caught.value.code is code


def test_short_payloads_are_refused() -> None:
    with pytest.raises(ProtocolError):
        frames.read_word(b"\0\0")
    with pytest.raises(ProtocolError):
        frames.read_settings(b"\0\1\0")
    with pytest.raises(ProtocolError):
        frames.unpadded(b"\0\0", frames.PRIORITY_FLAG, priority=True)
