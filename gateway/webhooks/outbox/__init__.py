"""What is owed to clients' servers, and how far it is."""

from gateway.config import GatewayConfig
from gateway.webhooks.outbox.base import Entry, Outbox, State
from gateway.webhooks.outbox.mongo import MongoOutbox
from gateway.webhooks.outbox.sqlite import SqliteOutbox

__all__ = ["Entry", "Outbox", "State", "open_outbox"]


def open_outbox(config: GatewayConfig) -> Outbox:
    """Beside the documents, wherever those are kept; `open` it."""
    if config.store_url:
        return MongoOutbox(config.store_url)
    return SqliteOutbox(config.state_dir / "webhooks.sqlite3")
