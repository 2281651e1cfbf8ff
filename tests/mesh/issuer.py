"""An OpenID Connect issuer: its keys as it shows them, and tokens."""

import json
import time
from functools import cache
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric import rsa
from jwt.algorithms import RSAAlgorithm

ISSUER, AUDIENCE = "https://login.example.org", "pagemesh"
_KID = "first"


@cache
def _key(signer: str) -> rsa.RSAPrivateKey:
    del signer  # one key each
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


def keys() -> str:
    """What is at the issuer's `jwks_uri`."""
    shown: Any = RSAAlgorithm.to_jwk(_key(ISSUER).public_key(), as_dict=True)
    return json.dumps({"keys": [{**shown, "kid": _KID, "alg": "RS256", "use": "sig"}]})


def token(signer: str = ISSUER, **claims: str | float | None) -> str:
    """A good token of `unit-7` for an hour, but for what claims change; None leaves one out."""
    told = {"iss": ISSUER, "aud": AUDIENCE, "sub": "unit-7", "exp": time.time() + 3600, **claims}
    given = {name: value for name, value in told.items() if value is not None}
    return jwt.encode(given, _key(signer), "RS256", headers={"kid": _KID})
