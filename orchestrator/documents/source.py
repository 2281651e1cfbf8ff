"""Fetches documents from locations, as far as the operator allows."""

import asyncio
from urllib.parse import urlsplit

from aiohttp.abc import AbstractResolver

from meshkit.errors import DeadlineExceeded, Forbidden, InvalidInput
from meshkit.locations import public_location
from orchestrator.documents import files, s3, web
from orchestrator.documents.config import DocumentLimits
from orchestrator.documents.spool import Spool

__all__ = ["Spool", "fetch"]


async def fetch(
    location: str,
    spool: Spool,
    limits: DocumentLimits,
    *,
    resolver: AbstractResolver | None = None,
) -> None:
    """Writes the document at a location to the spool.

    Args:
        location: `file:///path`, `https://host/path`, `s3://bucket/key`; `http://` where allowed.
        resolver: how names of hosts become addresses; the system's way when None. What it answers
            is checked, and connected to as it was checked.
    Raises:
        InvalidInput: MALFORMED_LOCATION, UNSUPPORTED_SCHEME, NOT_A_FILE.
        Forbidden: LOCATION_NOT_ALLOWED, ADDRESS_NOT_ALLOWED, ACCESS_DENIED.
        NotFound: DOCUMENT_NOT_FOUND.
        TooLarge: DOCUMENT_TOO_LARGE.
        DeadlineExceeded: FETCH_TIMEOUT.
        DependencyUnavailable: FETCH_FAILED, FETCH_INTERRUPTED, TLS_ERROR, S3_NOT_INSTALLED.
    """
    try:
        async with asyncio.timeout(limits.fetch_timeout_s):
            await _copy(location, spool, limits, resolver)
    except TimeoutError as error:
        raise DeadlineExceeded(
            f"{public_location(location)} did not come whole in {limits.fetch_timeout_s:g} s",
            reason="FETCH_TIMEOUT",
        ) from error


async def _copy(
    location: str, spool: Spool, limits: DocumentLimits, resolver: AbstractResolver | None
) -> None:
    name = public_location(location)
    try:
        parts = urlsplit(location)
    except ValueError as error:
        raise InvalidInput(
            "the location is no URL", reason="MALFORMED_LOCATION", metadata={"field": "location"}
        ) from error
    match parts.scheme:
        case "file":
            await files.copy(parts, name, spool, limits)
        case "https":
            await web.copy(location, name, spool, limits, resolver)
        case "http" if limits.allow_http:
            await web.copy(location, name, spool, limits, resolver)
        case "http":
            raise Forbidden(
                f"{name}: http:// is not allowed here: use https://",
                reason="LOCATION_NOT_ALLOWED",
                metadata={"field": "location"},
            )
        case "s3":
            await s3.copy(parts, name, spool, limits)
        case scheme:
            raise InvalidInput(
                f"the location's scheme {scheme!r} is none of file, https, s3",
                reason="UNSUPPORTED_SCHEME",
                metadata={"field": "location"},
            )
