"""How documents get to the orchestrator, and what becomes of them back."""

from gateway.config import GatewayConfig
from gateway.dispatch.base import Dispatch
from gateway.dispatch.embedded import EmbeddedDispatch
from gateway.dispatch.queue import Queue
from gateway.ledger import Ledger
from gateway.orchestrator import Orchestrator

__all__ = ["Dispatch", "open_dispatch"]


def open_dispatch(config: GatewayConfig, ledger: Ledger, orchestrator: Orchestrator) -> Dispatch:
    """The dispatch that the configuration names; `start` it."""
    queue = Queue(config.state_dir / "queue.sqlite3")
    return EmbeddedDispatch(queue, ledger, orchestrator, config.deliveries)
