"""Tells who asks, by API key or token, and sends away who asks too often."""

import logging

from fastapi import Request

from gateway.identity import ANONYMOUS, Client
from gateway.problems import HttpProblem
from gateway.resources import DOCUMENTS
from gateway.security.keys import PREFIX, KeyFile
from gateway.security.rates import Rates
from gateway.security.settings import SecuritySettings
from gateway.security.tokens import BadToken, IssuerKeys, Tokens
from meshkit.telemetry.calls import TOKEN_PREFIX

REQUEST, DOCUMENT = "request", "document"
_CHALLENGE = {"WWW-Authenticate": 'Bearer realm="pagemesh"'}

_log = logging.getLogger(__name__)


class Doorkeeper:
    """An `Identifier`.

    Args:
        keys: API keys; None when there are none.
        tokens: judges tokens; None when none are taken.
        rates: how often clients may ask.
    """

    def __init__(self, keys: KeyFile | None, tokens: Tokens | None, rates: Rates) -> None:
        self._keys = keys
        self._tokens = tokens
        self._rates = rates

    async def identify(self, request: Request) -> Client:
        """See `Identifier`."""
        client = request.state.client = await self._client(request)  # the audit log names it
        counted = [REQUEST]
        if request.method == "POST" and request.url.path == DOCUMENTS:
            counted.append(DOCUMENT)
        for what in self._rates.limited(counted):
            address = request.client.host if request.client else ""
            who = client.id or f"at {address}"
            wait = await self._rates.wait_for(what, who)
            if wait:
                raise HttpProblem(
                    429,
                    "RATE_EXCEEDED",
                    f"more {what}s than this client may make; come again in {wait:g} s",
                    retry_after=wait,
                    metadata={"limited": what},
                )
        return client

    async def close(self) -> None:
        """End."""
        await self._rates.close()

    async def _client(self, request: Request) -> Client:
        if self._keys is None and self._tokens is None:
            return ANONYMOUS
        shown = _credential(request)
        if shown.startswith(PREFIX) and self._keys is not None:
            key = self._keys.find(shown)
            if key is None:
                raise _stranger("the API key is unknown, expired or revoked")
            request.state.credential = f"key {key.id}"
            return Client(key.client, key.is_admin)
        if self._tokens is None:
            raise _stranger("this is no API key")
        try:
            client = await self._tokens.client_of(shown)
        except BadToken as error:
            raise _stranger(f"the token is not taken: {error}") from error
        request.state.credential = "token"
        return Client(f"{TOKEN_PREFIX}{client}")


def open_doorkeeper(settings: SecuritySettings) -> Doorkeeper:
    """The one that the configuration names."""
    if not settings.knows_clients:
        _log.warning("everybody who reaches this gateway may use it: no API keys, no issuer")
    tokens = None
    if settings.oidc_issuer:
        keys = IssuerKeys(settings.oidc_issuer, settings.oidc_jwks_url)
        tokens = Tokens(
            keys, settings.oidc_issuer, settings.oidc_audience, settings.oidc_client_claim
        )
    return Doorkeeper(
        KeyFile(settings.api_keys_file) if settings.api_keys_file is not None else None,
        tokens,
        Rates(
            settings.limits_url,
            {REQUEST: settings.request_rate, DOCUMENT: settings.document_rate},
        ),
    )


def _credential(request: Request) -> str:
    key = request.headers.get("x-api-key")
    if key:
        return key.strip()
    scheme, _, value = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not value.strip():
        raise _stranger("say who you are: Authorization: Bearer, with an API key or a token")
    return value.strip()


def _stranger(why: str) -> HttpProblem:
    return HttpProblem(401, "NOT_AUTHENTICATED", why, headers=_CHALLENGE)
