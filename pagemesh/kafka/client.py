"""A client's side of the Kafka door: send requests, find results, look after dead letters."""

import time
from collections.abc import Iterator, Mapping
from typing import Any, TypeVar

from kafka import KafkaConsumer, KafkaProducer, TopicPartition
from kafka.errors import KafkaError
from kafka.partitioner.default import murmur2
from opentelemetry import propagate

from meshkit.errors import InvalidInput, NotFound
from pagemesh.kafka.connection import Connection, unreachable
from pagemesh.kafka.topics import Topics

Record = dict[str, Any]
Place = tuple[int, int]
"""Partition and offset."""
ClientT = TypeVar("ClientT", bound="KafkaClient")

REPLAY_HEADER = "pagemesh-replay"
"""On a request that is sent again after it was given up: it takes its id over."""

_SEND_SECONDS = 30.0
_POLL_MS = 200


class KafkaClient:
    """Use it as a context manager.

    Args:
        connection: brokers and registry.
        topics: their names.
    """

    def __init__(self, connection: Connection, topics: Topics | None = None) -> None:
        self._connection = connection
        self._topics = topics or Topics()
        self._codec = connection.codec()
        self._producer: Any = None

    def __enter__(self: ClientT) -> ClientT:
        return self

    def __exit__(self, *_: object) -> None:
        if self._producer is not None:
            self._producer.close(timeout=_SEND_SECONDS)

    def submit(self, request: Mapping[str, Any]) -> Place:
        """Send a request; returns where it is. Sending it again gives no second result.

        It is worked on in the trace of the active span, if there is one.

        Args:
            request: fields of the contract `request`; `request_id` and `location` are needed.
        Raises:
            InvalidInput: the request does not fit the contract.
            DependencyUnavailable: brokers or registry cannot be reached.
        """
        value = self._codec.encode("request", self._topics.requests, dict(request))
        key = request["request_id"].encode()
        return self._send(self._topics.requests, key, value, _trace_headers())

    def command(self, request_id: str, command: str) -> Place:
        """Send CANCEL, ERASE or STATUS, in the active span's trace; raises as `submit`."""
        record = {"request_id": request_id, "command": command}
        value = self._codec.encode("control", self._topics.control, record)
        return self._send(self._topics.control, request_id.encode(), value, _trace_headers())

    def result(
        self, request_id: str, *, seconds: float = 0.0, topic: str | None = None
    ) -> Record | None:
        """The final result of a request, or its dead letter, waited for; None: there is none yet.

        A dead letter has the key `stage`, a result the key `state`. A dead letter whose request was
        replayed since does not count.

        Args:
            seconds: to wait for it; 0 looks at what is there.
            topic: of the results, when the request named one.
        Raises DependencyUnavailable.
        """
        results, letters = topic or self._topics.results, self._topics.dead_letters
        until = time.monotonic() + seconds
        letter: Record | None = None
        replayed = 0.0
        with self._consumer() as consumer:
            key = request_id.encode()
            places = _places_of(consumer, [results, letters, self._topics.requests], key)
            ends = _begin(consumer, places)
            while (is_behind := _is_behind(consumer, ends)) or time.monotonic() < until:
                if letter is not None and not is_behind:
                    return letter
                for record in _polled(consumer, key):
                    if record.topic == results:
                        return self._codec.decode("result", record.value)
                    if record.topic == letters:
                        letter = self._codec.decode("dead_letter", record.value)
                    elif any(name == REPLAY_HEADER for name, _ in record.headers):
                        replayed = max(replayed, record.timestamp / 1000)
                if letter is not None and letter["time"].timestamp() <= replayed:
                    letter = None
        return letter

    def dead_letters(self) -> Iterator[tuple[Place, Record]]:
        """All dead letters that are there, oldest first in each partition.

        Raises DependencyUnavailable.
        """
        with self._consumer() as consumer:
            topic = self._topics.dead_letters
            places = [TopicPartition(topic, n) for n in sorted(_partitions(consumer, topic))]
            ends = _begin(consumer, places)
            while _is_behind(consumer, ends):
                for place, records in consumer.poll(timeout_ms=_POLL_MS).items():
                    for record in records:
                        if record.offset < ends[place]:
                            letter = self._codec.decode("dead_letter", record.value)
                            yield (place.partition, record.offset), letter

    def dead_letter(self, place: Place) -> Record:
        """The dead letter at a place. Raises NotFound, DependencyUnavailable."""
        for found, letter in self.dead_letters():
            if found == place:
                return letter
        raise NotFound(f"there is no dead letter at {place[0]}/{place[1]}; see `pagemesh dlq list`")

    def replay(self, letter: Mapping[str, Any]) -> Place:
        """Send a dead letter's request again, with its bytes as they were; raises as `submit`."""
        value = letter["value"]
        if value is None:
            value = self._original(letter)
        headers = [(each["key"], each["value"]) for each in letter["headers"]]
        headers = [pair for pair in headers if pair[0] != REPLAY_HEADER] + [(REPLAY_HEADER, b"1")]
        return self._send(letter["topic"], letter["key"], value, headers)

    def _original(self, letter: Mapping[str, Any]) -> bytes:
        """Bytes that were too large for the letter, from where they first were."""
        place = TopicPartition(letter["topic"], letter["partition"])
        with self._consumer() as consumer:
            consumer.assign([place])
            consumer.seek(place, letter["offset"])
            for records in consumer.poll(timeout_ms=int(_SEND_SECONDS * 1000)).values():
                if records[0].offset == letter["offset"] and records[0].value is not None:
                    return bytes(records[0].value)
        raise InvalidInput(
            f"the letter has no bytes, and they are gone from {letter['topic']}/"
            f"{letter['partition']}/{letter['offset']}: send the request anew",
            reason="BYTES_GONE",
        )

    def _send(
        self,
        topic: str,
        key: bytes | None,
        value: bytes,
        headers: list[tuple[str, bytes]] | None = None,
    ) -> Place:
        try:
            if self._producer is None:
                self._producer = KafkaProducer(**self._connection.options(), acks="all")
            sent = self._producer.send(topic, key=key, value=value, headers=headers or [])
            told = sent.get(timeout=_SEND_SECONDS)
        except KafkaError as error:
            raise unreachable(error) from error
        return told.partition, told.offset

    def _consumer(self) -> "_Consumer":
        return _Consumer(self._connection)


class _Consumer:
    """A consumer outside of any group, whose errors are ours."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._consumer: Any = None

    def __enter__(self) -> Any:
        try:
            self._consumer = KafkaConsumer(
                **self._connection.options(),
                group_id=None,
                enable_auto_commit=False,
                isolation_level="read_committed",
            )
        except KafkaError as error:
            raise unreachable(error) from error
        return self._consumer

    def __exit__(self, _kind: object, error: BaseException | None, _trace: object) -> None:
        self._consumer.close()
        if isinstance(error, KafkaError):
            raise unreachable(error) from error


def _trace_headers() -> list[tuple[str, bytes]]:
    carrier: dict[str, str] = {}
    propagate.inject(carrier)
    return [(name, text.encode()) for name, text in carrier.items()]


def _partitions(consumer: Any, topic: str) -> set[int]:
    partitions = consumer.partitions_for_topic(topic)
    if not partitions:
        raise NotFound(f"there is no topic {topic}; `pagemesh create-topics` makes them")
    return set(partitions)


def _places_of(consumer: Any, topics: list[str], key: bytes) -> list[TopicPartition]:
    """Where records of a key are, by the rule that all Kafka clients share."""
    return [
        TopicPartition(topic, (murmur2(key) & 0x7FFF_FFFF) % len(_partitions(consumer, topic)))
        for topic in topics
    ]


def _begin(consumer: Any, places: list[TopicPartition]) -> dict[TopicPartition, int]:
    """Read from the beginning; returns where each partition ends now."""
    consumer.assign(places)
    consumer.seek_to_beginning(*places)
    return dict(consumer.end_offsets(places))


def _polled(consumer: Any, key: bytes) -> list[Any]:
    """Records of this key that have come."""
    polled = consumer.poll(timeout_ms=_POLL_MS).values()
    return [record for records in polled for record in records if record.key == key]


def _is_behind(consumer: Any, ends: Mapping[TopicPartition, int]) -> bool:
    return any(consumer.position(place) < end for place, end in ends.items())
