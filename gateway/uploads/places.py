"""Where uploads are kept until they are read: a folder, or a bucket."""

import asyncio
import importlib
import logging
import time
import uuid
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import quote, urlsplit

from gateway.config import GatewayConfig
from gateway.uploads.spool import PREFIX, Incoming, storage_unavailable

_ABANDONED_SECONDS = 24 * 3600.0

_log = logging.getLogger(__name__)


class Place(Protocol):
    """Keeps uploads.

    Attributes:
        root: the location below which all of them are.
    """

    root: str

    async def keep(self, incoming: Incoming) -> str:
        """Keep an upload that has come whole; its location. Raises DependencyUnavailable."""

    async def discard(self, location: str) -> None:
        """Forget an upload that nobody needs; trouble is logged."""

    async def erase(self, location: str) -> None:
        """Delete an upload for good. Raises DependencyUnavailable."""

    async def sweep(self, before: float) -> None:
        """Forget uploads from before then, in seconds of the Unix epoch."""


class Folder:
    """Uploads in a folder that the orchestrator may read."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder.resolve()
        self.root = self._folder.as_uri()

    async def keep(self, incoming: Incoming) -> str:
        """See `Place`."""
        await incoming.finish()
        path = self._folder / uuid.uuid4().hex
        try:
            await asyncio.to_thread(incoming.path.rename, path)
        except OSError as error:
            raise storage_unavailable() from error
        return path.as_uri()

    async def discard(self, location: str) -> None:
        """See `Place`."""
        path = self._folder / location.rpartition("/")[2]
        try:
            await asyncio.to_thread(path.unlink, missing_ok=True)
        except OSError:
            _log.warning("an upload cannot be removed", extra={"path": str(path)}, exc_info=True)

    async def erase(self, location: str) -> None:
        """See `Place`."""
        path = self._folder / location.rpartition("/")[2]
        try:
            await asyncio.to_thread(path.unlink, missing_ok=True)
        except OSError as error:
            raise storage_unavailable() from error

    async def sweep(self, before: float) -> None:
        """See `Place`."""
        await asyncio.to_thread(self._sweep, before)

    def _sweep(self, before: float) -> None:
        for path in self._folder.glob("*"):
            is_incoming = path.name.startswith(PREFIX)
            limit = max(before, time.time() - _ABANDONED_SECONDS) if is_incoming else before
            try:
                if path.stat().st_mtime < limit:
                    path.unlink()
            except OSError:
                continue


class Bucket:
    """Uploads as objects below `s3://bucket/prefix`; the bucket's own rules delete them.

    Args:
        location: `s3://bucket/prefix`.
        endpoint: of an S3-compatible store; empty: the provider's own. Credentials are found as the
            AWS SDK does.
    """

    def __init__(self, location: str, endpoint: str) -> None:
        parts = urlsplit(location)
        self._prefix = f"{parts.netloc}/{parts.path.strip('/')}".rstrip("/")
        self._endpoint = endpoint or None
        self.root = f"s3://{self._prefix}"

    async def keep(self, incoming: Incoming) -> str:
        """See `Place`."""
        await incoming.finish()
        key = f"{self._prefix}/{quote(uuid.uuid4().hex)}"
        try:
            await self._call("_put_file", str(incoming.path), key)
        except Exception as error:
            raise storage_unavailable() from error
        return f"s3://{key}"

    async def discard(self, location: str) -> None:
        """See `Place`."""
        try:
            await self._call("_rm_file", location.removeprefix("s3://"))
        except Exception:
            _log.warning("an upload cannot be removed", extra={"at": location}, exc_info=True)

    async def erase(self, location: str) -> None:
        """See `Place`."""
        try:
            await self._call("_rm_file", location.removeprefix("s3://"))
        except FileNotFoundError:
            return
        except Exception as error:
            raise storage_unavailable() from error

    async def sweep(self, before: float) -> None:
        """Nothing: a lifecycle rule of the bucket does it."""
        del before

    async def _call(self, name: str, *arguments: str) -> None:
        s3fs: Any = importlib.import_module("s3fs")
        store = s3fs.S3FileSystem(
            asynchronous=True, skip_instance_cache=True, endpoint_url=self._endpoint
        )
        session = await store.set_session()
        try:
            await getattr(store, name)(*arguments)
        finally:
            await session.close()


def open_place(config: GatewayConfig) -> Place:
    """The place that the configuration names."""
    if config.uploads_location:
        return Bucket(config.uploads_location, config.s3_endpoint)
    return Folder(config.uploads_dir)
