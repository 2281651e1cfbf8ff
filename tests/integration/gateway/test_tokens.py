"""Tokens of an issuer that really listens, and changes its keys."""

import asyncio
import contextlib
import hmac
import json
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import jwt
import pytest
from aiohttp import web
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from jwt.algorithms import ECAlgorithm, RSAAlgorithm
from jwt.utils import base64url_encode

from orchestrator.testing import RunningOrchestrator, tiff
from tests.integration.gateway.conftest import RunningGateway, config_of, running_gateway

AUDIENCE = "pagemesh"
PAUSE_SECONDS = 1.1


class Issuer:
    """Shows keys, and signs.

    Attributes:
        url: its name.
        keys: private keys by `kid`; all are shown.
        asked: how often its keys were asked for.
    """

    def __init__(self) -> None:
        self.url = ""
        self.keys: dict[str, Any] = {}
        self.asked = 0
        self._runner: web.AppRunner | None = None
        self._port = 0

    async def start(self) -> None:
        app = web.Application()
        app.router.add_get("/.well-known/openid-configuration", self._discovery)
        app.router.add_get("/jwks", self._jwks)
        self._runner = web.AppRunner(app, access_log=None)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", self._port)
        await site.start()
        self._port = self._runner.addresses[0][1]
        self.url = f"http://127.0.0.1:{self._port}"

    async def stop(self) -> None:
        if self._runner is not None:
            await self._runner.cleanup()

    def token(self, kid: str, **claims: Any) -> str:
        """A good token, but for what `claims` say; None leaves a claim out."""
        told = {
            "iss": self.url,
            "aud": AUDIENCE,
            "sub": "alice",
            "exp": time.time() + 60,
            **claims,
        }
        told = {name: value for name, value in told.items() if value is not None}
        key = self.keys[kid]
        algorithm = "RS256" if isinstance(key, rsa.RSAPrivateKey) else "ES256"
        return jwt.encode(told, key, algorithm, headers={"kid": kid})

    async def _discovery(self, _request: web.Request) -> web.Response:
        return web.json_response({"issuer": self.url, "jwks_uri": f"{self.url}/jwks"})

    async def _jwks(self, _request: web.Request) -> web.Response:
        self.asked += 1
        shown = []
        for kid, key in self.keys.items():
            kind: Any = RSAAlgorithm if isinstance(key, rsa.RSAPrivateKey) else ECAlgorithm
            shown.append(
                kind.to_jwk(key.public_key(), as_dict=True)
                | {"kid": kid, "use": "sig", "alg": "RS256" if kind is RSAAlgorithm else "ES256"}
            )
        return web.json_response({"keys": shown})


@pytest.fixture(scope="module")
def rsa_key() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


@pytest.fixture
async def issuer(rsa_key: rsa.RSAPrivateKey) -> AsyncIterator[Issuer]:
    made = Issuer()
    made.keys["first"] = rsa_key
    await made.start()
    try:
        yield made
    finally:
        await made.stop()


@contextlib.asynccontextmanager
async def trusting(
    tmp_path: Path, orchestrator: RunningOrchestrator, issuer: Issuer
) -> AsyncIterator[RunningGateway]:
    knobs = {"oidc_issuer": issuer.url, "oidc_audience": AUDIENCE}
    async with running_gateway(config_of(tmp_path, orchestrator.address, **knobs)) as gateway:
        yield gateway


def by_hmac(claims: dict[str, Any], header: dict[str, str], secret: bytes) -> str:
    """A token that PyJWT refuses to make; an attacker would not ask it."""
    parts = [json.dumps(part).encode() for part in (header | {"alg": "HS256"}, claims)]
    signed = b".".join(map(base64url_encode, parts))
    signature = base64url_encode(hmac.digest(secret, signed, "sha256"))
    return (signed + b"." + signature).decode()


async def status(gateway: RunningGateway, token: str, path: str = "/v1/documents") -> int:
    answer = await gateway.http.get(path, headers={"Authorization": f"Bearer {token}"})
    return answer.status_code


async def test_a_token_opens_its_subjects_documents_alone(
    tmp_path: Path, orchestrator: RunningOrchestrator, issuer: Issuer
) -> None:
    async with trusting(tmp_path, orchestrator, issuer) as gateway:
        alice, bob = issuer.token("first"), issuer.token("first", sub="bob")
        sent = await gateway.http.post(
            "/v1/documents",
            files={"file": ("scan.tiff", tiff(1))},
            data={"request_id": "mine"},
            headers={"Authorization": f"Bearer {alice}"},
        )
        assert sent.status_code == 202
        assert await status(gateway, alice, "/v1/documents/mine") == 200
        assert await status(gateway, bob, "/v1/documents/mine") == 404
        assert issuer.asked == 1


async def test_tokens_that_are_not_good_open_nothing(
    tmp_path: Path, orchestrator: RunningOrchestrator, issuer: Issuer, rsa_key: rsa.RSAPrivateKey
) -> None:
    public = rsa_key.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    stranger = Issuer()
    stranger.url = issuer.url
    stranger.keys["first"] = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    good = {"iss": issuer.url, "aud": AUDIENCE, "sub": "alice", "exp": time.time() + 60}
    head = {"kid": "first"}
    tokens = {
        "another audience": issuer.token("first", aud="another"),
        "another issuer": issuer.token("first", iss="https://evil.example"),
        "expired": issuer.token("first", exp=time.time() - 60),
        "no end": issuer.token("first", exp=None),
        "not yet": issuer.token("first", nbf=time.time() + 3600),
        "nobody": issuer.token("first", sub=None),
        "an empty name": issuer.token("first", sub=""),
        "another's signature": stranger.token("first"),
        "no signature": jwt.encode(good, "", "none", headers=head),
        "the public key as a shared secret": by_hmac(good, head, public),
        "cut": issuer.token("first")[:-5],
        "long": "a" * 20_000,
    }
    async with trusting(tmp_path, orchestrator, issuer) as gateway:
        assert await status(gateway, issuer.token("first")) == 200
        for why, token in tokens.items():
            assert await status(gateway, token) == 401, why


async def test_the_issuers_new_keys_are_found_and_its_old_ones_dropped(
    tmp_path: Path, orchestrator: RunningOrchestrator, issuer: Issuer
) -> None:
    async with trusting(tmp_path, orchestrator, issuer) as gateway:
        old = issuer.token("first")
        assert await status(gateway, old) == 200
        del issuer.keys["first"]
        issuer.keys["second"] = ec.generate_private_key(ec.SECP256R1())
        await asyncio.sleep(PAUSE_SECONDS)
        assert await status(gateway, issuer.token("second")) == 200
        assert await status(gateway, old) == 401
        asked = issuer.asked
        issuer.keys["third"] = ec.generate_private_key(ec.SECP256R1())
        unknown = issuer.token("third")
        del issuer.keys["third"]
        await asyncio.sleep(PAUSE_SECONDS)
        assert {await status(gateway, unknown) for _ in range(20)} == {401}
        assert issuer.asked <= asked + 2  # strangers cannot make us ask it all the time


async def test_an_issuer_that_is_away_takes_nobodys_access(
    tmp_path: Path, orchestrator: RunningOrchestrator, issuer: Issuer
) -> None:
    async with trusting(tmp_path, orchestrator, issuer) as gateway:
        known = issuer.token("first")
        issuer.keys["second"] = ec.generate_private_key(ec.SECP256R1())
        new = issuer.token("second")
        del issuer.keys["second"]
        assert await status(gateway, known) == 200
        await issuer.stop()
        await asyncio.sleep(PAUSE_SECONDS)
        assert await status(gateway, known) == 200
        headers = {"Authorization": f"Bearer {new}"}
        answer = await gateway.http.get("/v1/documents", headers=headers)
        assert (answer.status_code, answer.json()["reason"]) == (503, "ISSUER_UNAVAILABLE")
        assert answer.headers["retry-after"]
