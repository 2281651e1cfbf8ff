"""How trouble with MongoDB is told."""

import contextlib
from collections.abc import Iterator

from pymongo.errors import PyMongoError

from meshkit.errors import DependencyUnavailable


@contextlib.contextmanager
def trouble_told() -> Iterator[None]:
    """Whatever MongoDB's client meets is trouble that may pass: DependencyUnavailable."""
    try:
        yield
    except PyMongoError as error:
        raise DependencyUnavailable(
            "the document store is in trouble", reason="STORE_FAILED"
        ) from error
