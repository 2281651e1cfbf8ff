"""Where webhooks may go, and one attempt to get there."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import aiohttp
from yarl import URL

from meshkit.addresses import GuardedResolver, Network, check_host
from meshkit.errors import Forbidden
from meshkit.locations import public_location

FIELD = "webhook"
_LONGEST_PAUSE_SECONDS = 3600.0


@dataclass(frozen=True, slots=True)
class Targets:
    """What the operator allows; a `meshkit.addresses.Reach`.

    Attributes:
        allowed_hosts, allowed_networks: see `Reach`.
        allow_http: whether plain HTTP will do.
    """

    allowed_hosts: Sequence[str]
    allowed_networks: Sequence[Network]
    allow_http: bool

    def check(self, target: str) -> URL:
        """A target as a URL.

        Raises:
            Forbidden: nothing is sent there, or there is no such place.
        """
        try:
            url, shown = URL(target), public_location(target)
            if not url.host:
                raise ValueError("no host")
        except ValueError as error:
            raise Forbidden(
                "webhook: there is no such host or port",
                reason="LOCATION_NOT_ALLOWED",
                metadata={"field": FIELD},
            ) from error
        if url.scheme != "https" and not (url.scheme == "http" and self.allow_http):
            raise Forbidden(
                "webhook: https:// is expected",
                reason="LOCATION_NOT_ALLOWED",
                metadata={"field": FIELD},
            )
        check_host(url, self, shown, FIELD)
        return url


@dataclass(frozen=True, slots=True)
class Answer:
    """What came of an attempt.

    Attributes:
        error: empty when the receiver has taken it: `HTTP_500`, `TIMEOUT`, ...
        is_final: whether there is no use in another attempt.
        retry_after: seconds that the receiver asks for; 0.0 when it does not.
    """

    error: str = ""
    is_final: bool = False
    retry_after: float = 0.0


class Post:
    """Sends to targets, and to no address that `targets` does not allow."""

    def __init__(self, targets: Targets, seconds: float) -> None:
        self._targets = targets
        self._seconds = seconds
        self._session: aiohttp.ClientSession | None = None

    async def close(self) -> None:
        """End. May be repeated."""
        session, self._session = self._session, None
        if session is not None:
            await session.close()

    async def attempt(self, target: str, headers: Mapping[str, str], body: bytes) -> Answer:
        """Send once. The answer's body is nobody's to read, and no redirect is followed."""
        try:
            url = self._targets.check(target)
            async with self._opened().post(
                url, data=body, headers=headers, allow_redirects=False
            ) as answer:
                return _judged(answer)
        except Forbidden as error:
            return Answer(error.reason, is_final=True)
        except TimeoutError:
            return Answer("TIMEOUT")
        except aiohttp.ClientSSLError:
            return Answer("TLS_ERROR")
        except (aiohttp.ClientError, OSError):
            return Answer("CONNECTION_FAILED")

    def _opened(self) -> aiohttp.ClientSession:
        if self._session is None:
            # No cache and no connection twice: each goes to addresses that were just judged.
            connector = aiohttp.TCPConnector(
                resolver=GuardedResolver(self._targets, field=FIELD),
                use_dns_cache=False,
                force_close=True,
            )
            self._session = aiohttp.ClientSession(
                connector=connector,
                timeout=aiohttp.ClientTimeout(total=self._seconds),
                headers={"Content-Type": "application/json", "User-Agent": "pagemesh-webhooks"},
                trust_env=False,
            )
        return self._session


def _judged(answer: aiohttp.ClientResponse) -> Answer:
    if 200 <= answer.status < 300:
        return Answer()
    stated = answer.headers.get("Retry-After", "")
    is_number = stated.isascii() and stated.isdecimal() and len(stated) < 7
    return Answer(
        f"HTTP_{answer.status}",
        is_final=answer.status == 410,
        retry_after=min(float(stated), _LONGEST_PAUSE_SECONDS) if is_number else 0.0,
    )
