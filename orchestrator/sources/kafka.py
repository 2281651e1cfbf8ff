"""Takes requests from Kafka and writes their answers, each in one transaction with its offset.

A thread owns the consumer and the producer, which are not asynchronous; documents are worked on in
the orchestrator's event loop. The thread polls all the time, however slow documents are, so that no
rebalance comes of them; what is too much is held back by pausing partitions.

What is true after every transaction, and after every kill: a record's answer is written, and the
record is marked as done, or neither. See `progress` for how.
"""

import asyncio
import logging
import queue
import threading
import time
import uuid
from pathlib import Path

from orchestrator.sources.config import KafkaSettings
from orchestrator.sources.handling import RequestHandler
from orchestrator.sources.letters import Outgoing
from orchestrator.sources.session import Session
from pagemesh.kafka.codec import Codec

_SHORTEST_PAUSE, _LONGEST_PAUSE = 0.2, 10.0
_JOIN_SECONDS = 30.0

_log = logging.getLogger(__name__)


class KafkaSource:
    """The Kafka door.

    Args:
        settings: of the operator.
        codec: reads commands.
        state_dir: keeps this orchestrator's name among the broker's transactions.
    """

    def __init__(self, settings: KafkaSettings, codec: Codec, state_dir: Path) -> None:
        self._settings = settings
        self._codec = codec
        self._state_dir = state_dir
        self._events: queue.SimpleQueue[Outgoing] = queue.SimpleQueue()
        self._thread: threading.Thread | None = None
        self._is_stopping = threading.Event()

    def tell(self, event: Outgoing) -> None:
        """Send an event as soon as may be; it is lost when the broker is away."""
        self._events.put(event)

    def start(self, handler: RequestHandler) -> None:
        """Begin to take requests. Needs the running loop."""
        loop = asyncio.get_running_loop()
        name = self._transactional_id()
        self._thread = threading.Thread(
            target=self._run, args=(handler, loop, name), name="kafka-source", daemon=True
        )
        self._thread.start()

    async def stop(self) -> None:
        """Write the answers that are ready, and leave the group. Safe to call twice."""
        self._is_stopping.set()
        thread, self._thread = self._thread, None
        if thread is not None:
            await asyncio.to_thread(thread.join, _JOIN_SECONDS)

    def _transactional_id(self) -> str:
        path = self._state_dir / "kafka-instance"
        if not path.exists():
            self._state_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
            path.write_text(uuid.uuid4().hex)
        return f"{self._settings.kafka_group}-{path.read_text().strip()}"

    def _run(
        self, handler: RequestHandler, loop: asyncio.AbstractEventLoop, transactional_id: str
    ) -> None:
        """One session after the other, until `stop`: whatever the broker does, begin anew."""
        pause = _SHORTEST_PAUSE
        while not self._is_stopping.is_set():
            begun = time.monotonic()
            session = None
            try:
                session = Session(
                    self._settings, self._codec, handler, loop, self._events, transactional_id
                )
                session.run(self._is_stopping)
            except Exception as error:
                _log.warning("the session with Kafka broke off", exc_info=error)
            finally:
                if session is not None:
                    session.close()
            pause = _SHORTEST_PAUSE if time.monotonic() - begun > _LONGEST_PAUSE else pause * 2
            self._is_stopping.wait(min(pause, _LONGEST_PAUSE))
