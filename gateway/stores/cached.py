"""A read-through cache in Redis before a store: for what clients ask again and again."""

import asyncio
import time
import uuid
from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime
from typing import Any, TypeVar

from redis.asyncio import BlockingConnectionPool, Redis
from redis.exceptions import RedisError

from gateway.records import Cursor, PageNews, Record, Row, StoredPage, View
from gateway.stores.base import Store
from gateway.stores.gathered import GatheredReads
from meshkit.errors import DependencyUnavailable

T = TypeVar("T")

_TIMEOUT_SECONDS = 0.5
_REST_SECONDS = 5.0
_CHANGING_SECONDS = 2
"""What may change still, or come into being, is kept no longer: should word of a change get lost,
nobody sees the old for longer than this."""
_LEASE_MS = 1_000
_WAIT_SECONDS = 0.02
_MOST_WAITS = 10
_CONNECTIONS = 32
_READ_AT_ONCE = 100
_ABSENT = b"-"
_FILL = """
if redis.call('GET', KEYS[2]) == ARGV[1] then
    redis.call('DEL', KEYS[2])
    redis.call('SET', KEYS[1], ARGV[2], 'EX', ARGV[3])
end
"""


class CachedStore:
    """A `Store` whose views come from Redis where it has them.

    Who misses takes a lease on the key and fills it, while others wait for that. A change deletes
    value and lease, so that whoever has read the old one fills in nothing. What is asked for at the
    same time is read together. Without Redis everything comes from the store.

    Args:
        store: the truth.
        url: of Redis.
        seconds: that a document which will not change is kept.
    """

    def __init__(self, store: Store, url: str, seconds: float) -> None:
        self._store = store
        self._seconds = max(1, int(seconds))
        pool = BlockingConnectionPool.from_url(
            url,
            socket_timeout=_TIMEOUT_SECONDS,
            socket_connect_timeout=_TIMEOUT_SECONDS,
            max_connections=_CONNECTIONS,
            timeout=_TIMEOUT_SECONDS,
        )
        self._redis: Any = Redis.from_pool(pool)
        # Redis answers one question after the other: a second under way would gain nothing.
        self._values = GatheredReads(self._read, _READ_AT_ONCE, flights=1)
        self._fill = self._redis.register_script(_FILL)
        self._rests_until = 0.0
        self._reading: dict[str, asyncio.Task[View | None]] = {}

    async def start(self) -> None:
        """Start the store; the cache may be away."""
        await self._store.start()

    async def close(self) -> None:
        """End both."""
        await self._redis.aclose()
        await self._store.close()

    async def check(self) -> None:
        """Whether the store can be used: the cache is a help only."""
        await self._store.check()

    async def view(self, work_id: str) -> View | None:
        """What a client is shown of a document; read once for all who miss it at the same time."""
        held = await self._held(work_id)
        if held is not None:
            return _view_of(held)
        reading = self._reading.get(work_id)
        if reading is None:
            reading = asyncio.create_task(self._view(work_id))
            self._reading[work_id] = reading
            reading.add_done_callback(lambda _: self._reading.pop(work_id, None))
        return await asyncio.shield(reading)

    async def add(self, row: Row) -> Record | None:
        """See `Store`."""
        there = await self._store.add(row)
        await self._forget(row.record.work_id)
        return there

    async def replace(self, row: Row) -> bool:
        """See `Store`."""
        is_changed = await self._store.replace(row)
        await self._forget(row.record.work_id)
        return is_changed

    async def record(self, work_id: str) -> Record | None:
        """See `Store`."""
        return await self._store.record(work_id)

    async def add_page(self, record: Record, page: StoredPage) -> bool:
        """See `Store`."""
        return await self._store.add_page(record, page)

    async def page(self, work_id: str, number: int) -> StoredPage | None:
        """See `Store`."""
        return await self._store.page(work_id, number)

    async def pages(self, work_id: str, after: int, limit: int) -> Sequence[StoredPage]:
        """See `Store`."""
        return await self._store.pages(work_id, after, limit)

    async def news(self, work_id: str, after: int, limit: int) -> Sequence[PageNews]:
        """See `Store`."""
        return await self._store.news(work_id, after, limit)

    async def listed(
        self, client: str, after: Cursor | None, limit: int, query: str
    ) -> Sequence[Record]:
        """See `Store`."""
        return await self._store.listed(client, after, limit, query)

    async def waiting(self, before: datetime, limit: int) -> Sequence[Record]:
        """See `Store`."""
        return await self._store.waiting(before, limit)

    async def erase(self, work_id: str) -> tuple[int, int]:
        """See `Store`. What may be in the cache still is not said to be erased."""
        try:
            await self._redis.delete(_key(work_id), _lease(work_id))
        except (RedisError, OSError, TimeoutError) as error:
            raise DependencyUnavailable(
                "the cache cannot be told to forget it now; try again", reason="CACHE_UNAVAILABLE"
            ) from error
        done = await self._store.erase(work_id)
        await self._forget(work_id)  # somebody may have looked meanwhile
        return done

    async def sweep(self, before: datetime) -> Sequence[str]:
        """See `Store`. What a TTL index deletes leaves the cache when its time there is over."""
        swept = await self._store.sweep(before)
        if swept:
            await self._forget(*swept)
        return swept

    async def _view(self, work_id: str) -> View | None:
        token = uuid.uuid4().hex
        for _ in range(_MOST_WAITS):
            has_lease = await self._has_lease(work_id, token)
            held = await self._held(work_id)  # filled since, or while the lease was another's
            if held is not None:
                return _view_of(held)
            if has_lease:
                break
            await asyncio.sleep(_WAIT_SECONDS)
        view = await self._store.view(work_id)
        await self._keep(work_id, view, token)
        return view

    async def _held(self, work_id: str) -> bytes | None:
        return await self._tried(lambda: self._values.get(_key(work_id)), None)

    async def _read(self, keys: Sequence[str]) -> dict[str, bytes]:
        values = await self._redis.mget(keys)
        return {key: value for key, value in zip(keys, values, strict=True) if value is not None}

    async def _has_lease(self, work_id: str, token: str) -> bool:
        """Whether this one is to read the store: others wait. True when there is no cache."""
        taken = await self._tried(
            lambda: self._redis.set(_lease(work_id), token, nx=True, px=_LEASE_MS), True
        )
        return bool(taken)

    async def _keep(self, work_id: str, view: View | None, token: str) -> None:
        seconds = self._seconds if view is not None and view.is_final else _CHANGING_SECONDS
        value = _ABSENT if view is None else _value_of(view)
        keys = [_key(work_id), _lease(work_id)]
        await self._tried(lambda: self._fill(keys=keys, args=[token, value, seconds]), None)

    async def _forget(self, *work_ids: str) -> None:
        keys = [key(work_id) for work_id in work_ids for key in (_key, _lease)]
        await self._tried(lambda: self._redis.delete(*keys), None)

    async def _tried(self, ask: Callable[[], Awaitable[T]], otherwise: T) -> T:
        """What Redis answers; where it does not, something else, and it is left alone a while."""
        if time.monotonic() < self._rests_until:
            return otherwise
        try:
            return await ask()
        except (RedisError, OSError, TimeoutError):
            self._rests_until = time.monotonic() + _REST_SECONDS
            return otherwise


def _key(work_id: str) -> str:
    return f"pagemesh:view:{work_id}"


def _lease(work_id: str) -> str:
    return f"pagemesh:lease:{work_id}"


def _value_of(view: View) -> bytes:
    return b"%d%s\n%s" % (view.is_final, view.etag.encode(), view.body)


def _view_of(value: bytes) -> View | None:
    if value == _ABSENT:
        return None
    etag, _, body = value.partition(b"\n")
    return View(etag[1:].decode(), body, etag[:1] == b"1")
