"""How failures of models and of the orchestrator itself are told."""

import grpc
from google.rpc import status_pb2

from meshkit.errors import PagemeshError
from meshkit.status import error_from_rpc, error_of, status_from_rpc, status_of

INVALID_MODEL_ANSWER = "INVALID_MODEL_ANSWER"

_PLAIN_TEXT = {
    grpc.StatusCode.UNAVAILABLE: "cannot be reached",
    grpc.StatusCode.DEADLINE_EXCEEDED: "did not answer in time",
    grpc.StatusCode.UNIMPLEMENTED: "does not know this call; is the address another server's?",
}


def error_from_call(error: grpc.aio.AioRpcError, model: str) -> PagemeshError:
    """The error of a call to a model.

    A model's own words are passed on. What the transport says is for logs, not for clients: there
    the code alone decides the message.
    """
    found = error_from_rpc(error)
    text = f": {found.message}"
    if not status_from_rpc(error).details:
        text = " " + _PLAIN_TEXT.get(error.code(), f"failed with {error.code().name}")
        found.retry_after = None
    return type(found)(
        f"the {model} model{text}",
        reason=found.reason,
        metadata={**found.metadata, "model": model},
        retry_after=found.retry_after,
    )


def known_error(error: BaseException) -> PagemeshError:
    """Any exception as one that may be shown: what was not foreseen stays in the log."""
    return error if isinstance(error, PagemeshError) else error_of(status_of(error))


def status_for_page(error: PagemeshError, page_number: int) -> status_pb2.Status:
    """An error as the status of one page, which its metadata names."""
    named = type(error)(
        error.message,
        reason=error.reason,
        metadata={**error.metadata, "page": str(page_number)},
        retry_after=error.retry_after,
    )
    return status_of(named)
