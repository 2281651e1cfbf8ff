"""A consumer that hears all of some topics, outside of any group."""

import time
from collections.abc import Mapping
from typing import Any

from kafka import KafkaConsumer, TopicPartition

from infra.downloads import ServiceError

_KNOWN_SECONDS = 30.0


def listener(options: Mapping[str, Any], *topics: str) -> Any:
    """A `KafkaConsumer` at the beginning of every partition; aborted transactions are not heard.

    One that subscribes outside of a group gets no partition, ever, when its first look at the
    topics comes too early (seen with kafka-python 3.0.12). So this one is assigned them.

    Args:
        options: of kafka-python, for the connection.
        topics: they are there.
    Raises:
        ServiceError: one of them is not.
    """
    consumer = KafkaConsumer(**options, group_id=None, isolation_level="read_committed")
    places = [place for topic in topics for place in _places(consumer, topic)]
    consumer.assign(places)
    consumer.seek_to_beginning(*places)
    return consumer


def _places(consumer: Any, topic: str) -> list[TopicPartition]:
    deadline = time.monotonic() + _KNOWN_SECONDS
    while not (numbers := consumer.partitions_for_topic(topic)):
        if time.monotonic() > deadline:
            raise ServiceError(f"there is no topic {topic}")
        time.sleep(0.1)
    return [TopicPartition(topic, number) for number in sorted(numbers)]
