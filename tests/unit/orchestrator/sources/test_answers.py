"""What an answer's failure does. The producer is played: real ones fail too seldom."""

from types import SimpleNamespace
from typing import Any

import pytest
from kafka import TopicPartition
from kafka.errors import KafkaTimeoutError, RebalanceInProgressError

from orchestrator.sources.answers import Answer, AnswerWriter
from orchestrator.sources.assignment import Partition
from orchestrator.sources.letters import Outgoing
from orchestrator.sources.progress import PartitionProgress

PLACE = TopicPartition("requests", 0)


class Producer:
    """Notes what it is told; fails where it is told to, once."""

    def __init__(self, **failing: Exception) -> None:
        self.told: list[str] = []
        self._failing = failing

    def send(self, *_: Any, **__: Any) -> Any:
        self._do("send")
        return SimpleNamespace(get=lambda **_: self._do("get"))

    def flush(self) -> None:
        self._do("flush")

    def begin_transaction(self) -> None:
        self._do("begin")

    def send_offsets_to_transaction(self, *_: Any) -> None:
        self._do("offsets")

    def commit_transaction(self) -> None:
        self._do("commit")

    def abort_transaction(self) -> None:
        self._do("abort")

    def _do(self, what: str) -> None:
        self.told.append(what)
        if what in self._failing:
            raise self._failing.pop(what)


def written(producer: Producer) -> tuple[AnswerWriter, Partition]:
    """A writer with one answer, and the partition whose first record it answers."""
    partition = Partition(PartitionProgress(0, next=1, taken={0}))
    consumer = SimpleNamespace(group_metadata=lambda: None)
    assignment = SimpleNamespace(drop_gone=lambda: None, has=lambda *_: True)
    clients: Any = SimpleNamespace(producer=producer, consumer=consumer)
    writer = AnswerWriter(clients, assignment)  # type: ignore[arg-type]
    outgoing = Outgoing("results", b"id", b"answer")
    writer.put(Answer(PLACE, partition, 0, [outgoing], asked_ms=0))
    return writer, partition


def test_an_answer_and_its_mark_go_together() -> None:
    producer = Producer()
    writer, partition = written(producer)
    assert writer.publish()
    assert producer.told == ["begin", "send", "flush", "get", "offsets", "commit"]
    assert partition.progress.base == 1
    assert not writer.publish()


@pytest.mark.parametrize("failing", ["send", "flush", "get", "commit"])
def test_an_answer_that_is_not_sent_ends_the_session_unmarked(failing: str) -> None:
    producer = Producer(**{failing: KafkaTimeoutError("late")})
    writer, partition = written(producer)
    with pytest.raises(KafkaTimeoutError):
        writer.publish()
    assert "abort" not in producer.told
    assert partition.progress.taken == {0}


def test_a_rebalance_delays_an_answer() -> None:
    producer = Producer(offsets=RebalanceInProgressError())
    writer, partition = written(producer)
    assert not writer.publish()
    assert producer.told[-1] == "abort"
    assert partition.progress.taken == {0}
    assert writer.publish()
    assert producer.told[-1] == "commit"
    assert partition.progress.base == 1
