"""Errors as `google.rpc.Status`, and back.

`status_of` is the only place where an exception becomes what a client sees.
"""

import asyncio
import logging
import uuid

import grpc
from google.protobuf import duration_pb2
from google.rpc import error_details_pb2, status_pb2

from meshkit.errors import (
    Cancelled,
    Conflict,
    DeadlineExceeded,
    DependencyUnavailable,
    Forbidden,
    Internal,
    InvalidDocument,
    InvalidInput,
    InvalidPage,
    InvalidPipeline,
    ModelNotReady,
    NotFound,
    Overloaded,
    PagemeshError,
    TooLarge,
)

DOMAIN = "pagemesh"
DETAILS_KEY = "grpc-status-details-bin"

_MAX_MESSAGE = 1000
_MAX_METADATA_VALUE = 200
"""A status travels in HTTP/2 trailers, of which peers take 8 KiB."""

_REMOVED = "Stream removed"
"""Begins what gRPC says of a stream that was reset or cut off, be it right after its status."""

_log = logging.getLogger(__name__)

_CODES = {code.value[0]: code for code in grpc.StatusCode}
_LEAVES: tuple[type[PagemeshError], ...] = (
    InvalidInput,
    InvalidPage,
    InvalidDocument,
    InvalidPipeline,
    NotFound,
    Conflict,
    Forbidden,
    TooLarge,
    Overloaded,
    DependencyUnavailable,
    ModelNotReady,
    DeadlineExceeded,
    Cancelled,
    Internal,
)
_BY_REASON = {leaf.default_reason: leaf for leaf in _LEAVES} | {"PAGE_TOO_LARGE": InvalidPage}
_BY_CODE: dict[grpc.StatusCode, type[PagemeshError]] = {
    grpc.StatusCode.INVALID_ARGUMENT: InvalidInput,
    grpc.StatusCode.OUT_OF_RANGE: InvalidInput,
    grpc.StatusCode.FAILED_PRECONDITION: InvalidInput,
    grpc.StatusCode.NOT_FOUND: NotFound,
    grpc.StatusCode.ALREADY_EXISTS: Conflict,
    grpc.StatusCode.PERMISSION_DENIED: Forbidden,
    grpc.StatusCode.UNAUTHENTICATED: Forbidden,
    grpc.StatusCode.RESOURCE_EXHAUSTED: TooLarge,
    grpc.StatusCode.UNAVAILABLE: DependencyUnavailable,
    grpc.StatusCode.ABORTED: DependencyUnavailable,
    grpc.StatusCode.DEADLINE_EXCEEDED: DeadlineExceeded,
    grpc.StatusCode.CANCELLED: Cancelled,
}


def status_of(error: BaseException) -> status_pb2.Status:
    """What a client is told about an exception.

    A `PagemeshError` speaks for itself; an error from another pagemesh process is passed on.
    Anything else is logged with its traceback under a fresh id, and only the id is told.
    """
    known = _known(error)
    info = error_details_pb2.ErrorInfo(
        reason=known.reason,
        domain=DOMAIN,
        metadata={k: _cut(v, _MAX_METADATA_VALUE) for k, v in known.metadata.items()},
    )
    status = status_pb2.Status(code=known.code.value[0], message=_cut(known.message, _MAX_MESSAGE))
    status.details.add().Pack(info)
    if known.retry_after is not None:
        delay = duration_pb2.Duration()
        delay.FromNanoseconds(int(known.retry_after * 1e9))
        status.details.add().Pack(error_details_pb2.RetryInfo(retry_delay=delay))
    return status


def error_of(status: status_pb2.Status) -> PagemeshError:
    """The error that a status stands for, with its reason, metadata and time to retry."""
    info, retry = error_details_pb2.ErrorInfo(), error_details_pb2.RetryInfo()
    retry_after: float | None = None
    for detail in status.details:
        if detail.Is(retry.DESCRIPTOR) and detail.Unpack(retry):
            retry_after = retry.retry_delay.ToNanoseconds() / 1e9
        elif detail.Is(info.DESCRIPTOR):
            detail.Unpack(info)
    code = _CODES.get(status.code, grpc.StatusCode.UNKNOWN)
    leaf = _leaf(code, info.reason, retry_after)
    if not info.reason and leaf is DependencyUnavailable:
        retry_after = 1.0
    return leaf(
        status.message or code.name,
        reason=info.reason or None,
        metadata=dict(info.metadata),
        retry_after=retry_after,
    )


def status_from_rpc(error: grpc.aio.AioRpcError) -> status_pb2.Status:
    """The status of a failed call; one without details when the transport failed it.

    A server may reset the stream, or close the connection, as soon as it has refused. gRPC then
    tells of that; what the server said is still in its details.
    """
    is_removed = (error.details() or "").startswith(_REMOVED)
    for key, value in error.trailing_metadata() or ():
        if key == DETAILS_KEY and isinstance(value, bytes):
            status: status_pb2.Status = status_pb2.Status.FromString(value)
            if status.code == error.code().value[0] or (is_removed and status.code):
                return status
    return status_pb2.Status(code=error.code().value[0], message=error.details() or "")


def error_from_rpc(error: grpc.aio.AioRpcError) -> PagemeshError:
    """The `PagemeshError` behind a failed call."""
    return error_of(status_from_rpc(error))


def _known(error: BaseException) -> PagemeshError:
    match error:
        case PagemeshError():
            return error
        case grpc.aio.AioRpcError():
            return error_from_rpc(error)
        case asyncio.CancelledError():
            return Cancelled("the call was cancelled")
    error_id = uuid.uuid4().hex[:12]
    _log.error("unexpected error", exc_info=error, extra={"error_id": error_id})
    return Internal(
        f"internal error; the server's log has it under the id {error_id}",
        metadata={"error_id": error_id},
    )


def _leaf(code: grpc.StatusCode, reason: str, retry_after: float | None) -> type[PagemeshError]:
    named = _BY_REASON.get(reason)
    if named is not None and named.code is code:
        return named
    if code is grpc.StatusCode.RESOURCE_EXHAUSTED and retry_after is not None:
        return Overloaded
    return _BY_CODE.get(code, Internal)


def _cut(text: str, limit: int) -> str:
    return text if len(text) <= limit else text[: limit - 1] + "…"
