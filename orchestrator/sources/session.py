"""One session with the broker: takes requests and writes their answers while its clients live."""

import asyncio
import contextlib
import logging
import queue
import threading
import time
from collections.abc import Mapping, Sequence
from typing import Any

from kafka import TopicPartition
from kafka.errors import KafkaError, UnknownTopicOrPartitionError

from orchestrator.sources.answers import Answer, AnswerWriter
from orchestrator.sources.assignment import Assignment, Partition
from orchestrator.sources.clients import Clients
from orchestrator.sources.commands import Commands
from orchestrator.sources.config import KafkaSettings
from orchestrator.sources.handling import RequestHandler
from orchestrator.sources.letters import Incoming, Outgoing
from orchestrator.sources.telemetry import SessionLevels, processing, tell_sent, tell_taken
from pagemesh.kafka.codec import Codec

_SHORTEST_POLL_MS = 5
_LONGEST_POLL_MS, _LONGEST_IDLE_POLL_MS = 80, 320
"""A poll ends when requests come, and not for answers. So it is short after something happened, and
twice as long each time that nothing does: what is quick is answered at once, and a thread that
waits for what is slow takes next to nothing of its processors."""
_LAG_SECONDS = 2.0
_LAG_MS = 1_000

_log = logging.getLogger(__name__)


class Session:
    """As long as consumer and producer live. What they say is true; what we remember is not.

    Args:
        settings: of the operator.
        codec: reads commands.
        handler: works on requests, in `loop`.
        events: to be sent as soon as may be.
        transactional_id: this orchestrator's name among the broker's transactions.
    """

    def __init__(
        self,
        settings: KafkaSettings,
        codec: Codec,
        handler: RequestHandler,
        loop: asyncio.AbstractEventLoop,
        events: "queue.SimpleQueue[Outgoing]",
        transactional_id: str,
    ) -> None:
        self._settings = settings
        self._handler = handler
        self._loop = loop
        self._events = events
        self._broken: BaseException | None = None
        self._levels = SessionLevels(settings.kafka_requests_topic, settings.kafka_group)
        self._lag_due = 0.0
        with contextlib.ExitStack() as opened:
            self._clients = Clients(settings, transactional_id)
            opened.callback(self._clients.close)
            self._consumer = self._clients.consumer
            self._assignment = Assignment(
                self._consumer,
                loop,
                most_records=settings.kafka_waiting_records,
                most_bytes=settings.kafka_waiting_bytes,
            )
            self._answers = AnswerWriter(self._clients, self._assignment)
            self._commands = Commands(self._clients.control, codec, handler, loop)
            # A leader that knows no partitions yet would assign none, and not look again for long.
            topic = settings.kafka_requests_topic
            if not self._consumer.partitions_for_topic(topic):
                raise UnknownTopicOrPartitionError(f"there is no topic {topic}")
            self._consumer.subscribe([topic], listener=self._assignment)
            opened.pop_all()

    def run(self, is_stopping: threading.Event) -> None:
        """Take and answer. Raises KafkaError: the session is over."""
        poll_ms = _SHORTEST_POLL_MS
        while not is_stopping.is_set() and self._broken is None:
            self._assignment.throttle()
            polled = self._clients.poll(poll_ms)
            self._assignment.drop_gone()
            self._take(polled)
            has_answered = self._answers.publish()
            poll_ms = self._next_poll(poll_ms, is_busy=bool(polled) or has_answered)
            self._tell_events()
            self._tell_levels()
            self._commands.hear()
        self._answers.publish()

    def close(self) -> None:
        """Give everything up that is not answered: it will be delivered again."""
        self._assignment.drop_all()
        self._levels.clear()
        try:
            self._clients.close()
        except Exception as error:
            _log.warning("clients of Kafka did not close in order", exc_info=error)

    def _next_poll(self, last_ms: int, *, is_busy: bool) -> int:
        """How long the next poll may take, in milliseconds."""
        if is_busy:
            return _SHORTEST_POLL_MS
        longest = _LONGEST_POLL_MS if self._assignment.waiting else _LONGEST_IDLE_POLL_MS
        return min(2 * last_ms, longest)

    def _take(self, polled: Mapping[TopicPartition, Sequence[Any]]) -> None:
        """Have all that is new worked on; the loop is woken up once."""
        new = [
            (partition, _incoming(place, record))
            for place, records in polled.items()
            if (partition := self._assignment.find(place, records[0].offset)) is not None
            for record in records
            if partition.progress.take(record.offset)
        ]
        for partition, incoming in new:
            tell_taken(incoming, self._settings.kafka_group)
            partition.sizes[incoming.offset] = len(incoming.value or b"")
        if new:
            self._loop.call_soon_threadsafe(self._begin, new)

    def _begin(self, new: Sequence[tuple[Partition, Incoming]]) -> None:
        """In the event loop."""
        for partition, incoming in new:
            partition.begin(self._work_on(incoming, partition))

    async def _work_on(self, incoming: Incoming, partition: Partition) -> None:
        try:
            with processing(incoming, self._settings.kafka_group) as outgoing:
                outgoing.extend(await self._handler.handle(incoming))
        except Exception as error:
            # It can be neither answered nor left out: the session begins anew.
            _log.exception("a request cannot be answered", extra={"place": incoming.place})
            self._broken = error
            return
        place = TopicPartition(incoming.topic, incoming.partition)
        self._answers.put(
            Answer(place, partition, incoming.offset, outgoing, incoming.timestamp_ms)
        )

    def _tell_events(self) -> None:
        with contextlib.suppress(queue.Empty, KafkaError):
            while True:
                event = self._events.get_nowait()
                self._clients.telling.send(
                    event.topic, key=event.key, value=event.value, headers=event.headers
                )
                tell_sent(event)

    def _tell_levels(self) -> None:
        """What waits and is held back; how far behind we are is asked for now and then."""
        self._levels.tell(waiting=self._assignment.waiting, paused=len(self._consumer.paused()))
        if time.monotonic() < self._lag_due:
            return
        self._lag_due = time.monotonic() + _LAG_SECONDS
        # Not from what was fetched last: of a paused partition nothing is fetched.
        with contextlib.suppress(KafkaError):
            ends = self._consumer.end_offsets(self._assignment.places, timeout_ms=_LAG_MS)
            self._levels.tell_lags(self._assignment.lags(ends))


def _incoming(place: TopicPartition, record: Any) -> Incoming:
    return Incoming(
        place.topic,
        place.partition,
        record.offset,
        record.key,
        record.value,
        tuple(record.headers or ()),
        record.timestamp,
    )
