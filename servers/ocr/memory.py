"""Memory that a page has used goes back to the system.

The C library raises, by itself, the size from which it gives memory back, and keeps a heap for each
thread: after some pages of unlike sizes a process holds twice what it needs.
"""

import ctypes

_MMAP_THRESHOLD, _TRIM_THRESHOLD, _ARENA_MAX = -3, -1, -8
"""Numbers of `mallopt`'s parameters, glibc's malloc.h."""

_LIMITS = {_MMAP_THRESHOLD: 2 << 20, _TRIM_THRESHOLD: 16 << 20, _ARENA_MAX: 2}


def keep_process_small() -> None:
    """Fix the limits, for the whole process; does nothing under another C library than glibc."""
    library = ctypes.CDLL(None)
    if hasattr(library, "gnu_get_libc_version"):
        for parameter, value in _LIMITS.items():
            library.mallopt(parameter, value)
