"""Uploaded bytes in MongoDB (GridFS), so that any orchestrator can go on with them."""

import contextlib
from collections.abc import Collection
from typing import Any

from gridfs import NoFile
from gridfs.asynchronous import AsyncGridFSBucket
from pymongo.asynchronous.database import AsyncDatabase

from orchestrator.documents.spool import Spool
from orchestrator.order import Order
from orchestrator.stores.mongo_trouble import trouble_told
from orchestrator.uploads import Uploads

_CHUNK_BYTES = 1024 * 1024


class MongoUploads(Uploads):
    """A file for each uploaded document that the store keeps, under its request id."""

    def __init__(self, database: AsyncDatabase[dict[str, Any]]) -> None:
        self._files = AsyncGridFSBucket(database, "uploads", chunk_size_bytes=_CHUNK_BYTES)

    async def keep(self, order: Order) -> None:
        if not order.location:
            await self.drop(order.request_id)
            with order.spool.path.open("rb") as file, trouble_told():
                await self._files.upload_from_stream_with_id(
                    order.request_id, order.request_id, file
                )

    async def drop(self, request_id: str) -> bool:
        with trouble_told(), contextlib.suppress(NoFile):
            await self._files.delete(request_id)
            return True
        return False

    async def restore(self, request_id: str, spool: Spool) -> None:
        with trouble_told():
            try:
                file = await self._files.open_download_stream(request_id)
            except NoFile as error:
                raise FileNotFoundError(request_id) from error
            while chunk := await file.read(_CHUNK_BYTES):
                await spool.write(chunk)

    async def drop_all_but(self, request_ids: Collection[str]) -> None:
        """Others' documents are unknown here: the store drops uploads along with documents."""
