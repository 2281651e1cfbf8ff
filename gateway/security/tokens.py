"""Tokens of OpenID Connect: JWTs signed by keys that the issuer shows and may change."""

import asyncio
import time
from typing import Any

import aiohttp
import jwt
from jwt import PyJWK, PyJWKSet, PyJWTError

from meshkit.errors import DependencyUnavailable

ALGORITHMS = (
    *("RS256", "RS384", "RS512", "PS256", "PS384", "PS512"),
    *("ES256", "ES384", "ES512", "EdDSA"),
)
"""Signatures by key pairs alone: with a shared secret, whoever checks a token can make one."""
_LEEWAY_SECONDS = 30
_FRESH_SECONDS = 600.0
_PAUSE_SECONDS = 1.0
"""An unknown key makes us ask the issuer no more often than this."""
_ANSWER_SECONDS = 5.0
_LONGEST_TOKEN = 16_384


class BadToken(Exception):  # noqa: N818 - says what it is
    """The token does not open the door; the text says why, for the client's eyes."""


class IssuerKeys:
    """The issuer's keys by their `kid`.

    Args:
        issuer: as tokens name it.
        url: where its keys are; empty: its discovery document says.
    """

    def __init__(self, issuer: str, url: str = "") -> None:
        self._issuer = issuer
        self._url = url
        self._keys: dict[str | None, PyJWK] = {}
        self._fetched_at = self._tried_at = float("-inf")
        self._fetching = asyncio.Lock()

    async def find(self, kid: str | None) -> PyJWK | None:
        """The key of this name, None when the issuer has none.

        Raises:
            DependencyUnavailable: the issuer cannot be asked, and the key is not known.
        """
        if kid not in self._keys or time.monotonic() - self._fetched_at > _FRESH_SECONDS:
            async with self._fetching:
                await self._refresh(kid)
        return self._keys.get(kid)

    async def _refresh(self, kid: str | None) -> None:
        now = time.monotonic()
        is_fresh = now - self._fetched_at <= _FRESH_SECONDS
        if (kid in self._keys and is_fresh) or now - self._tried_at < _PAUSE_SECONDS:
            return
        self._tried_at = now
        try:
            self._keys = await self._fetched()
            self._fetched_at = now
        except (aiohttp.ClientError, TimeoutError, OSError, ValueError, PyJWTError) as error:
            if kid in self._keys:
                return  # an issuer that is away for a while takes nobody's access
            self._tried_at = float("-inf")
            raise DependencyUnavailable(
                "the issuer of tokens does not show its keys now; try again",
                reason="ISSUER_UNAVAILABLE",
                retry_after=_PAUSE_SECONDS,
            ) from error

    async def _fetched(self) -> dict[str | None, PyJWK]:
        timeout = aiohttp.ClientTimeout(total=_ANSWER_SECONDS)
        async with aiohttp.ClientSession(timeout=timeout, raise_for_status=True) as session:
            if not self._url:
                issuer = self._issuer.rstrip("/")
                told = await _json(session, f"{issuer}/.well-known/openid-configuration")
                self._url = str(told["jwks_uri"])
            keys = PyJWKSet.from_dict(await _json(session, self._url)).keys
        return {key.key_id: key for key in keys if key.public_key_use in {None, "sig"}}


async def _json(session: aiohttp.ClientSession, url: str) -> dict[str, Any]:
    async with session.get(url) as answer:
        value = await answer.json(content_type=None)
    if not isinstance(value, dict):
        raise ValueError("a JSON object is expected")
    return value


class Tokens:
    """Judges tokens.

    Args:
        keys: of the issuer.
        issuer, audience: as tokens must name them.
        client_claim: names the client.
    """

    def __init__(self, keys: IssuerKeys, issuer: str, audience: str, client_claim: str) -> None:
        self._keys = keys
        self._issuer = issuer
        self._audience = audience
        self._client_claim = client_claim

    async def client_of(self, token: str) -> str:
        """The client that a token names.

        Raises:
            BadToken: it is not good.
            DependencyUnavailable: that cannot be judged now.
        """
        if len(token) > _LONGEST_TOKEN:
            raise BadToken("it is too long")
        try:
            header = jwt.get_unverified_header(token)
        except PyJWTError as error:
            raise BadToken("it is neither an API key nor a JWT") from error
        if header.get("alg") not in ALGORITHMS:
            raise BadToken("its algorithm is not taken")
        key = await self._keys.find(header.get("kid"))
        if key is None:
            raise BadToken("it is signed by a key that its issuer does not show")
        try:
            claims = jwt.decode(
                token,
                key,
                algorithms=[key.algorithm_name],
                audience=self._audience,
                issuer=self._issuer,
                leeway=_LEEWAY_SECONDS,
                options={"require": ["exp", "iss", "aud", self._client_claim]},
            )
        except jwt.ExpiredSignatureError as error:
            raise BadToken("it has expired") from error
        except PyJWTError as error:
            raise BadToken(_why(error)) from error
        client = claims[self._client_claim]
        if not isinstance(client, str) or not client:
            raise BadToken(f"its claim {self._client_claim} names nobody")
        return client


def _why(error: PyJWTError) -> str:
    """Which rule it breaks; PyJWT's own texts quote the token's content."""
    kinds: tuple[tuple[type[PyJWTError], str], ...] = (
        (jwt.InvalidAudienceError, "it is for another audience"),
        (jwt.InvalidIssuerError, "it is another issuer's"),
        (jwt.ImmatureSignatureError, "it is not good yet"),
        (jwt.MissingRequiredClaimError, "a claim is missing"),
        (jwt.InvalidSignatureError, "its signature is wrong"),
    )
    return next((text for kind, text in kinds if isinstance(error, kind)), "it cannot be read")
