"""Errors on the wire and back."""

import asyncio

import grpc
import pytest
from google.rpc import error_details_pb2, status_pb2

from meshkit import errors
from meshkit.errors import (
    Cancelled,
    DependencyUnavailable,
    Internal,
    InvalidPage,
    Overloaded,
    PagemeshError,
    TooLarge,
)
from meshkit.status import DETAILS_KEY, error_from_rpc, error_of, status_of

LEAVES = [
    value
    for value in vars(errors).values()
    if isinstance(value, type) and issubclass(value, PagemeshError) and value is not PagemeshError
]


@pytest.mark.parametrize("leaf", LEAVES)
def test_every_error_survives_the_wire(leaf: type[PagemeshError]) -> None:
    error = leaf("what is wrong", metadata={"page": "p1"})
    back = error_of(status_pb2.Status.FromString(status_of(error).SerializeToString()))
    assert type(back) is leaf
    assert back.message == error.message
    assert back.reason == error.reason
    assert back.metadata == error.metadata
    assert back.retry_after == error.retry_after


def test_a_page_that_is_too_large_stays_an_invalid_page_on_the_wire() -> None:
    back = error_of(status_of(InvalidPage("huge", reason="PAGE_TOO_LARGE")))
    assert type(back) is InvalidPage
    assert back.reason == "PAGE_TOO_LARGE"


def test_a_status_carries_error_info_and_retry_info() -> None:
    status = status_of(Overloaded("full", retry_after=2.5))
    info, retry = error_details_pb2.ErrorInfo(), error_details_pb2.RetryInfo()
    assert status.details[0].Unpack(info)
    assert status.details[1].Unpack(retry)
    assert status.code == grpc.StatusCode.RESOURCE_EXHAUSTED.value[0]
    assert (info.reason, info.domain) == ("OVERLOADED", "pagemesh")
    assert retry.retry_delay.ToSeconds() == 2
    assert retry.retry_delay.nanos == 500_000_000


def test_an_unexpected_error_is_logged_in_full_and_told_by_its_id_alone(
    caplog: pytest.LogCaptureFixture,
) -> None:
    try:
        raise KeyError("password=hunter2")
    except KeyError as error:
        status = status_of(error)
    assert "hunter2" not in str(status)
    error_id = error_of(status).metadata["error_id"]
    (record,) = caplog.records
    assert record.error_id == error_id  # type: ignore[attr-defined]
    assert "hunter2" in caplog.text
    assert "Traceback" in caplog.text


def test_a_long_message_is_cut_to_fit_the_trailers() -> None:
    status = status_of(InvalidPage("x" * 50_000, metadata={"page": "y" * 50_000}))
    assert len(status.SerializeToString()) < 4096


def test_a_cancelled_task_is_a_cancelled_call() -> None:
    assert error_of(status_of(asyncio.CancelledError())).code is grpc.StatusCode.CANCELLED


def rpc_error(code: grpc.StatusCode, details: str, *trailers: tuple[str, bytes]) -> grpc.RpcError:
    return grpc.aio.AioRpcError(code, grpc.aio.Metadata(), grpc.aio.Metadata(*trailers), details)


def test_an_error_of_another_process_is_passed_on() -> None:
    status = status_of(InvalidPage("bad", metadata={"page": "p1"}))
    error = rpc_error(
        grpc.StatusCode.INVALID_ARGUMENT, "bad", (DETAILS_KEY, status.SerializeToString())
    )
    assert status_of(error) == status


@pytest.mark.parametrize(
    ("code", "leaf", "retries"),
    [
        (grpc.StatusCode.UNAVAILABLE, DependencyUnavailable, True),
        (grpc.StatusCode.RESOURCE_EXHAUSTED, TooLarge, False),
        (grpc.StatusCode.UNKNOWN, Internal, False),
        (grpc.StatusCode.UNIMPLEMENTED, Internal, False),
    ],
)
def test_an_error_of_the_transport_gets_the_nearest_class(
    code: grpc.StatusCode, leaf: type[PagemeshError], retries: bool
) -> None:
    error = error_from_rpc(rpc_error(code, "the transport says"))  # type: ignore[arg-type]
    assert type(error) is leaf
    assert (error.retry_after is not None) is retries


@pytest.mark.parametrize(
    ("text", "leaf"),
    [
        ("Stream removed (RST_STREAM (Received RST_STREAM with error code 8))", Overloaded),
        ("RST_STREAM received", Cancelled),
    ],
)
def test_a_stream_that_is_reset_after_its_status(text: str, leaf: type[PagemeshError]) -> None:
    status = status_of(Overloaded("too many pages", retry_after=2.5))
    details = (DETAILS_KEY, status.SerializeToString())
    error = error_from_rpc(rpc_error(grpc.StatusCode.CANCELLED, text, details))  # type: ignore[arg-type]
    assert type(error) is leaf
