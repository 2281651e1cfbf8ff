"""Frames of HTTP/2 (RFC 9113, section 4 and 6): their numbers, how they are written and read."""

import struct
from enum import IntEnum
from typing import Protocol

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
HEADER_SIZE = 9
DEFAULT_WINDOW = 65_535
DEFAULT_MAX_FRAME_SIZE = 16_384
MAX_WINDOW = 2**31 - 1
MAX_STREAM_ID = 2**31 - 1
MAX_HELD_FRAME = 128 * 1024
"""Frames other than DATA are held until they are whole; longer ones are refused."""

END_STREAM = ACK = 0x1
END_HEADERS = 0x4
PADDED = 0x8
PRIORITY_FLAG = 0x20


class FrameType(IntEnum):
    """What a frame is."""

    DATA = 0
    HEADERS = 1
    PRIORITY = 2
    RST_STREAM = 3
    SETTINGS = 4
    PUSH_PROMISE = 5
    PING = 6
    GOAWAY = 7
    WINDOW_UPDATE = 8
    CONTINUATION = 9


class ErrorCode(IntEnum):
    """Why a stream or a connection ended."""

    NO_ERROR = 0
    PROTOCOL_ERROR = 1
    INTERNAL_ERROR = 2
    FLOW_CONTROL_ERROR = 3
    SETTINGS_TIMEOUT = 4
    STREAM_CLOSED = 5
    FRAME_SIZE_ERROR = 6
    REFUSED_STREAM = 7
    CANCEL = 8
    COMPRESSION_ERROR = 9
    CONNECT_ERROR = 10
    ENHANCE_YOUR_CALM = 11
    INADEQUATE_SECURITY = 12
    HTTP_1_1_REQUIRED = 13


class Setting(IntEnum):
    """What one end tells the other about itself."""

    HEADER_TABLE_SIZE = 1
    ENABLE_PUSH = 2
    MAX_CONCURRENT_STREAMS = 3
    INITIAL_WINDOW_SIZE = 4
    MAX_FRAME_SIZE = 5
    MAX_HEADER_LIST_SIZE = 6


class ProtocolError(Exception):
    """The peer broke the protocol; the connection ends with `code`."""

    def __init__(self, code: ErrorCode, message: str) -> None:
        super().__init__(message)
        self.code = code


_DATA = int(FrameType.DATA)  # an enum's member is slow to look up, and most frames are DATA
_PREFIX = struct.Struct(">HBBBL")
_WORD = struct.Struct(">L")
_SETTING = struct.Struct(">HL")


def frame_header(kind: int, flags: int, stream_id: int, length: int) -> bytes:
    """The nine bytes before a payload of `length` bytes."""
    return _PREFIX.pack(length >> 8, length & 0xFF, kind, flags, stream_id)


def settings(values: dict[Setting, int]) -> bytes:
    """A SETTINGS frame."""
    payload = b"".join(_SETTING.pack(key, value) for key, value in values.items())
    return frame_header(FrameType.SETTINGS, 0, 0, len(payload)) + payload


SETTINGS_ACK = frame_header(FrameType.SETTINGS, ACK, 0, 0)


def read_settings(payload: bytes) -> list[tuple[int, int]]:
    """Keys and values of a SETTINGS frame.

    Raises:
        ProtocolError: the payload is no whole number of settings.
    """
    if len(payload) % _SETTING.size:
        raise ProtocolError(ErrorCode.FRAME_SIZE_ERROR, "SETTINGS of a broken length")
    return list(_SETTING.iter_unpack(payload))


def window_update(stream_id: int, increment: int) -> bytes:
    """A WINDOW_UPDATE frame; stream 0 is the connection."""
    return frame_header(FrameType.WINDOW_UPDATE, 0, stream_id, 4) + _WORD.pack(increment)


def rst_stream(stream_id: int, code: int) -> bytes:
    """A RST_STREAM frame."""
    return frame_header(FrameType.RST_STREAM, 0, stream_id, 4) + _WORD.pack(code)


def ping(payload: bytes, *, ack: bool) -> bytes:
    """A PING frame with its eight bytes."""
    return frame_header(FrameType.PING, ACK if ack else 0, 0, 8) + payload


def goaway(last_stream_id: int, code: int, debug: bytes = b"") -> bytes:
    """A GOAWAY frame."""
    payload = _WORD.pack(last_stream_id) + _WORD.pack(code) + debug
    return frame_header(FrameType.GOAWAY, 0, 0, len(payload)) + payload


def read_word(payload: bytes, at: int = 0) -> int:
    """The four bytes at `at` as a number, its reserved first bit cleared.

    Raises:
        ProtocolError: the payload is too short.
    """
    if len(payload) < at + 4:
        raise ProtocolError(ErrorCode.FRAME_SIZE_ERROR, "a frame is shorter than its kind demands")
    return int(_WORD.unpack_from(payload, at)[0] & MAX_STREAM_ID)


def read_error_code(payload: bytes, at: int = 0) -> int:
    """The error code at `at`; codes that nobody defined are kept.

    Raises:
        ProtocolError: the payload is too short.
    """
    if len(payload) < at + 4:
        raise ProtocolError(ErrorCode.FRAME_SIZE_ERROR, "a frame is shorter than its kind demands")
    return int(_WORD.unpack_from(payload, at)[0])


def unpadded(payload: bytes, flags: int, *, priority: bool = False) -> bytes:
    """A HEADERS or DATA payload without padding and, in HEADERS, priority.

    Raises:
        ProtocolError: the padding is longer than the frame.
    """
    start, end = 0, len(payload)
    if flags & PADDED:
        if not payload or payload[0] >= end:
            raise ProtocolError(ErrorCode.PROTOCOL_ERROR, "padding longer than its frame")
        start, end = 1, end - payload[0]
    if priority and flags & PRIORITY_FLAG:
        start += 5
    if start > end:
        raise ProtocolError(ErrorCode.FRAME_SIZE_ERROR, "HEADERS shorter than their priority")
    return payload[start:end]


class FrameHandler(Protocol):
    """Who gets what a `FrameReader` reads."""

    def on_data(self, stream_id: int, chunk: memoryview, size: int, end_stream: bool) -> None:
        """A piece of a DATA frame. `size` counts against flow control, padding too."""

    def on_frame(self, kind: int, flags: int, stream_id: int, payload: bytes) -> None:
        """Any other frame, whole."""


class FrameReader:
    """Cuts a byte stream into frames. DATA is handed on piece by piece as it comes in.

    Args:
        handler: gets the frames.
        max_frame_size: longer frames end the connection.
        preface: bytes that the peer must send before its first frame.
    """

    def __init__(self, handler: FrameHandler, max_frame_size: int, preface: bytes = b"") -> None:
        self._handler = handler
        self._max_frame_size = max_frame_size
        self._preface = preface
        self._held = b""
        self._data_left = 0
        self._data_stream = 0
        self._data_ends = False

    def feed(self, view: memoryview) -> None:
        """Read on. Pieces of DATA that are handed on are pieces of `view`.

        Raises:
            ProtocolError: this is not HTTP/2.
        """
        if self._held:
            view = memoryview(self._held + view)
            self._held = b""
        at = self._read_preface(view) if self._preface else 0
        if self._preface:
            self._held = bytes(view)
            return
        size, read = len(view), self._read_frame
        while at < size:
            if self._data_left:
                at = self._pass_data(view, at, size)
                continue
            following = read(view, at, size)
            if following == at:
                self._held = bytes(view[at:])
                return
            at = following

    def _read_preface(self, data: memoryview) -> int:
        known = min(len(data), len(self._preface))
        if data[:known] != self._preface[:known]:
            raise ProtocolError(ErrorCode.PROTOCOL_ERROR, "not an HTTP/2 client")
        if known < len(self._preface):
            return 0
        self._preface = b""
        return known

    def _pass_data(self, view: memoryview, at: int, size: int) -> int:
        end = min(size, at + self._data_left)
        self._data_left -= end - at
        ends = self._data_ends and not self._data_left
        self._handler.on_data(self._data_stream, view[at:end], end - at, ends)
        return end

    def _read_frame(self, view: memoryview, at: int, size: int) -> int:
        """Read the frame at `at`; returns where the next begins, `at` when more is needed."""
        if size - at < HEADER_SIZE:
            return at
        high, low, kind, flags, stream_id = _PREFIX.unpack_from(view, at)
        length: int = high << 8 | low
        stream_id &= MAX_STREAM_ID
        if length > self._max_frame_size:
            raise ProtocolError(ErrorCode.FRAME_SIZE_ERROR, f"a frame of {length} bytes")
        start = at + HEADER_SIZE
        end = start + length
        if kind == _DATA and not flags & PADDED:
            if end <= size:
                self._handler.on_data(stream_id, view[start:end], length, bool(flags & END_STREAM))
                return end
            self._data_left, self._data_stream = length, stream_id
            self._data_ends = bool(flags & END_STREAM)
            return start
        if length > MAX_HELD_FRAME:
            raise ProtocolError(ErrorCode.FRAME_SIZE_ERROR, f"a frame of {length} bytes")
        if size < end:
            return at
        payload = bytes(view[start:end])
        if kind == _DATA:
            chunk = memoryview(unpadded(payload, flags))
            self._handler.on_data(stream_id, chunk, length, bool(flags & END_STREAM))
        else:
            self._handler.on_frame(kind, flags, stream_id, payload)
        return end
