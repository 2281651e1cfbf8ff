"""How long a request takes from its sending until its result is read, one at a time."""

import asyncio
import threading
import time

from kafka import KafkaProducer

from bench.kafka import bare
from bench.kafka.adapter import NoWork, adapter
from bench.kafka.house import Room
from infra.kafka_listener import listener

_PAUSE_SECONDS = 0.02
_WARM = 20
_LIMIT_MS = 60_000


def _seconds(room: Room, count: int) -> list[float]:
    """Of each request, without the first ones."""
    codec, topics = room.connection.codec(), room.topics
    producer = KafkaProducer(**room.connection.options())
    consumer = listener(room.connection.options(), topics.results)
    taken = []
    for number in range(_WARM + count):
        request = {"request_id": f"r{number}", "location": "file:///nowhere/a.tiff"}
        value = codec.encode("request", topics.requests, {**request, "pipeline": "text"})
        begun = time.perf_counter()
        producer.send(topics.requests, key=str(number).encode(), value=value)
        if not consumer.poll(timeout_ms=_LIMIT_MS):
            raise TimeoutError(f"no result after {_LIMIT_MS} ms")
        taken.append(time.perf_counter() - begun)
        time.sleep(_PAUSE_SECONDS)
    producer.close()
    consumer.close()
    return taken[_WARM:]


async def through_the_adapter(room: Room, count: int) -> list[float]:
    async with adapter(room, NoWork()):
        return await asyncio.to_thread(_seconds, room, count)


def through_the_bare_loop(room: Room, count: int) -> list[float]:
    is_over = threading.Event()
    loop = threading.Thread(target=bare.run, args=(room, lambda _: is_over.is_set()))
    loop.start()
    try:
        return _seconds(room, count)
    finally:
        is_over.set()
        loop.join()
