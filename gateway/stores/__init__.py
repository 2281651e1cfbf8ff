"""Where documents are kept."""

from gateway.config import GatewayConfig
from gateway.stores.base import Store
from gateway.stores.sqlite import SqliteStore

__all__ = ["Store", "open_store"]


def open_store(config: GatewayConfig) -> Store:
    """The store that the configuration names; `start` it."""
    return SqliteStore(config.state_dir / "documents.sqlite3")
