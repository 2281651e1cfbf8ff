"""The place of results that are too large for a record (claim check)."""

import contextlib
import importlib
import math
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit

from meshkit.errors import DependencyUnavailable


class LargeResults:
    """Objects under `s3://bucket/prefix`; the same result is written to the same place.

    Args:
        location: `s3://bucket/prefix`.
        endpoint: of an S3-compatible store; None takes the provider's own. Credentials are found as
            the AWS SDK does.
    """

    def __init__(self, location: str, endpoint: str | None) -> None:
        parts = urlsplit(location)
        if parts.scheme != "s3" or not parts.netloc:
            raise ValueError(f"kafka_results_location: `{location}` is not s3://bucket/prefix")
        self._root = f"{parts.netloc}/{parts.path.strip('/')}".rstrip("/")
        self._endpoint = endpoint

    async def put(self, request_id: str, sha256: str, content: Path) -> str:
        """Store a result; returns its location. Raises DependencyUnavailable."""
        key = f"{self._folder(request_id)}/{sha256}.json"
        try:
            async with self._opened() as store:
                await store._put_file(str(content), key)
        except Exception as error:
            raise DependencyUnavailable(
                "the result is too large for a record and cannot be stored", reason="STORE_FAILED"
            ) from error
        return f"s3://{key}"

    async def erase(self, request_id: str, *, written_before: float = math.inf) -> int:
        """Delete a request's results; how many there were. Raises DependencyUnavailable.

        Args:
            request_id: of the request.
            written_before: a Unix time; what was written later is another document's.
        """
        try:
            async with self._opened() as store:
                folder = self._folder(request_id)
                objects = await store._find(folder, detail=True)
                found = [
                    key
                    for key, facts in objects.items()
                    # Some stores list a folder that was emptied.
                    if key != folder and facts["LastModified"].timestamp() <= written_before
                ]
                for key in found:
                    await store._rm_file(key)
        except Exception as error:
            raise DependencyUnavailable(
                "large results cannot be deleted now", reason="STORE_FAILED"
            ) from error
        return len(found)

    def _folder(self, request_id: str) -> str:
        return f"{self._root}/{quote(request_id, safe='')}"

    @contextlib.asynccontextmanager
    async def _opened(self) -> AsyncIterator[Any]:
        s3fs: Any = importlib.import_module("s3fs")
        store = s3fs.S3FileSystem(
            asynchronous=True, skip_instance_cache=True, endpoint_url=self._endpoint
        )
        session = await store.set_session()
        try:
            yield store
        finally:
            await session.close()
