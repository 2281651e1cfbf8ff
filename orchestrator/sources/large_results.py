"""The place of results that are too large for a record (claim check)."""

import importlib
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
        key = f"{self._root}/{quote(request_id, safe='')}/{sha256}.json"
        try:
            s3fs: Any = importlib.import_module("s3fs")
            store = s3fs.S3FileSystem(
                asynchronous=True, skip_instance_cache=True, endpoint_url=self._endpoint
            )
            session = await store.set_session()
            try:
                await store._put_file(str(content), key)
            finally:
                await session.close()
        except Exception as error:
            raise DependencyUnavailable(
                "the result is too large for a record and cannot be stored", reason="STORE_FAILED"
            ) from error
        return f"s3://{key}"
