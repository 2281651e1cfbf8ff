"""Takes requests from Kafka and writes their answers, each in one transaction with its offset.

A thread owns the consumer and the producer, which are not asynchronous; documents are worked on in
the orchestrator's event loop. The thread polls all the time, however slow documents are, so that no
rebalance comes of them; what is too much is held back by pausing partitions.

What is true after every transaction, and after every kill: a record's answer is written, and the
record is marked as done, or neither. See `progress` for how.
"""

import asyncio
import contextlib
import logging
import queue
import threading
import time
import uuid
from collections import deque
from collections.abc import Coroutine, Iterable, Mapping
from concurrent.futures import Future
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from kafka import ConsumerRebalanceListener, KafkaConsumer, KafkaProducer, TopicPartition
from kafka.coordinator.assignors.cooperative_sticky import CooperativeStickyAssignor
from kafka.errors import KafkaError, UnknownTopicOrPartitionError
from kafka.structs import OffsetAndMetadata

from meshkit.errors import PagemeshError
from orchestrator.sources.config import KafkaSettings
from orchestrator.sources.handling import RequestHandler
from orchestrator.sources.letters import Incoming, Outgoing
from orchestrator.sources.progress import MOST_AHEAD, PartitionProgress
from orchestrator.sources.telemetry import (
    SessionLevels,
    processing,
    sending,
    tell_answered,
    tell_sent,
    tell_taken,
)
from pagemesh.kafka.codec import Codec

_POLL_MS = 20
_RECORDS_AT_ONCE = 32
_ANSWERS_AT_ONCE = 200
_MOST_REFUSALS = 20
_TRANSACTION_MS = 20_000
_METADATA_MS = 30_000
_SHORTEST_PAUSE, _LONGEST_PAUSE = 0.2, 10.0
_CLOSE_SECONDS = 5.0
_JOIN_SECONDS = 30.0
_LAG_SECONDS = 2.0
_LAG_MS = 1_000

_log = logging.getLogger(__name__)


class _RefusedError(Exception):
    """The broker takes nothing at the moment: during a rebalance."""


@dataclass
class _Partition:
    """A partition that is ours now, with the work and the size of its unfinished records."""

    progress: PartitionProgress
    work: dict[int, Future[None]] = field(default_factory=dict)
    sizes: dict[int, int] = field(default_factory=dict)


@dataclass(frozen=True)
class _Answer:
    """A record is done; `partition` tells whether it was still ours meanwhile."""

    place: TopicPartition
    partition: _Partition
    offset: int
    outgoing: list[Outgoing]
    asked_ms: int


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
                session = _Session(
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


class _Session(ConsumerRebalanceListener):  # type: ignore[misc] # kafka-python has no types
    """As long as consumer and producer live. What they say is true; what we remember is not."""

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
        self._codec = codec
        self._handler = handler
        self._loop = loop
        self._events = events
        self._partitions: dict[TopicPartition, _Partition] = {}
        self._answers: queue.SimpleQueue[_Answer] = queue.SimpleQueue()
        self._ready: deque[_Answer] = deque()
        self._broken: BaseException | None = None
        self._refused = 0
        self._lock = threading.Lock()
        self._gone: set[TopicPartition] = set()
        self._started_ms = time.time() * 1000
        self._levels = SessionLevels(settings.kafka_requests_topic, settings.kafka_group)
        self._lag_due = 0.0
        with contextlib.ExitStack() as opened:
            options = settings.kafka_connection().options()
            self._producer = _closing(opened, _transactional(options, transactional_id))
            # Whatever an earlier session left open is ended here, before offsets are read.
            self._producer.init_transactions()
            self._telling = _closing(
                opened,
                KafkaProducer(**options, acks=1, enable_idempotence=False, max_block_ms=2000),
            )
            self._consumer = _closing(opened, _consumer(options, settings))
            self._control = _closing(opened, _control(options, settings))
            # A leader that knows no partitions yet would assign none, and not look again for long.
            topic = settings.kafka_requests_topic
            if not self._consumer.partitions_for_topic(topic):
                raise UnknownTopicOrPartitionError(f"there is no topic {topic}")
            self._consumer.subscribe([settings.kafka_requests_topic], listener=self)
            self._opened = opened.pop_all()

    def run(self, is_stopping: threading.Event) -> None:
        """Take and answer. Raises KafkaError: the session is over."""
        while not is_stopping.is_set() and self._broken is None:
            self._throttle()
            polled = self._consumer.poll(timeout_ms=_POLL_MS)
            self._drop_gone()
            for place, records in polled.items():
                self._take(place, records)
            self._publish()
            self._tell_events()
            self._tell_levels()
            self._hear_commands()
        self._publish()

    def close(self) -> None:
        """Give everything up that is not answered: it will be delivered again."""
        self._drop(list(self._partitions))
        self._levels.clear()
        try:
            self._opened.close()
        except Exception as error:
            _log.warning("clients of Kafka did not close in order", exc_info=error)

    def on_partitions_revoked(self, revoked: Iterable[TopicPartition]) -> None:
        """Others get these partitions. Called by the consumer's own thread: ours gives them up.

        Nothing of them is committed from now on; and what is being committed at this moment is
        refused by the broker once the others have them, because it states the group's generation
        of before.
        """
        with self._lock:
            self._gone.update(revoked)

    def on_partitions_assigned(self, assigned: Iterable[TopicPartition]) -> None:
        """How far they are is asked for when their first record comes."""

    def on_partitions_lost(self, lost: Iterable[TopicPartition]) -> None:
        """Others have them already; they will do the work again."""
        self.on_partitions_revoked(lost)

    def _drop_gone(self) -> None:
        with self._lock:
            gone, self._gone = self._gone, set()
        self._drop(gone)

    def _drop(self, places: Iterable[TopicPartition]) -> None:
        for place in places:
            partition = self._partitions.pop(place, None)
            if partition is not None:
                for work in list(partition.work.values()):
                    work.cancel()

    def _throttle(self) -> None:
        size = sum(sum(partition.sizes.values()) for partition in self._partitions.values())
        is_full = size >= self._settings.kafka_waiting_bytes
        held = {
            place
            for place, partition in self._partitions.items()
            if is_full
            or len(partition.progress.taken) >= self._settings.kafka_waiting_records
            or partition.progress.ahead >= MOST_AHEAD
        }
        assigned, paused = set(self._consumer.assignment()), set(self._consumer.paused())
        if pausing := (held & assigned) - paused:
            self._consumer.pause(*pausing)
        if resuming := (paused & assigned) - held:
            self._consumer.resume(*resuming)

    def _take(self, place: TopicPartition, records: list[Any]) -> None:
        partition = self._partitions.get(place)
        if partition is None:
            # These may be left from before the partition was given away and came back.
            self._begin(place)
            return
        for record in records:
            if partition.progress.take(record.offset):
                incoming = Incoming(
                    place.topic,
                    place.partition,
                    record.offset,
                    record.key,
                    record.value,
                    tuple(record.headers or ()),
                    record.timestamp,
                )
                tell_taken(incoming, self._settings.kafka_group)
                work = self._work_on(incoming, place, partition)
                partition.sizes[record.offset] = len(record.value or b"")
                partition.work[record.offset] = _submitted(work, self._loop)

    def _begin(self, place: TopicPartition) -> None:
        """Ask how far a partition is, and have its records come from there on."""
        if place not in self._consumer.assignment():
            return
        stored = self._consumer.committed(place, metadata=True)
        if stored is None or stored.offset < 0:
            first = self._consumer.beginning_offsets([place])[place]
            progress = PartitionProgress(first, next=first)
        else:
            progress = PartitionProgress.restored(stored.offset, stored.metadata or "")
        self._partitions[place] = _Partition(progress)
        self._consumer.seek(place, progress.base)

    async def _work_on(
        self, incoming: Incoming, place: TopicPartition, partition: _Partition
    ) -> None:
        try:
            with processing(incoming, self._settings.kafka_group) as outgoing:
                outgoing.extend(await self._handler.handle(incoming))
        except Exception as error:
            # It can be neither answered nor left out: the session begins anew.
            _log.exception("a request cannot be answered", extra={"place": incoming.place})
            self._broken = error
            return
        self._answers.put(
            _Answer(place, partition, incoming.offset, outgoing, incoming.timestamp_ms)
        )

    def _publish(self) -> None:
        """Write what is finished, and mark it as done, in transactions. Raises KafkaError."""
        with contextlib.suppress(queue.Empty):
            while True:
                self._ready.append(self._answers.get_nowait())
        while self._ready:
            several = [
                self._ready.popleft() for _ in range(min(len(self._ready), _ANSWERS_AT_ONCE))
            ]
            # In this order: an answer that is ours now is ours in the generation that is stated.
            member = self._consumer.group_metadata()
            self._drop_gone()
            ours = [each for each in several if self._partitions.get(each.place) is each.partition]
            if ours and not self._commit(ours, member):
                self._ready.extendleft(reversed(ours))
                return

    def _commit(self, answers: list[_Answer], member: Any) -> bool:
        """Write answers and the mark that they are given in one transaction.

        Returns:
            False when the broker takes nothing at the moment: during a rebalance.
        Raises:
            KafkaError: whether they are written is not known, or the broker refuses for long.
        """
        progresses: dict[TopicPartition, PartitionProgress] = {}
        for answer in answers:
            if answer.place not in progresses:
                progresses[answer.place] = answer.partition.progress.copy()
            progresses[answer.place].finish(answer.offset)
        offsets = {
            place: OffsetAndMetadata(progress.base, progress.text, -1)
            for place, progress in progresses.items()
        }
        try:
            with sending([each for answer in answers for each in answer.outgoing]):
                self._write(answers, offsets, member)
        except _RefusedError:
            return False
        self._refused = 0
        for answer in answers:
            for each in answer.outgoing:
                tell_sent(each)
                tell_answered(each, answer.asked_ms)
            answer.partition.progress.finish(answer.offset)
            answer.partition.work.pop(answer.offset, None)
            answer.partition.sizes.pop(answer.offset, None)
        return True

    def _write(
        self, answers: list[_Answer], offsets: dict[TopicPartition, Any], member: Any
    ) -> None:
        """One transaction. Raises _RefusedError when the broker takes nothing at the moment."""
        self._producer.begin_transaction()
        try:
            self._send(answers)
            self._producer.send_offsets_to_transaction(offsets, member)
        except KafkaError as error:
            self._refused += 1
            if self._refused > _MOST_REFUSALS:
                raise
            self._producer.abort_transaction()
            raise _RefusedError from error
        self._producer.commit_transaction()

    def _send(self, answers: list[_Answer]) -> None:
        sent = [
            self._producer.send(each.topic, key=each.key, value=each.value, headers=each.headers)
            for answer in answers
            for each in answer.outgoing
        ]
        self._producer.flush()
        for future in sent:
            future.get(timeout=0)

    def _tell_events(self) -> None:
        with contextlib.suppress(queue.Empty, KafkaError):
            while True:
                event = self._events.get_nowait()
                self._telling.send(
                    event.topic, key=event.key, value=event.value, headers=event.headers
                )
                tell_sent(event)

    def _tell_levels(self) -> None:
        """What waits and is held back; how far behind we are is asked for now and then."""
        self._levels.tell(
            waiting=sum(len(each.progress.taken) for each in self._partitions.values()),
            paused=len(self._consumer.paused()),
        )
        if time.monotonic() < self._lag_due:
            return
        self._lag_due = time.monotonic() + _LAG_SECONDS
        # Not from what was fetched last: of a paused partition nothing is fetched.
        with contextlib.suppress(KafkaError):
            ends = self._consumer.end_offsets(list(self._partitions), timeout_ms=_LAG_MS)
            self._levels.tell_lags(
                {
                    place.partition: self._partitions[place].progress.unfinished(end)
                    for place, end in ends.items()
                }
            )

    def _hear_commands(self) -> None:
        for records in self._control.poll(timeout_ms=0).values():
            for record in records:
                try:
                    command = self._codec.decode("control", record.value)
                except PagemeshError as error:
                    _log.warning("no command", extra={"reason": error.reason})
                    continue
                self._obey(command, is_new=record.timestamp >= self._started_ms)

    def _obey(self, command: Mapping[str, Any], *, is_new: bool) -> None:
        request_id = command["request_id"]
        if command["command"] == "CANCEL":
            self._loop.call_soon_threadsafe(self._handler.cancel, request_id)
            _submitted(self._handler.cancel_work(request_id), self._loop)
        elif command["command"] == "STATUS" and is_new:
            _submitted(self._handler.tell_status(request_id), self._loop)


def _submitted(work: Coroutine[Any, Any, None], loop: asyncio.AbstractEventLoop) -> Future[None]:
    return asyncio.run_coroutine_threadsafe(work, loop)


def _closing(opened: contextlib.ExitStack, client: Any) -> Any:
    is_consumer = isinstance(client, KafkaConsumer)
    if is_consumer:
        opened.callback(client.close, autocommit=False, timeout_ms=int(_CLOSE_SECONDS * 1000))
    else:
        opened.callback(client.close, timeout=_CLOSE_SECONDS)
    return client


def _transactional(options: dict[str, Any], transactional_id: str) -> Any:
    return KafkaProducer(
        **options,
        transactional_id=transactional_id,
        transaction_timeout_ms=_TRANSACTION_MS,
        enable_idempotence=True,
        acks="all",
        compression_type="gzip",
        max_block_ms=15_000,
    )


def _consumer(options: dict[str, Any], settings: KafkaSettings) -> Any:
    return KafkaConsumer(
        **options,
        group_id=settings.kafka_group,
        isolation_level="read_committed",
        auto_offset_reset="earliest",
        enable_auto_commit=False,
        max_poll_records=_RECORDS_AT_ONCE,
        session_timeout_ms=settings.kafka_session_timeout_ms,
        metadata_max_age_ms=_METADATA_MS,
        heartbeat_interval_ms=settings.kafka_session_timeout_ms // 3,
        partition_assignment_strategy=[CooperativeStickyAssignor],
    )


def _control(options: dict[str, Any], settings: KafkaSettings) -> Any:
    """Every orchestrator hears every command, those of before its start, too."""
    consumer = KafkaConsumer(
        **options, group_id=None, auto_offset_reset="earliest", enable_auto_commit=False
    )
    topic = settings.kafka_control_topic
    partitions = consumer.partitions_for_topic(topic) if topic else None
    places = [TopicPartition(topic, number) for number in partitions or ()]
    if places:
        consumer.assign(places)
        consumer.seek_to_beginning(*places)
    return consumer
