# ruff: noqa: N818 - the names say what happened, not that something did
"""The one exception tree, and how each leaf looks on the wire.

PagemeshError
├── InvalidInput            INVALID_ARGUMENT     the caller must change the request
│   ├── InvalidPage             ... the page's bytes, size or encoding
│   ├── InvalidDocument         ... the document's bytes or password
│   └── InvalidPipeline         ... the pipeline's definition
├── NotFound                NOT_FOUND
├── Conflict                ALREADY_EXISTS       same id, another request
├── Forbidden               PERMISSION_DENIED
├── TooLarge                RESOURCE_EXHAUSTED   over a stated limit; retrying does not help
├── Overloaded              RESOURCE_EXHAUSTED   retry after `retry_after`
├── DependencyUnavailable   UNAVAILABLE          retry after `retry_after`
│   └── ModelNotReady
├── DeadlineExceeded        DEADLINE_EXCEEDED
├── Cancelled               CANCELLED
└── Internal                INTERNAL             details stay in the log

`reason` is stable UPPER_SNAKE_CASE (google.rpc.ErrorInfo.reason); `message` is for a person
and says which field or page and what to do; `metadata` is for programs.
"""

from collections.abc import Mapping
from typing import ClassVar

import grpc


class PagemeshError(Exception):
    """Base of every error that may reach a client.

    Args:
        message: one sentence for a person: what is wrong, where, what to do.
        reason: stable UPPER_SNAKE_CASE identifier; the class's default when omitted.
        metadata: string pairs for programs (`page`, `field`, `limit_bytes`, ...).
        retry_after: seconds after which a retry may help; None when it will not.
    """

    code: ClassVar[grpc.StatusCode] = grpc.StatusCode.INTERNAL
    default_reason: ClassVar[str] = "INTERNAL"

    def __init__(
        self,
        message: str,
        *,
        reason: str | None = None,
        metadata: Mapping[str, str] | None = None,
        retry_after: float | None = None,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.reason = reason or self.default_reason
        self.metadata = dict(metadata or {})
        self.retry_after = retry_after


class InvalidInput(PagemeshError):
    code = grpc.StatusCode.INVALID_ARGUMENT
    default_reason = "INVALID_INPUT"


class InvalidPage(InvalidInput):
    default_reason = "INVALID_PAGE"


class InvalidDocument(InvalidInput):
    default_reason = "INVALID_DOCUMENT"


class InvalidPipeline(InvalidInput):
    default_reason = "INVALID_PIPELINE"


class NotFound(PagemeshError):
    code = grpc.StatusCode.NOT_FOUND
    default_reason = "NOT_FOUND"


class Conflict(PagemeshError):
    code = grpc.StatusCode.ALREADY_EXISTS
    default_reason = "CONFLICT"


class Forbidden(PagemeshError):
    code = grpc.StatusCode.PERMISSION_DENIED
    default_reason = "FORBIDDEN"


class TooLarge(PagemeshError):
    code = grpc.StatusCode.RESOURCE_EXHAUSTED
    default_reason = "TOO_LARGE"


class Overloaded(PagemeshError):
    code = grpc.StatusCode.RESOURCE_EXHAUSTED
    default_reason = "OVERLOADED"

    def __init__(
        self,
        message: str,
        *,
        reason: str | None = None,
        metadata: Mapping[str, str] | None = None,
        retry_after: float | None = 1.0,
    ) -> None:
        super().__init__(message, reason=reason, metadata=metadata, retry_after=retry_after)


class DependencyUnavailable(PagemeshError):
    code = grpc.StatusCode.UNAVAILABLE
    default_reason = "DEPENDENCY_UNAVAILABLE"

    def __init__(
        self,
        message: str,
        *,
        reason: str | None = None,
        metadata: Mapping[str, str] | None = None,
        retry_after: float | None = 1.0,
    ) -> None:
        super().__init__(message, reason=reason, metadata=metadata, retry_after=retry_after)


class ModelNotReady(DependencyUnavailable):
    default_reason = "MODEL_NOT_READY"


class DeadlineExceeded(PagemeshError):
    code = grpc.StatusCode.DEADLINE_EXCEEDED
    default_reason = "DEADLINE_EXCEEDED"


class Cancelled(PagemeshError):
    code = grpc.StatusCode.CANCELLED
    default_reason = "CANCELLED"


class Internal(PagemeshError):
    default_reason = "INTERNAL"
