"""Answers that the proxy gives itself: a gRPC status with its details, in trailers alone."""

import base64
from dataclasses import dataclass, field
from enum import IntEnum
from urllib.parse import quote

from google.protobuf import duration_pb2
from google.rpc import error_details_pb2, status_pb2

from sidecar.http2.headers import Headers

DOMAIN = "pagemesh.sidecar"
STATUS = b"grpc-status"
_MESSAGE_SAFE = " !\"#$&'()*+,-./:;<=>?@[\\]^_`{|}~"


class Code(IntEnum):
    """gRPC's status codes."""

    OK = 0
    CANCELLED = 1
    UNKNOWN = 2
    INVALID_ARGUMENT = 3
    DEADLINE_EXCEEDED = 4
    NOT_FOUND = 5
    ALREADY_EXISTS = 6
    PERMISSION_DENIED = 7
    RESOURCE_EXHAUSTED = 8
    FAILED_PRECONDITION = 9
    ABORTED = 10
    OUT_OF_RANGE = 11
    UNIMPLEMENTED = 12
    INTERNAL = 13
    UNAVAILABLE = 14
    DATA_LOSS = 15
    UNAUTHENTICATED = 16


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why the proxy ends a call.

    Attributes:
        code: the status.
        reason: stable UPPER_SNAKE_CASE, for programs.
        message: for a person: what is wrong and what to do.
        retry_after: seconds after which a retry may help; None when it will not.
        metadata: string pairs for programs.
    """

    code: Code
    reason: str
    message: str
    retry_after: float | None = None
    metadata: dict[str, str] = field(default_factory=dict)

    def trailers(self) -> Headers:
        """Status, message and `google.rpc` details as gRPC puts them into trailers."""
        info = error_details_pb2.ErrorInfo(
            reason=self.reason, domain=DOMAIN, metadata=self.metadata
        )
        status = status_pb2.Status(code=self.code, message=self.message)
        status.details.add().Pack(info)
        if self.retry_after is not None:
            delay = duration_pb2.Duration()
            delay.FromMilliseconds(round(self.retry_after * 1000))
            status.details.add().Pack(error_details_pb2.RetryInfo(retry_delay=delay))
        details = base64.b64encode(status.SerializeToString()).rstrip(b"=")
        return [
            (STATUS, b"%d" % self.code),
            (b"grpc-message", quote(self.message, safe=_MESSAGE_SAFE).encode()),
            (b"grpc-status-details-bin", details),
        ]


RESPONSE_HEADERS: Headers = [(b":status", b"200"), (b"content-type", b"application/grpc")]
"""The headers before the trailers."""


def status_code(trailers: Headers) -> int | None:
    """The gRPC status that trailers carry, None without one."""
    for name, value in trailers:
        if name == STATUS:
            return int(value) if value.isdigit() else Code.UNKNOWN
    return None


_BY_HTTP_STATUS = {
    b"400": Code.INTERNAL,
    b"401": Code.UNAUTHENTICATED,
    b"403": Code.PERMISSION_DENIED,
    b"404": Code.UNIMPLEMENTED,
    b"429": Code.UNAVAILABLE,
    b"502": Code.UNAVAILABLE,
    b"503": Code.UNAVAILABLE,
    b"504": Code.UNAVAILABLE,
}
_BY_RESET = {
    0x7: Code.UNAVAILABLE,
    0x8: Code.CANCELLED,
    0xB: Code.RESOURCE_EXHAUSTED,
    0xC: Code.PERMISSION_DENIED,
}


def code_of_http_status(status: bytes) -> Code:
    """What a client makes of a response without a gRPC status ("HTTP to gRPC status mapping")."""
    return _BY_HTTP_STATUS.get(status, Code.UNKNOWN)


def code_of_reset(code: int) -> Code:
    """What a client makes of a stream that was reset ("Errors", gRPC over HTTP/2)."""
    return _BY_RESET.get(code, Code.INTERNAL)
