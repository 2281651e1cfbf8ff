"""How often a client may ask: sliding windows, in memory or, for several gateways, in Redis."""

import logging
import math
import time
from collections.abc import Sequence
from typing import Any

from limits import RateLimitItem, parse_many
from limits.aio.storage import MemoryStorage, RedisStorage, Storage
from limits.aio.strategies import SlidingWindowCounterRateLimiter
from limits.errors import StorageError
from redis.asyncio import ConnectionPool

_PREFIX = "pagemesh-gateway"
_ANSWER_SECONDS = 0.5
_SILENT_SECONDS = 30.0

_log = logging.getLogger(__name__)


class Rates:
    """Counts what clients do.

    Args:
        url: of a Redis that all gateways count in; empty: in this process.
        rates: limits by what is counted, in the notation of `limits`: `10/second;1000/day`.
    """

    def __init__(self, url: str, rates: dict[str, str]) -> None:
        self._pool = _pool(url) if url else None
        self._limiter = SlidingWindowCounterRateLimiter(_storage(url, self._pool))
        self._rates: dict[str, list[RateLimitItem]] = {
            what: parse_many(rate) if rate else [] for what, rate in rates.items()
        }
        self._away_until = 0.0

    def limited(self, counted: Sequence[str]) -> list[str]:
        """Those of what is counted that have a limit."""
        return [what for what in counted if self._rates[what]]

    async def wait_for(self, what: str, who: str) -> float:
        """Count one; 0.0 when it is within the limits, else the seconds until one is again.

        Where the count cannot be had, nobody is sent away.
        """
        if time.monotonic() < self._away_until:
            return 0.0
        try:
            for item in self._rates[what]:
                if not await self._limiter.hit(item, what, who):
                    stats = await self._limiter.get_window_stats(item, what, who)
                    return max(math.ceil(stats.reset_time - time.time()), 1)
        except StorageError as error:
            self._away_until = time.monotonic() + _SILENT_SECONDS
            _log.warning(
                "requests cannot be counted, so none is refused",
                extra={"cause": type(error.storage_error).__name__},
            )
        return 0.0

    async def close(self) -> None:
        """Let go of Redis."""
        if self._pool is not None:
            await self._pool.aclose()


def _pool(url: str) -> ConnectionPool:
    return ConnectionPool.from_url(
        url, socket_timeout=_ANSWER_SECONDS, socket_connect_timeout=_ANSWER_SECONDS
    )


def _storage(url: str, pool: ConnectionPool | None) -> Storage:
    if pool is None:
        return MemoryStorage()
    options: Any = {"connection_pool": pool}
    return RedisStorage(
        f"async+{url}",
        wrap_exceptions=True,
        implementation="redispy",
        key_prefix=_PREFIX,
        **options,
    )
