"""What the adapter is held against: a consume-transform-produce loop of kafka-python alone.

It makes the same promise by Kafka's own means: each answer is in a transaction with its offset. It
reads and writes the same Avro by the same codec, and knows no claims, turns, checks or retries.
"""

import time
from collections.abc import Callable

from google.protobuf.json_format import MessageToJson
from kafka import KafkaConsumer, KafkaProducer
from kafka.structs import OffsetAndMetadata

from bench.kafka.adapter import answered
from bench.kafka.house import Room
from orchestrator.sources.letters import result_record
from pagemesh.kafka.joining import finish_joining


def requests_a_second(room: Room, count: int) -> float:
    """From the first record taken until all are answered and marked as done."""
    begun = run(room, lambda done: done >= count)
    return count / (time.perf_counter() - begun)


def run(room: Room, is_over: Callable[[int], bool]) -> float:
    """Take and answer until it is over after so many; returns when the first record was taken."""
    codec, group = room.connection.codec(), f"{room.settings.kafka_group}-bare"
    options = room.connection.options()
    producer = KafkaProducer(**options, transactional_id=group, acks="all", compression_type="gzip")
    producer.init_transactions()
    consumer = KafkaConsumer(
        room.topics.requests,
        **options,
        group_id=group,
        auto_offset_reset="earliest",
        enable_auto_commit=False,
        isolation_level="read_committed",
    )
    done, begun = 0, 0.0
    while not is_over(done):
        finish_joining(consumer)
        polled = consumer.poll(timeout_ms=100)
        if not polled:
            continue
        begun = begun or time.perf_counter()
        producer.begin_transaction()
        for records in polled.values():
            for record in records:
                request = codec.decode("request", record.value)
                document = answered(request["request_id"])
                result = result_record(document, request["client"])
                result["content"] = MessageToJson(document).encode()
                value = codec.encode("result", room.topics.results, result)
                producer.send(room.topics.results, key=record.key, value=value)
                done += 1
        producer.flush()
        offsets = {
            place: OffsetAndMetadata(records[-1].offset + 1, "", -1)
            for place, records in polled.items()
        }
        producer.send_offsets_to_transaction(offsets, consumer.group_metadata())
        producer.commit_transaction()
    consumer.close(autocommit=False)
    producer.close()
    return begun
