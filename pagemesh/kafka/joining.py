"""A consumer of a group that polls shortly, and joins all the same."""

from typing import Any


def finish_joining(consumer: Any) -> None:
    """Have a join looked after that an earlier poll began and was too short to end.

    Where metadata that changed had led to it, kafka-python forgets it as soon as the leader has
    assigned by the new metadata: nobody takes the assignment, the heart does not beat, and the
    broker throws the member out (seen with 3.0.12).

    Args:
        consumer: a `KafkaConsumer` with a group; call this before each of its polls.
    """
    coordinator = consumer._coordinator
    if coordinator.rejoining and not coordinator.need_rejoin():
        coordinator.request_rejoin()
