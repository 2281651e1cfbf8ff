"""The messages between the orchestrator and a worker process, over a Unix socket pair.

A message is the length of its header (4 bytes, big-endian), the header in JSON, then as many bytes
of payload as the header's `payload` says. A request's header has `op`; an answer's has either what
was asked for or `fault`. There is no pickle on purpose: the worker reads hostile files, so its
answers are not to be trusted.
"""

import json
import socket
import struct
from collections.abc import Mapping
from typing import Any

HEADER_LENGTH = struct.Struct(">I")
MAX_HEADER_BYTES = 65_536

Header = dict[str, Any]


def encode(header: Mapping[str, Any]) -> bytes:
    """A message's bytes up to its payload."""
    body = json.dumps(header).encode()
    return HEADER_LENGTH.pack(len(body)) + body


def decode(body: bytes) -> Header:
    """A header from its JSON.

    Raises:
        ValueError: it is not a JSON object.
    """
    try:
        header = json.loads(body)
    except RecursionError as error:
        raise ValueError("a header is nested too deep") from error
    if not isinstance(header, dict):
        raise ValueError("a header must be an object")
    return header


def receive(sock: socket.socket) -> Header | None:
    """The next request, on a blocking socket; None when the other side is gone."""
    prefix = _receive_exactly(sock, HEADER_LENGTH.size)
    if prefix is None:
        return None
    body = _receive_exactly(sock, HEADER_LENGTH.unpack(prefix)[0])
    return None if body is None else decode(body)


def _receive_exactly(sock: socket.socket, count: int) -> bytes | None:
    data = bytearray()
    while len(data) < count:
        part = sock.recv(count - len(data))
        if not part:
            return None
        data += part
    return bytes(data)
