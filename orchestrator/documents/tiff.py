"""Counts the pages of a TIFF by its chain of directories.

Pillow counts, too, but takes a chain that breaks off for one that ends.
"""

import struct
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

_STRIPS = ((273, 279), (324, 325))
"""Tags of where the strips or tiles are, and how long."""


@dataclass(frozen=True, slots=True)
class Chain:
    """The image file directories of a TIFF, one a page.

    Attributes:
        count: directories; one that the chain leads to but that is not there is counted.
        is_broken: the last of them is not there, and how many would follow is unknown.
    """

    count: int
    is_broken: bool


@dataclass(frozen=True, slots=True)
class _Layout:
    """Where things stand in classic TIFF and in BigTIFF."""

    first: int
    offset: struct.Struct
    entries: struct.Struct
    entry_bytes: int


def chain(path: Path, limit: int) -> Chain:
    """Follows the directories of the TIFF at `path`, to one more than `limit` at most.

    A chain that returns to a directory it has passed ends there.
    """
    with path.open("rb") as file:
        layout = _layout(file)
        seen: set[int] = set()
        offset = _number(file, layout.first, layout.offset)
        while offset and offset not in seen and len(seen) <= limit:
            entries = _number(file, offset, layout.entries)
            end = offset + layout.entries.size + (entries or 0) * layout.entry_bytes
            if entries is None or not _reaches(file, end):
                return Chain(len(seen) + 1, is_broken=True)
            seen.add(offset)
            offset = _number(file, end, layout.offset)
    return Chain(max(len(seen), 1), is_broken=not seen)


def is_cut(tags: Mapping[int, Any], file_bytes: int) -> bool:
    """Whether the pixels of the directory with these tags reach beyond the file's end."""
    for where, length in _STRIPS:
        offsets, lengths = tags.get(where, ()), tags.get(length, ())
        if any(
            offset + count > file_bytes for offset, count in zip(offsets, lengths, strict=False)
        ):
            return True
    return False


def _layout(file: BinaryIO) -> _Layout:
    head = file.read(4)
    order = "<" if head[:2] == b"II" else ">"
    if b"+" in head:
        return _Layout(8, struct.Struct(order + "Q"), struct.Struct(order + "Q"), 20)
    return _Layout(4, struct.Struct(order + "I"), struct.Struct(order + "H"), 12)


def _number(file: BinaryIO, at: int, form: struct.Struct) -> int | None:
    """The number at a place of the file; None beyond its end."""
    if not _reaches(file, at + form.size):
        return None
    file.seek(at)
    (number,) = form.unpack(file.read(form.size))
    return int(number)


def _reaches(file: BinaryIO, end: int) -> bool:
    return end <= file.seek(0, 2)
