"""Claims that several orchestrators share, in MongoDB."""

import time
from typing import Any

from pymongo import AsyncMongoClient, ReturnDocument
from pymongo.errors import DuplicateKeyError, PyMongoError

from orchestrator.sources.claims import Claim

_ANSWER_MS = 5_000
_DATABASE = "pagemesh"

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
        row = {
            "owner": claim.owner,
            "fingerprint": claim.fingerprint,
            "claimed_ns": time.time_ns(),
        }
        try:
            found = await self._claimed(
                f"{self._group}/{request_id}", {"$set" if takes_over else "$setOnInsert": row}
            )
        except PyMongoError as error:
            raise OSError("MongoDB cannot be asked for claims") from error
        return Claim(found["owner"], found["fingerprint"])

    async def _claimed(self, key: str, change: Row) -> Row:
        while True:
            try:
                found = await self._claims.find_one_and_update(
                    {"_id": key}, change, upsert=True, return_document=ReturnDocument.AFTER
                )
            except DuplicateKeyError:
                continue  # another one inserted it at the same moment
            if found is not None:
                return found
