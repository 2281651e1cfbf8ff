"""What tests of the orchestrator ask of its answers."""

import asyncio
from collections.abc import Callable
from typing import Any

import grpc

from meshkit.errors import PagemeshError
from meshkit.status import error_from_rpc
from pagemesh.orchestrator.v1.document_pb2 import (
    Document,
)

FORM_CLASSES = "[application_form, form, survey, tax_form]"
"""Classes whose pages the application_form pipeline reads."""


def account(document: Document) -> tuple[int, int, int, int]:
    pages = document.pages
    return pages.total, pages.ok, pages.failed, pages.skipped


async def refusal(call: Any) -> PagemeshError:
    """The error that a call ends with."""
    try:
        if hasattr(call, "__aiter__"):
            async for _ in call:
                pass
        else:
            await call
    except grpc.aio.AioRpcError as error:
        return error_from_rpc(error)
    raise AssertionError("the call was not refused")


async def until(condition: Callable[[], Any]) -> None:
    """Wait until something is so."""
    async with asyncio.timeout(60):
        while not condition():  # noqa: ASYNC110 - what is waited for knows no event
            await asyncio.sleep(0.01)
