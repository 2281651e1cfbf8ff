"""Results that were too large for a record, from the object store."""

import hashlib
import importlib
from typing import Any

from meshkit.errors import DependencyUnavailable, InvalidInput


async def fetch_result(reference: dict[str, Any], endpoint: str) -> bytes:
    """The bytes that a record refers to.

    Args:
        reference: `location`, `sha256`, `size_bytes`.
        endpoint: of an S3-compatible store; empty: the provider's own.

    Raises:
        DependencyUnavailable: they cannot be had now.
        InvalidInput: they are others than the record says.
    """
    try:
        s3fs: Any = importlib.import_module("s3fs")
        store = s3fs.S3FileSystem(
            asynchronous=True, skip_instance_cache=True, endpoint_url=endpoint or None
        )
        session = await store.set_session()
        try:
            content: bytes = await store._cat_file(reference["location"].removeprefix("s3://"))
        finally:
            await session.close()
    except Exception as error:
        raise DependencyUnavailable(
            "a large result cannot be fetched", reason="STORE_UNAVAILABLE"
        ) from error
    if hashlib.sha256(content).hexdigest() != reference["sha256"]:
        raise InvalidInput("the result's bytes are others than its record says")
    return content
