"""Documents at `s3://` locations, from the operator's buckets only, when s3fs is installed."""

import importlib
from typing import Any
from urllib.parse import SplitResult, unquote

from meshkit.errors import DependencyUnavailable, Forbidden, InvalidInput, NotFound
from orchestrator.documents.config import DocumentLimits
from orchestrator.documents.spool import Spool

_RANGE_BYTES = 8 * 1024 * 1024


async def copy(parts: SplitResult, name: str, spool: Spool, limits: DocumentLimits) -> None:
    """Writes the object's bytes to the spool.

    Credentials are the orchestrator's own, found as the AWS SDK does.

    Args:
        parts: the location, split.
        name: the location as it may be shown.
    """
    bucket, key = parts.netloc, unquote(parts.path.lstrip("/"))
    if bucket not in limits.s3_buckets:
        raise Forbidden(
            f"{name}: objects of this bucket are not taken; the operator's s3_buckets say of which",
            reason="LOCATION_NOT_ALLOWED",
            metadata={"field": "location"},
        )
    if not key:
        raise InvalidInput(
            f"{name} names no object: s3://bucket/key is wanted",
            reason="MALFORMED_LOCATION",
            metadata={"field": "location"},
        )
    store = _store(limits, name)
    session = await _connect(store, name)
    try:
        await _read(store, f"{bucket}/{key}", name, spool)
    finally:
        await session.close()


def _store(limits: DocumentLimits, name: str) -> Any:
    try:
        s3fs = importlib.import_module("s3fs")
    except ImportError as error:
        raise DependencyUnavailable(
            f"{name}: this orchestrator is installed without s3fs: pip install 'pagemesh[s3]'",
            reason="S3_NOT_INSTALLED",
            retry_after=None,
        ) from error
    return s3fs.S3FileSystem(
        asynchronous=True, skip_instance_cache=True, endpoint_url=limits.s3_endpoint
    )


async def _connect(store: Any, name: str) -> Any:
    try:
        return await store.set_session()
    except Exception as error:
        raise _failure(name) from error


async def _read(store: Any, path: str, name: str, spool: Spool) -> None:
    size, version = await _facts(store, path, name)
    spool.check_size(size)
    for start in range(0, size, _RANGE_BYTES):
        try:
            chunk = await store._cat_file(
                path, start=start, end=min(start + _RANGE_BYTES, size), version_id=version
            )
        except Exception as error:
            raise _failure(name) from error
        await spool.write(bytes(chunk))


async def _facts(store: Any, path: str, name: str) -> tuple[int, str | None]:
    """Size and version. s3fs turns the store's answers into Python's own errors."""
    try:
        info = await store._info(path)
    except FileNotFoundError as error:
        raise NotFound(f"{name}: there is no such object", reason="DOCUMENT_NOT_FOUND") from error
    except PermissionError as error:
        raise Forbidden(
            f"{name}: the store refuses the orchestrator access", reason="ACCESS_DENIED"
        ) from error
    except Exception as error:
        raise _failure(name) from error
    if info["type"] != "file":
        raise InvalidInput(
            f"{name} is no object", reason="NOT_A_FILE", metadata={"field": "location"}
        )
    return int(info["size"]), info.get("VersionId")


def _failure(name: str) -> DependencyUnavailable:
    return DependencyUnavailable(f"{name}: the store cannot be reached", reason="FETCH_FAILED")
