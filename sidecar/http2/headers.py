"""Header blocks (HPACK, RFC 7541): decoded by a library, written as literals.

Literals need no table that both ends keep in step, so what a header looks like on the wire depends
on nothing but the header and is remembered. The bytes this costs never leave the pod.
"""

import re

from hpack import Decoder, HPACKError, OversizedHeaderListError

from sidecar.http2.frames import ErrorCode, ProtocolError

Headers = list[tuple[bytes, bytes]]

_REMEMBERED = 2048
_INDEXED = re.compile(rb"[\x80-\xfe]*").fullmatch
_MAX_REMEMBERED_SIZE = 256


class HeaderEncoder:
    """Writes header blocks that change no table."""

    def __init__(self) -> None:
        self._known: dict[tuple[bytes, bytes], bytes] = {}

    def encode(self, headers: Headers) -> bytes:
        """The block of `headers`, each a literal without indexing (RFC 7541, section 6.2.2)."""
        known = self._known
        return b"".join([known.get(header) or self._literal(header) for header in headers])

    def _literal(self, header: tuple[bytes, bytes]) -> bytes:
        name, value = header
        literal = b"".join((b"\x00", _length(len(name)), name, _length(len(value)), value))
        if len(literal) <= _MAX_REMEMBERED_SIZE:
            if len(self._known) >= _REMEMBERED:
                self._known.clear()
            self._known[header] = literal
        return literal


class HeaderDecoder:
    """Reads the peer's header blocks, in the order in which they come in."""

    def __init__(self, max_header_list_size: int) -> None:
        self._decoder = Decoder(max_header_list_size)
        self._known: dict[bytes, Headers] = {}

    def decode(self, block: bytes) -> Headers:
        """The headers of a block. They may be given out again, so nobody may change them.

        A block of nothing but indices (section 6.1) says the same until another changes the table.

        Raises:
            ProtocolError: the block cannot be read, or is too large.
        """
        known = self._known.get(block)
        if known is not None:
            return known
        headers = self._decode(block)
        if not _INDEXED(block):
            self._known.clear()
        elif len(self._known) < _REMEMBERED:
            self._known[block] = headers
        return headers

    def _decode(self, block: bytes) -> Headers:
        try:
            return [(name, value) for name, value in self._decoder.decode(block, raw=True)]
        except OversizedHeaderListError:
            message = "headers are larger than MAX_HEADER_LIST_SIZE"
            raise ProtocolError(ErrorCode.ENHANCE_YOUR_CALM, message) from None
        except HPACKError as error:
            raise ProtocolError(ErrorCode.COMPRESSION_ERROR, f"bad header block: {error}") from None


def _length(value: int) -> bytes:
    """A string's length, no Huffman code: an integer with a prefix of 7 bits (section 5.1)."""
    if value < 127:
        return bytes((value,))
    out, value = bytearray((127,)), value - 127
    while value >= 128:
        out.append(value & 127 | 128)
        value >>= 7
    out.append(value)
    return bytes(out)
