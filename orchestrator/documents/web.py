"""Documents at `https://` locations, from the operator's hosts only."""

import aiohttp
from aiohttp.abc import AbstractResolver
from yarl import URL

from meshkit import addresses
from meshkit.errors import (
    DependencyUnavailable,
    Forbidden,
    InvalidInput,
    NotFound,
    PagemeshError,
)
from orchestrator.documents.config import DocumentLimits
from orchestrator.documents.spool import Spool

_CHUNK_BYTES = 256 * 1024
_CONNECT_TIMEOUT_S = 10.0
_REDIRECTS = (301, 302, 303, 307, 308)


async def copy(
    location: str,
    name: str,
    spool: Spool,
    limits: DocumentLimits,
    resolver: AbstractResolver | None,
) -> None:
    """Writes the answer's bytes to the spool. Every redirect is checked like the first address.

    Args:
        location: the URL; a user and password in it are sent to its own host only.
        name: the location as it may be shown.
    """
    guard = addresses.GuardedResolver(limits, resolver)
    # No cache: every connection's addresses are those that the guard has just seen.
    connector = aiohttp.TCPConnector(resolver=guard, use_dns_cache=False, limit=1)
    try:
        async with aiohttp.ClientSession(
            connector=connector,
            timeout=aiohttp.ClientTimeout(total=None, sock_connect=_CONNECT_TIMEOUT_S),
            headers={"Accept-Encoding": "identity", "User-Agent": "pagemesh"},
            auto_decompress=False,
            trust_env=False,
        ) as session:
            await _get(session, _url(location, name), name, spool, limits)
    except aiohttp.ClientError as error:
        # The texts of these may hold the whole URL.
        raise _failure(error, name) from error
    finally:
        await guard.close()


async def _get(
    session: aiohttp.ClientSession, url: URL, name: str, spool: Spool, limits: DocumentLimits
) -> None:
    for _ in range(limits.max_redirects + 1):
        addresses.check_host(url, limits, name)
        async with session.get(url, allow_redirects=False) as response:
            if response.status in _REDIRECTS:
                url = _next(url, response, name, limits)
                continue
            _check_status(response, name)
            spool.check_size(response.content_length or 0)
            async for chunk in response.content.iter_chunked(_CHUNK_BYTES):
                await spool.write(chunk)
            return
    raise DependencyUnavailable(
        f"{name}: more than {limits.max_redirects} redirects", reason="FETCH_FAILED"
    )


def _url(location: str, name: str) -> URL:
    try:
        url = URL(location)
        if not url.host:
            raise ValueError("no host")
    except ValueError as error:
        raise InvalidInput(
            f"{name} is no URL with a host",
            reason="MALFORMED_LOCATION",
            metadata={"field": "location"},
        ) from error
    return url


def _next(url: URL, response: aiohttp.ClientResponse, name: str, limits: DocumentLimits) -> URL:
    try:
        following = url.join(URL(response.headers.get("Location", "")))
    except ValueError as error:
        raise DependencyUnavailable(
            f"{name} redirects to what is no URL", reason="FETCH_FAILED"
        ) from error
    schemes = ("https", "http") if limits.allow_http else ("https",)
    if following.scheme not in schemes:
        raise Forbidden(
            f"{name} redirects to a location that is not {' or '.join(schemes)}",
            reason="LOCATION_NOT_ALLOWED",
            metadata={"field": "location"},
        )
    return following


def _check_status(response: aiohttp.ClientResponse, name: str) -> None:
    status = response.status
    if status == 200:
        return
    if status in (404, 410):
        raise NotFound(f"{name}: no such document ({status})", reason="DOCUMENT_NOT_FOUND")
    if status in (401, 403):
        raise Forbidden(f"{name}: its host refuses access ({status})", reason="ACCESS_DENIED")
    raise DependencyUnavailable(
        f"{name}: its host answers {status}",
        reason="FETCH_FAILED",
        retry_after=_retry_after(response) if status == 429 or status >= 500 else None,
    )


def _retry_after(response: aiohttp.ClientResponse) -> float:
    stated = response.headers.get("Retry-After", "")
    return float(stated) if stated.isdecimal() else 1.0


def _failure(error: aiohttp.ClientError, name: str) -> PagemeshError:
    if isinstance(error, aiohttp.ClientSSLError):
        return DependencyUnavailable(
            f"{name}: its host's certificate or TLS is not accepted",
            reason="TLS_ERROR",
            retry_after=None,
        )
    if isinstance(error, aiohttp.ClientPayloadError):
        return DependencyUnavailable(
            f"{name}: its host broke off in the middle", reason="FETCH_INTERRUPTED"
        )
    if isinstance(error, aiohttp.InvalidURL):
        return InvalidInput(
            f"{name} is no URL", reason="MALFORMED_LOCATION", metadata={"field": "location"}
        )
    return DependencyUnavailable(f"{name}: its host cannot be reached", reason="FETCH_FAILED")
