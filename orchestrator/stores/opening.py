"""Which store the operator has chosen."""

import importlib
from pathlib import Path

from orchestrator.stores.base import DocumentStore
from orchestrator.stores.sqlite import SqliteStore
from orchestrator.uploads import FolderUploads, Uploads


def stores(url: str, state_dir: Path, *, lease_seconds: float) -> tuple[DocumentStore, Uploads]:
    """The store of documents and that of uploaded bytes, not open yet.

    Args:
        url: `mongodb://host:port/database`; empty: files in `state_dir`.
        state_dir: a folder of this orchestrator's own.
        lease_seconds: of a store that several orchestrators share.
    Raises:
        ImportError: `pip install pagemesh[mongo]`.
    """
    if not url:
        store = SqliteStore(state_dir / "documents.sqlite3")
        return store, FolderUploads(state_dir / "uploads")
    # An extra of the package: who keeps documents in files does without it.
    mongo = importlib.import_module("orchestrator.stores.mongo").MongoStore(
        url, lease_seconds=lease_seconds
    )
    return mongo, mongo.uploads
