"""How documents get to the orchestrator, and what becomes of them back."""

from gateway.config import GatewayConfig
from gateway.dispatch.base import Dispatch
from gateway.dispatch.embedded import EmbeddedDispatch
from gateway.dispatch.kafka import KafkaDispatch
from gateway.dispatch.queue import Queue
from gateway.ledger import Ledger
from gateway.orchestrator import Orchestrator

__all__ = ["Dispatch", "open_dispatch"]


def open_dispatch(config: GatewayConfig, ledger: Ledger, orchestrator: Orchestrator) -> Dispatch:
    """The dispatch that the configuration names; `start` it."""
    if config.kafka_brokers:
        return KafkaDispatch(
            config.kafka_connection(),
            config.kafka_topics,
            config.kafka_group,
            ledger,
            config.s3_endpoint,
        )
    queue = Queue(config.state_dir / "queue.sqlite3")
    return EmbeddedDispatch(queue, ledger, orchestrator, config.deliveries)
