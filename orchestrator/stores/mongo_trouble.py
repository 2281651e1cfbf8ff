"""How trouble with MongoDB is told."""

import contextlib
from collections.abc import Iterator

from pymongo.errors import PyMongoError

from orchestrator.stores.base import StoreFailed


@contextlib.contextmanager
def trouble_told() -> Iterator[None]:
    """Whatever MongoDB's client meets is trouble that may pass: StoreFailed."""
    try:
        yield
    except PyMongoError as error:
        raise StoreFailed from error
