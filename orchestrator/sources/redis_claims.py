"""Claims that several orchestrators share, in Redis."""

import importlib
from typing import Any

from orchestrator.sources.claims import Claim


class RedisClaims:
    """One key for each request id, kept for the retention.

    A claim that Redis acknowledged and then lost, in a crash, may be given to another record: a
    request that is sent twice is then answered twice. Let Redis write ahead (`appendonly yes`).

    Args:
        url: `redis://host:port/0`, `rediss://` for TLS.
        group: whose claims; other groups answer the same requests on their own.
        retention_seconds: how long a claim is kept.
    """

    def __init__(self, url: str, group: str, *, retention_seconds: float) -> None:
        self._url = url
        self._prefix = f"pagemesh:claims:{group}:"
        self._seconds = max(1, int(retention_seconds))
        self._client: Any = None

    async def open(self) -> None:
        """Make the client; Redis need not be there yet. Raises ImportError, ValueError."""
        redis: Any = importlib.import_module("redis.asyncio")
        self._client = redis.Redis.from_url(self._url, socket_timeout=5, socket_connect_timeout=5)

    async def close(self) -> None:
        """Close connections. Safe to call twice and without `open`."""
        client, self._client = self._client, None
        if client is not None:
            await client.aclose()

    async def claim(self, request_id: str, claim: Claim, *, takes_over: bool) -> Claim:
        """See `Claims`."""
        errors: Any = importlib.import_module("redis.exceptions")
        key, value = self._prefix + request_id, f"{claim.owner} {claim.fingerprint}"
        try:
            before = await self._client.set(
                key, value, ex=self._seconds, nx=not takes_over, get=True
            )
        except errors.RedisError as error:
            raise OSError("Redis cannot be asked for claims") from error
        if before is None or takes_over:
            return claim
        owner, _, fingerprint = before.decode().rpartition(" ")
        return Claim(owner, fingerprint)
