"""Claims that several orchestrators share, in MongoDB."""

import time
from collections.abc import Sequence
from typing import Any

from pymongo import AsyncMongoClient, UpdateOne
from pymongo.errors import BulkWriteError, PyMongoError

from orchestrator.sources.claims import Claim, Wish
from orchestrator.sources.gathering import Gathering

_ANSWER_MS = 5_000
_CLAIMED_AT_ONCE = 50
"""Not every server of MongoDB's protocol looks up by keys: so few are done in time by any."""
_DATABASE = "pagemesh"
_DUPLICATE = 11_000

Row = dict[str, Any]


class MongoClaims:
    """One document for each request id, kept for the retention.

    Args:
        url: `mongodb://host:port/database`; the database is `pagemesh` when none is named.
        group: whose claims; other groups answer the same requests on their own.
        retention_seconds: how long a claim is kept.
    """

    def __init__(self, url: str, group: str, *, retention_seconds: float) -> None:
        self._client: AsyncMongoClient[Row] = AsyncMongoClient(
            url,
            serverSelectionTimeoutMS=_ANSWER_MS,
            socketTimeoutMS=_ANSWER_MS,
            w="majority",
            journal=True,
        )
        self._claims = self._client.get_default_database(_DATABASE)["claims"]
        self._group = group
        self._retention_ns = int(retention_seconds * 1e9)
        self._gathering = Gathering(self._claim_all, _CLAIMED_AT_ONCE)

    async def open(self) -> None:
        """Forget what is older than the retention. Raises OSError."""
        try:
            await self._claims.create_index("claimed_ns")
            too_old = time.time_ns() - self._retention_ns
            await self._claims.delete_many({"claimed_ns": {"$lt": too_old}})
        except PyMongoError as error:
            raise OSError("MongoDB cannot be asked for claims") from error

    async def close(self) -> None:
        """Close connections. Safe to call twice and without `open`."""
        await self._client.close()

    async def claim(self, request_id: str, claim: Claim, *, takes_over: bool) -> Claim:
        """See `Claims`."""
        return await self._gathering.want(Wish(request_id, claim, takes_over))

    async def _claim_all(self, wishes: Sequence[Wish]) -> list[Claim]:
        """In two round trips."""
        try:
            while not await self._written(wishes):
                pass
            keys = list({self._key(wish) for wish in wishes})
            rows = {row["_id"]: row async for row in self._claims.find({"_id": {"$in": keys}})}
        except PyMongoError as error:
            raise OSError("MongoDB cannot be asked for claims") from error
        if len(rows) < len(keys):
            raise OSError("a claim reached its retention's end while it was read")
        found = [rows[self._key(wish)] for wish in wishes]
        return [Claim(row["owner"], row["fingerprint"]) for row in found]

    async def _written(self, wishes: Sequence[Wish]) -> bool:
        """False when another one inserted a claim at the same moment."""
        try:
            await self._claims.bulk_write([self._change(wish) for wish in wishes])
        except BulkWriteError as error:
            if any(each["code"] != _DUPLICATE for each in error.details["writeErrors"]):
                raise
            return False
        return True

    def _change(self, wish: Wish) -> UpdateOne:
        row = {
            "owner": wish.claim.owner,
            "fingerprint": wish.claim.fingerprint,
            "claimed_ns": time.time_ns(),
        }
        operator = "$set" if wish.takes_over else "$setOnInsert"
        return UpdateOne({"_id": self._key(wish)}, {operator: row}, upsert=True)

    def _key(self, wish: Wish) -> str:
        return f"{self._group}/{wish.request_id}"
