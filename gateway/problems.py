"""Errors as RFC 9457 problem details: the only place where an exception becomes a response."""

import logging
import math
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, ConfigDict, Field
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse, Response
from starlette.routing import compile_path

from gateway.patterns import IN_WORDS
from meshkit.errors import (
    Cancelled,
    Conflict,
    DeadlineExceeded,
    DependencyUnavailable,
    Forbidden,
    Internal,
    InvalidInput,
    NotFound,
    Overloaded,
    PagemeshError,
    TooLarge,
)

MEDIA_TYPE = "application/problem+json"

_RETRIED = (429, 503)
_RETRY_SECONDS = 1.0

_log = logging.getLogger(__name__)

_STATUS: tuple[tuple[type[PagemeshError], int], ...] = (
    (InvalidInput, 422),
    (NotFound, 404),
    (Conflict, 409),
    (Forbidden, 403),
    (TooLarge, 413),
    (Overloaded, 429),
    (DependencyUnavailable, 503),
    (DeadlineExceeded, 504),
    (Cancelled, 409),
    (Internal, 500),
)


class Problem(BaseModel):
    """What went wrong, as RFC 9457 has it, with `reason` for programs."""

    model_config = ConfigDict(extra="allow")

    type: str = Field(default="about:blank", description="`about:blank`: `status` says the kind.")
    title: str = Field(description="The status in words.")
    status: int = Field(description="The HTTP status.", ge=400, le=599)
    detail: str = Field(description="For a person: what is wrong, where, what to do.")
    reason: str = Field(description="For programs, stable: `DOCUMENT_NOT_FOUND`.")
    metadata: dict[str, str] = Field(default={}, description="For programs: `field`, `limit`, ...")


class HttpProblem(Exception):  # noqa: N818 - it is named as the RFC names it
    """A problem that only HTTP knows.

    Args:
        status: of HTTP.
        reason: stable UPPER_SNAKE_CASE identifier.
        detail: for a person.
        headers: of the response, beside the usual ones.
        metadata: for programs.
        retry_after: seconds after which a retry may help.
    """

    def __init__(
        self,
        status: int,
        reason: str,
        detail: str,
        *,
        headers: Mapping[str, str] | None = None,
        metadata: Mapping[str, str] | None = None,
        retry_after: float | None = None,
    ) -> None:
        super().__init__(detail)
        self.headers = dict(headers or {})
        if retry_after is not None:
            self.headers["Retry-After"] = seconds_text(retry_after)
        self.problem = Problem(
            title=_title(status),
            status=status,
            detail=detail,
            reason=reason,
            metadata=dict(metadata or {}),
        )

    def response(self) -> Response:
        """As it is sent."""
        return JSONResponse(
            self.problem.model_dump(), self.problem.status, self.headers, media_type=MEDIA_TYPE
        )


def seconds_text(seconds: float) -> str:
    """A Retry-After header: whole seconds, at least one."""
    return str(max(1, math.ceil(seconds)))


def problem_of(error: PagemeshError) -> HttpProblem:
    """The problem that an error is."""
    status = next((status for kind, status in _STATUS if isinstance(error, kind)), 500)
    retry_after = error.retry_after
    if retry_after is None and status in _RETRIED:
        retry_after = _RETRY_SECONDS
    return HttpProblem(
        status, error.reason, error.message, metadata=error.metadata, retry_after=retry_after
    )


def add_problem_handlers(app: FastAPI) -> None:
    """Make every error of an application a problem."""
    app.add_exception_handler(HttpProblem, _tell_problem)
    app.add_exception_handler(PagemeshError, _tell_known)
    app.add_exception_handler(RequestValidationError, _tell_invalid)
    app.add_exception_handler(HTTPException, _tell_http)
    app.add_exception_handler(Exception, _tell_unexpected)


async def _tell_problem(request: Request, error: Any) -> Response:
    del request
    response: Response = error.response()
    return response


async def _tell_known(request: Request, error: Any) -> Response:
    del request
    return problem_of(error).response()


async def _tell_invalid(request: Request, error: Any) -> Response:
    del request
    return invalid(error.errors()).response()


def invalid(errors: Any) -> HttpProblem:
    """What pydantic found, as one problem: 422 with every mistake."""
    mistakes = [
        {
            "field": ".".join(str(part) for part in each["loc"]),
            "problem": IN_WORDS.get(each.get("ctx", {}).get("pattern"), str(each["msg"])),
        }
        for each in errors
    ]
    detail = "; ".join(f"{each['field']}: {each['problem']}" for each in mistakes)
    metadata = {"field": mistakes[0]["field"]} if mistakes else {}
    return HttpProblem(422, "INVALID_INPUT", detail[:1000], metadata=metadata)


async def _tell_http(request: Request, error: Any) -> Response:
    status = int(error.status_code)
    methods = _methods_at(request.app, request.url.path) if status in (404, 405) else []
    if status == 404 and methods and request.method not in methods:
        status = 405  # the console, which answers every GET, has nothing there
    headers = dict(error.headers or {})
    if status == 405:
        headers = {"Allow": ", ".join(methods or ["GET"])}
    if status == 404:
        reason, detail = "NO_SUCH_RESOURCE", "there is nothing at this address"
    else:
        reason = _title(status).upper().replace(" ", "_").replace("-", "_")
        detail = str(error.detail) if status == error.status_code else _title(status)
    return HttpProblem(status, reason, detail, headers=headers).response()


def _methods_at(app: FastAPI, path: str) -> list[str]:
    """Every method that a path has; routers know those of one route alone."""
    return sorted(
        {
            method.upper()
            for template, item in app.openapi()["paths"].items()
            if compile_path(template)[0].fullmatch(path)
            for method in item
        }
    )


async def _tell_unexpected(request: Request, error: Exception) -> Response:
    del request
    _log.error("unexpected error", exc_info=error)
    detail = "internal error; the gateway's log says more"
    return HttpProblem(500, "INTERNAL", detail).response()


def _title(status: int) -> str:
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return "Error"
