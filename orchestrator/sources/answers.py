"""Writes answers, each in one transaction with the mark that its record is done."""

import contextlib
import queue
from collections import deque
from dataclasses import dataclass
from typing import Any

from kafka import TopicPartition
from kafka.errors import (
    CommitFailedError,
    IllegalGenerationError,
    RebalanceInProgressError,
    UnknownMemberIdError,
)
from kafka.structs import OffsetAndMetadata

from orchestrator.sources.assignment import Assignment, Partition
from orchestrator.sources.clients import Clients
from orchestrator.sources.letters import Outgoing
from orchestrator.sources.progress import PartitionProgress
from orchestrator.sources.telemetry import sending, tell_answered, tell_sent

_ANSWERS_AT_ONCE = 1_000
_BYTES_AT_ONCE = 8 * 1024 * 1024
"""Of a transaction. Each costs a dozen turns with the broker, for which threads wait in turn."""
_MOST_REFUSALS = 20
_REBALANCE = (
    CommitFailedError,
    IllegalGenerationError,
    RebalanceInProgressError,
    UnknownMemberIdError,
)


class _RefusedError(Exception):
    """The broker takes nothing at the moment: during a rebalance."""


@dataclass(frozen=True)
class Answer:
    """A record is done.

    Attributes:
        place, offset: of the record.
        partition: tells whether it was ours all the time.
        outgoing: what is to be written; may be nothing.
        asked_ms: the record's timestamp.
    """

    place: TopicPartition
    partition: Partition
    offset: int
    outgoing: list[Outgoing]
    asked_ms: int

    @property
    def size(self) -> int:
        """Bytes that are to be written."""
        return sum(len(each.value) for each in self.outgoing)


class AnswerWriter:
    """Writes answers. Used by one thread, but for `put`.

    Args:
        clients: of the session.
        assignment: which partitions are ours.
    """

    def __init__(self, clients: Clients, assignment: Assignment) -> None:
        self._producer = clients.producer
        self._consumer = clients.consumer
        self._assignment = assignment
        self._answers: queue.SimpleQueue[Answer] = queue.SimpleQueue()
        self._ready: deque[Answer] = deque()
        self._refused = 0

    def put(self, answer: Answer) -> None:
        """An answer is ready. From any thread."""
        self._answers.put(answer)

    def publish(self) -> bool:
        """Write what is ready, and mark it as done, in transactions. Raises KafkaError.

        Returns:
            Whether there was something, and the broker took it.
        """
        with contextlib.suppress(queue.Empty):
            while True:
                self._ready.append(self._answers.get_nowait())
        has_written = bool(self._ready)
        while self._ready:
            several = self._next_ones()
            # In this order: an answer that is ours now is ours in the generation that is stated.
            member = self._consumer.group_metadata()
            self._assignment.drop_gone()
            ours = [each for each in several if self._assignment.has(each.place, each.partition)]
            if ours and not self._commit(ours, member):
                self._ready.extendleft(reversed(ours))
                return False
        return has_written

    def _next_ones(self) -> list[Answer]:
        """What goes into one transaction, of what is ready: at least one answer."""
        several: list[Answer] = []
        size = 0
        while self._ready and len(several) < _ANSWERS_AT_ONCE:
            size += self._ready[0].size
            if several and size > _BYTES_AT_ONCE:
                break
            several.append(self._ready.popleft())
        return several

    def _commit(self, answers: list[Answer], member: Any) -> bool:
        """Write answers and the mark that they are given in one transaction.

        Returns:
            False when the broker takes nothing at the moment: during a rebalance.
        Raises:
            KafkaError: whether they are written is not known, or the broker refuses for long.
        """
        try:
            with sending([each for answer in answers for each in answer.outgoing]):
                self._write(answers, _offsets(answers), member)
        except _RefusedError:
            return False
        self._refused = 0
        for answer in answers:
            for each in answer.outgoing:
                tell_sent(each)
                tell_answered(each, answer.asked_ms)
            answer.partition.finish(answer.offset)
        return True

    def _write(
        self, answers: list[Answer], offsets: dict[TopicPartition, Any], member: Any
    ) -> None:
        """One transaction. Raises _RefusedError when the broker takes nothing at the moment.

        Of all trouble a rebalance alone leaves the producer as it was. After an answer that was not
        sent in time kafka-python 3.0.12 goes on with transactions of which the broker commits the
        offsets without the answers; the session ends, and the next one's producer fences this one.
        """
        self._producer.begin_transaction()
        self._send(answers)
        try:
            self._producer.send_offsets_to_transaction(offsets, member)
        except _REBALANCE as error:
            self._refused += 1
            if self._refused > _MOST_REFUSALS:
                raise
            self._producer.abort_transaction()
            raise _RefusedError from error
        self._producer.commit_transaction()

    def _send(self, answers: list[Answer]) -> None:
        sent = [
            self._producer.send(each.topic, key=each.key, value=each.value, headers=each.headers)
            for answer in answers
            for each in answer.outgoing
        ]
        self._producer.flush()
        for future in sent:
            future.get(timeout=0)


def _offsets(answers: list[Answer]) -> dict[TopicPartition, Any]:
    """How far each partition is once these are given."""
    progresses: dict[TopicPartition, PartitionProgress] = {}
    for answer in answers:
        if answer.place not in progresses:
            progresses[answer.place] = answer.partition.progress.copy()
        progresses[answer.place].finish(answer.offset)
    return {
        place: OffsetAndMetadata(progress.base, progress.text, -1)
        for place, progress in progresses.items()
    }
