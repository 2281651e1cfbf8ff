"""The clients of Kafka that the door uses, each as it must be configured."""

import contextlib
from collections.abc import Mapping, Sequence
from typing import Any

from kafka import KafkaConsumer, KafkaProducer, TopicPartition
from kafka.coordinator.assignors.cooperative_sticky import CooperativeStickyAssignor

from orchestrator.sources.config import KafkaSettings
from pagemesh.kafka.joining import finish_joining

_RECORDS_AT_ONCE = 500
_FETCHED_BYTES = 128 * 1024
"""Of a partition, kept by the consumer before we take it: a larger batch comes alone."""
_TRANSACTION_MS = 20_000
_REQUEST_MS, _DELIVERY_MS = 10_000, 15_000
_METADATA_MS = 30_000
_CLOSE_SECONDS = 5.0

Options = dict[str, Any]


class Clients:
    """All clients of a session.

    Attributes:
        producer: transactional; writes answers.
        telling: writes events, which may get lost.
        consumer: of requests; not subscribed yet.
        control: of commands.
    """

    def __init__(self, settings: KafkaSettings, transactional_id: str) -> None:
        """Connect. Raises KafkaError, and leaves nothing open then."""
        options = settings.kafka_connection().options()
        with contextlib.ExitStack() as opened:
            self.producer = _producer(opened, _transactional(options, transactional_id))
            # Whatever an earlier session left open is ended here, before offsets are read.
            self.producer.init_transactions()
            self.telling = _producer(
                opened,
                KafkaProducer(**options, acks=1, enable_idempotence=False, max_block_ms=2000),
            )
            self.consumer = _consumer(opened, _of_requests(options, settings))
            self.control = _consumer(opened, _of_commands(options, settings))
            self._opened = opened.pop_all()

    def poll(self, timeout_ms: int) -> Mapping[TopicPartition, Sequence[Any]]:
        """Requests that have come. Raises KafkaError."""
        _free_what_is_kept(self.consumer)
        finish_joining(self.consumer)
        records: Mapping[TopicPartition, Sequence[Any]] = self.consumer.poll(timeout_ms=timeout_ms)
        return records

    def close(self) -> None:
        """Leave the group and close everything."""
        self._opened.close()


def _free_what_is_kept(consumer: Any) -> None:
    """Let records come that were half read when their partition was paused.

    kafka-python keeps them, and gives them after the resumption only when its place for half-read
    records is None. It leaves what it has read to the end there instead, which is false but not
    None; without this no record of such a partition ever comes again (seen with 3.0.12).
    """
    fetcher = consumer._fetcher
    if not fetcher._next_partition_records:
        fetcher._next_partition_records = None


def _producer(opened: contextlib.ExitStack, producer: Any) -> Any:
    opened.callback(producer.close, timeout=_CLOSE_SECONDS)
    return producer


def _consumer(opened: contextlib.ExitStack, consumer: Any) -> Any:
    opened.callback(consumer.close, autocommit=False, timeout_ms=int(_CLOSE_SECONDS * 1000))
    return consumer


def _transactional(options: Options, transactional_id: str) -> Any:
    return KafkaProducer(
        **options,
        transactional_id=transactional_id,
        transaction_timeout_ms=_TRANSACTION_MS,
        # A batch may stand still when the broker comes back (seen with 3.0.12); two minutes by
        # default are longer than its transaction lives.
        request_timeout_ms=_REQUEST_MS,
        delivery_timeout_ms=_DELIVERY_MS,
        enable_idempotence=True,
        acks="all",
        compression_type="gzip",
        max_block_ms=15_000,
    )


def _of_requests(options: Options, settings: KafkaSettings) -> Any:
    return KafkaConsumer(
        **options,
        group_id=settings.kafka_group,
        isolation_level="read_committed",
        auto_offset_reset="earliest",
        enable_auto_commit=False,
        max_poll_records=_RECORDS_AT_ONCE,
        max_partition_fetch_bytes=_FETCHED_BYTES,
        session_timeout_ms=settings.kafka_session_timeout_ms,
        metadata_max_age_ms=_METADATA_MS,
        heartbeat_interval_ms=settings.kafka_session_timeout_ms // 3,
        partition_assignment_strategy=[CooperativeStickyAssignor],
    )


def _of_commands(options: Options, settings: KafkaSettings) -> Any:
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
