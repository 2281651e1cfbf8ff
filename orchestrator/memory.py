"""Gives freed page images back to the system at once."""

import ctypes

_M_MMAP_THRESHOLD = -3
_LARGE = 1024 * 1024


def return_large_blocks() -> None:
    """Make glibc map every block from 1 MiB on by itself; on another C library do nothing.

    By default glibc raises that limit with the largest block that it has seen freed, and page
    images then stay in its heaps, scattered: a process that handles many has twice the memory that
    it uses. See mallopt(3).
    """
    library = ctypes.CDLL(None)
    if hasattr(library, "gnu_get_libc_version"):
        library.mallopt(_M_MMAP_THRESHOLD, _LARGE)
