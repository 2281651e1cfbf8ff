"""What comes by Kafka, one record after the other, committed once it is taken."""

import asyncio
import contextlib
import logging
import threading
from collections.abc import Awaitable, Callable
from typing import Any

from kafka import KafkaConsumer
from kafka.coordinator.assignors.range import RangePartitionAssignor
from kafka.errors import KafkaError

from meshkit.errors import DependencyUnavailable, InvalidInput
from pagemesh.kafka.connection import Connection
from pagemesh.kafka.joining import finish_joining
from pagemesh.kafka.topics import Topics

Take = Callable[[str, dict[str, Any]], Awaitable[None]]
"""Takes a record of a contract: `result`, `event`, `dead_letter`."""

_POLL_MS = 500
_RECORDS_AT_ONCE = 50
_METADATA_MS = 30_000
_PAUSE_SECONDS = 1.0
_JOIN_SECONDS = 20.0

_log = logging.getLogger(__name__)


class Listener:
    """A consumer in a thread of its own; records are taken in the event loop.

    A record that cannot be taken now is tried again until it can; one that is no record of its
    contract is left out, and the log says so.
    """

    def __init__(self, connection: Connection, topics: Topics, group: str, take: Take) -> None:
        self._connection = connection
        self._contracts = {
            topics.results: "result",
            topics.events: "event",
            topics.dead_letters: "dead_letter",
        }
        self._group = group
        self._take = take
        self._is_stopping = threading.Event()
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Begin. Needs the running loop."""
        loop = asyncio.get_running_loop()
        self._thread = threading.Thread(
            target=self._run, args=(loop,), name="gateway-listener", daemon=True
        )
        self._thread.start()

    async def stop(self) -> None:
        """End. May be repeated."""
        self._is_stopping.set()
        if self._thread is not None:
            await asyncio.to_thread(self._thread.join, _JOIN_SECONDS)

    def _run(self, loop: asyncio.AbstractEventLoop) -> None:
        while not self._is_stopping.is_set():
            try:
                with contextlib.closing(self._consumer()) as consumer:
                    self._listen(consumer, loop)
            except KafkaError as error:
                _log.warning("Kafka cannot be listened to", extra={"cause": str(error)})
            except Exception:
                _log.exception("Kafka cannot be listened to")
            self._is_stopping.wait(_PAUSE_SECONDS)

    def _consumer(self) -> Any:
        # Topics of as many partitions are shared out alike: a document's results and events come
        # to one gateway.
        consumer = KafkaConsumer(
            **self._connection.options(),
            group_id=self._group,
            enable_auto_commit=False,
            auto_offset_reset="earliest",
            isolation_level="read_committed",
            max_poll_records=_RECORDS_AT_ONCE,
            partition_assignment_strategy=[RangePartitionAssignor],
            metadata_max_age_ms=_METADATA_MS,
        )
        # A leader shares out the partitions that it knows: those of topics that it was not told of
        # yet would be nobody's until it looks again.
        for topic in self._contracts:
            consumer.partitions_for_topic(topic)
        consumer.subscribe(sorted(self._contracts))
        return consumer

    def _listen(self, consumer: Any, loop: asyncio.AbstractEventLoop) -> None:
        codec = self._connection.codec()
        while not self._is_stopping.is_set():
            finish_joining(consumer)
            polled = consumer.poll(timeout_ms=_POLL_MS)
            for place, records in polled.items():
                contract = self._contracts[place.topic]
                for record in records:
                    if not self._taken(codec, contract, record, loop):
                        return
            if polled:
                consumer.commit()

    def _taken(
        self, codec: Any, contract: str, record: Any, loop: asyncio.AbstractEventLoop
    ) -> bool:
        """Whether a record is done with; False when the process ends before."""
        while not self._is_stopping.is_set():
            try:
                told = codec.decode(contract, record.value)
                asyncio.run_coroutine_threadsafe(self._awaited(contract, told), loop).result()
            except DependencyUnavailable as error:
                _log.warning("a record waits", extra={"cause": error.message})
                self._is_stopping.wait(_PAUSE_SECONDS)
                continue
            except InvalidInput as error:
                _log.warning(
                    "a record is left out",
                    extra={
                        "topic": record.topic,
                        "partition": record.partition,
                        "offset": record.offset,
                        "cause": error.message,
                    },
                )
            return True
        return False

    async def _awaited(self, contract: str, told: dict[str, Any]) -> None:
        await self._take(contract, told)
