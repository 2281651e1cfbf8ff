"""Counts gRPC messages in a body that passes by, without holding them.

A message travels as a flag byte, four bytes of length, and as many bytes (gRPC over HTTP/2,
"Length-Prefixed-Message").
"""

_PREFIX_SIZE = 5


class MessageTooLarge(Exception):  # noqa: N818 - says what happened
    """A message announces more bytes than are allowed.

    Attributes:
        size: bytes of the message.
    """

    def __init__(self, size: int) -> None:
        super().__init__(f"a message of {size} bytes")
        self.size = size


class MessageCounter:
    """Follows one direction of a call.

    Args:
        max_size: bytes of the largest message that may pass.

    Attributes:
        messages: messages that have begun.
        size: bytes of them, as they travel, without their prefixes.
    """

    __slots__ = ("_left", "_max_size", "_prefix", "messages", "size")

    def __init__(self, max_size: int) -> None:
        self.messages = 0
        self.size = 0
        self._max_size = max_size
        self._left = 0
        self._prefix = b""

    def count(self, chunk: memoryview) -> None:
        """Go on with the next piece.

        Raises:
            MessageTooLarge: a message begins that must not pass.
        """
        at, end = 0, len(chunk)
        if self._left > end:  # most pieces are the inside of a message, or one that is whole
            self._left -= end
            return
        while at < end:
            if self._left:
                step = min(self._left, end - at)
                self._left -= step
                at += step
                continue
            if not self._prefix and end - at >= _PREFIX_SIZE:
                self._begin(int.from_bytes(chunk[at + 1 : at + _PREFIX_SIZE], "big"))
                at += _PREFIX_SIZE
                continue
            need = _PREFIX_SIZE - len(self._prefix)
            self._prefix += bytes(chunk[at : at + need])
            at += need
            if len(self._prefix) == _PREFIX_SIZE:
                self._begin(int.from_bytes(self._prefix[1:], "big"))

    def _begin(self, size: int) -> None:
        self._prefix = b""
        self.messages += 1
        self.size += size
        self._left = size
        if size > self._max_size:
            raise MessageTooLarge(size)
