"""Header blocks that come in pieces: a HEADERS frame, then CONTINUATION frames."""

from dataclasses import dataclass, field

from sidecar.http2.frames import END_HEADERS, ErrorCode, ProtocolError

MAX_PIECES = 64


@dataclass(slots=True)
class Block:
    """A header block so far.

    Attributes:
        stream_id, flags: of the HEADERS frame that began it.
        max_size: bytes that it may have.
    """

    stream_id: int
    flags: int
    max_size: int
    _pieces: list[bytes] = field(default_factory=list)
    _size: int = 0

    def add(self, stream_id: int, flags: int, piece: bytes) -> bytes | None:
        """The whole block when this was its last piece, else None.

        Raises:
            ProtocolError: the piece is another stream's, or the block has no end.
        """
        if stream_id != self.stream_id:
            raise ProtocolError(ErrorCode.PROTOCOL_ERROR, "a header block was interrupted")
        self._pieces.append(piece)
        self._size += len(piece)
        if self._size > self.max_size or len(self._pieces) > MAX_PIECES:
            raise ProtocolError(ErrorCode.ENHANCE_YOUR_CALM, "a header block without end")
        return b"".join(self._pieces) if flags & END_HEADERS else None
