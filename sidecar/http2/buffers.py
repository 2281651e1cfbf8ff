"""Memory that connections read into, used again as soon as nobody holds a piece of it.

A fresh buffer for each read costs more than the read: the kernel must find and clear its pages, and
the event loop copies out of its own. One that was just written from is also still in the cache.
"""

SIZE = 256 << 10
"""Bytes of a buffer: as many as one read takes."""
MOST_KEPT = 8
"""Buffers that are kept for the next read; above that, a buffer goes with its last piece."""
WORTH_LENDING = SIZE // 2
"""Smaller reads are copied, so that what is held never keeps more than twice its size."""


class ReadBuffers:
    """Buffers for connections of one event loop."""

    def __init__(self) -> None:
        self._kept: list[bytearray] = []

    def take(self) -> bytearray:
        """A buffer of which nobody holds a piece; the one used last, if that may be."""
        for buffer in self._kept:
            if not _is_held(buffer):
                return buffer
        buffer = bytearray(SIZE)
        if len(self._kept) < MOST_KEPT:
            self._kept.append(buffer)
        return buffer


def _is_held(buffer: bytearray) -> bool:
    """Whether a memoryview of the buffer lives: then, and only then, it may not change its size."""
    try:
        buffer.append(0)
    except BufferError:
        return True
    buffer.pop()
    return False


def pieces_of(buffer: bytearray, size: int) -> memoryview:
    """The first bytes of a buffer, to be cut and held at will."""
    read = memoryview(buffer)[:size]
    return read if size >= WORTH_LENDING else memoryview(bytes(read))
