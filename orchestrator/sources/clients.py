"""The clients of Kafka that the door uses, each as it must be configured."""

import contextlib
from typing import Any

from kafka import KafkaConsumer, KafkaProducer, TopicPartition
from kafka.coordinator.assignors.cooperative_sticky import CooperativeStickyAssignor

from orchestrator.sources.config import KafkaSettings

_RECORDS_AT_ONCE = 32
_TRANSACTION_MS = 20_000
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

    def close(self) -> None:
        """Leave the group and close everything."""
        self._opened.close()


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
