"""Where documents are kept."""

from gateway.config import GatewayConfig
from gateway.stores.base import Store
from gateway.stores.cached import CachedStore
from gateway.stores.mongo import MongoStore
from gateway.stores.sqlite import SqliteStore

__all__ = ["Store", "open_store"]


def open_store(config: GatewayConfig) -> Store:
    """The store that the configuration names; `start` it."""
    if not config.store_url:
        store: Store = SqliteStore(config.state_dir / "documents.sqlite3")
    else:
        store = MongoStore(config.store_url, config.retention_seconds)
    if config.cache_url:
        store = CachedStore(store, config.cache_url, config.cache_seconds)
    return store
