"""Whether a request's headers are well formed (RFC 9113, sections 8.2 and 8.3)."""

import re

from sidecar.http2.headers import Headers

_REQUEST = frozenset({b":method", b":scheme", b":path", b":authority"})
_NEEDED = frozenset({b":method", b":scheme", b":path"})
_OF_CONNECTIONS = frozenset(
    {b"connection", b"keep-alive", b"proxy-connection", b"transfer-encoding", b"upgrade"}
)
_NAME = re.compile(rb":?[!#$%&'*+\-.^_`|~0-9a-z]+").fullmatch
_BAD_IN_VALUE = re.compile(rb"[\x00\r\n]").search


def fault_of_request(headers: Headers) -> str:
    """What is wrong with a request's headers; empty when nothing is."""
    seen: set[bytes] = set()
    regular = False
    for name, value in headers:
        if name[:1] != b":":
            regular = True
        elif regular or name not in _REQUEST or name in seen:
            return "a pseudo-header field is unknown, repeated or late"
        else:
            seen.add(name)
        if fault := _fault_of_field(name, value):
            return fault
    if not seen >= _NEEDED or (b":path", b"") in headers:
        return "a pseudo-header field is missing"
    return ""


def fault_of_trailers(headers: Headers) -> str:
    """What is wrong with trailers; empty when nothing is."""
    for name, value in headers:
        if name[:1] == b":":
            return "a pseudo-header field among trailers"
        if fault := _fault_of_field(name, value):
            return fault
    return ""


def announced_length(headers: Headers) -> int | None:
    """Bytes of the body as `content-length` says; None where it says nothing that is a number."""
    for name, value in headers:
        if name == b"content-length":
            return int(value) if value.isdigit() else None
    return None


def _fault_of_field(name: bytes, value: bytes) -> str:
    if not _NAME(name) or _BAD_IN_VALUE(value):
        return "a header field's name or value has bytes that it must not have"
    if name in _OF_CONNECTIONS or (name == b"te" and value != b"trailers"):
        return "a header field of HTTP/1.1 connections"
    return ""
