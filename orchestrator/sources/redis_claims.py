"""Claims that several orchestrators share, in Redis."""

import importlib
from collections.abc import Sequence
from typing import Any

from orchestrator.sources.claims import Claim, Wish
from orchestrator.sources.gathering import Gathering


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
        self._gathering = Gathering(self._claim_all)

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
        return await self._gathering.want(Wish(request_id, claim, takes_over))

    async def _claim_all(self, wishes: Sequence[Wish]) -> list[Claim]:
        """In one round trip."""
        errors: Any = importlib.import_module("redis.exceptions")
        commands = self._client.pipeline(transaction=False)
        for wish in wishes:
            commands.set(
                self._prefix + wish.request_id,
                f"{wish.claim.owner} {wish.claim.fingerprint}",
                ex=self._seconds,
                nx=not wish.takes_over,
                get=True,
            )
        try:
            owners = await commands.execute()
        except errors.RedisError as error:
            raise OSError("Redis cannot be asked for claims") from error
        return [_claimed(wish, before) for wish, before in zip(wishes, owners, strict=True)]


def _claimed(wish: Wish, before: bytes | None) -> Claim:
    """Whose it is, when it was somebody's `before`."""
    if before is None or wish.takes_over:
        return wish.claim
    owner, _, fingerprint = before.decode().rpartition(" ")
    return Claim(owner, fingerprint)
