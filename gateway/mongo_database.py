"""A MongoDB database of the gateway."""

import contextlib
from collections.abc import Iterator
from typing import Any

from pymongo import AsyncMongoClient
from pymongo.asynchronous.database import AsyncDatabase
from pymongo.errors import PyMongoError

from meshkit.errors import DependencyUnavailable

_TIMEOUT_MS = 3_000
_NAME = "pagemesh"
_RETRY_SECONDS = 2.0


def open_database(url: str, *, connections: int) -> AsyncDatabase[dict[str, Any]]:
    """The database that a URL names, `pagemesh` where it names none; close its `client`.

    What is written is on the disks of most members before it is said to be.

    Args:
        url: `mongodb://host/database`.
        connections: at most.
    """
    client: AsyncMongoClient[dict[str, Any]] = AsyncMongoClient(
        url,
        serverSelectionTimeoutMS=_TIMEOUT_MS,
        connectTimeoutMS=_TIMEOUT_MS,
        socketTimeoutMS=10 * _TIMEOUT_MS,
        maxPoolSize=connections,
        w="majority",
        appname="pagemesh-gateway",
    )
    return client.get_default_database(_NAME)


@contextlib.contextmanager
def asking(what: str, reason: str) -> Iterator[None]:
    """Around what is asked of it. Raises DependencyUnavailable when it cannot be used.

    Args:
        what: is said not to be had, as `the store of documents`.
        reason: of the error, for machines.
    """
    try:
        yield
    except PyMongoError as error:
        raise DependencyUnavailable(
            f"{what} cannot be used now; try again", reason=reason, retry_after=_RETRY_SECONDS
        ) from error
