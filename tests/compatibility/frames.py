"""Several messages in one file: the length of each in four bytes, then its bytes."""

import struct
from collections.abc import Iterable
from pathlib import Path

_LENGTH = struct.Struct(">I")


def write(path: Path, messages: Iterable[bytes]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"".join(_LENGTH.pack(len(each)) + each for each in messages))


def read(path: Path) -> list[bytes]:
    content, messages, at = path.read_bytes(), [], 0
    while at < len(content):
        (length,) = _LENGTH.unpack_from(content, at)
        at += _LENGTH.size
        messages.append(content[at : at + length])
        at += length
    return messages
