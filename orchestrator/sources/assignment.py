"""The partitions that are ours now, and how much of each is held back."""

import asyncio
import threading
from collections.abc import Coroutine, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from kafka import ConsumerRebalanceListener, TopicPartition

from orchestrator.sources.progress import MOST_AHEAD, PartitionProgress


@dataclass
class Partition:
    """A partition that is ours, with the size of its unfinished records, and the work on them.

    Attributes:
        work: used by the event loop alone.
    """

    progress: PartitionProgress
    sizes: dict[int, int] = field(default_factory=dict)
    work: set[asyncio.Task[None]] = field(default_factory=set)

    def begin(self, work: Coroutine[Any, Any, None]) -> None:
        """Begin to work on a record. For the event loop."""
        task = asyncio.create_task(work)
        self.work.add(task)
        task.add_done_callback(self.work.discard)

    def give_up(self) -> None:
        """End all work on its records. For the event loop."""
        for task in self.work:
            task.cancel()

    def finish(self, offset: int) -> None:
        """A record is done, and its answer written."""
        self.progress.finish(offset)
        self.sizes.pop(offset, None)


class Assignment(ConsumerRebalanceListener):  # type: ignore[misc] # kafka-python has no types
    """Our partitions, by what the broker says. Used by one thread, but where noted.

    Args:
        consumer: of requests, which this listens to.
        loop: does the work.
        most_records: unfinished records of a partition; with so many it is paused.
        most_bytes: of all unfinished records; with so many every partition is paused.
    """

    def __init__(
        self,
        consumer: Any,
        loop: asyncio.AbstractEventLoop,
        *,
        most_records: int,
        most_bytes: int,
    ) -> None:
        self._consumer = consumer
        self._loop = loop
        self._most_records = most_records
        self._most_bytes = most_bytes
        self._partitions: dict[TopicPartition, Partition] = {}
        self._lock = threading.Lock()
        self._gone: set[TopicPartition] = set()

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

    def find(self, place: TopicPartition, first: int) -> Partition | None:
        """A partition of which records have come, from the offset `first` on.

        None when it is not ours, or when there are others before these: they come again then. What
        comes may be left from before the partition was given away and came back.
        """
        partition = self._partitions.get(place)
        return self._begin(place, first) if partition is None else partition

    def has(self, place: TopicPartition, partition: Partition) -> bool:
        """Whether a partition has been ours all the time."""
        return self._partitions.get(place) is partition

    def drop_gone(self) -> None:
        """Give up what others get."""
        with self._lock:
            gone, self._gone = self._gone, set()
        self._drop(gone)

    def drop_all(self) -> None:
        """Give everything up that is not answered: it will be delivered again."""
        self._drop(list(self._partitions))

    def throttle(self) -> None:
        """Pause what waits too much, and resume what does no longer."""
        size = sum(sum(partition.sizes.values()) for partition in self._partitions.values())
        is_full = size >= self._most_bytes
        held = {
            place
            for place, partition in self._partitions.items()
            if is_full
            or len(partition.progress.taken) >= self._most_records
            or partition.progress.ahead >= MOST_AHEAD
        }
        assigned, paused = set(self._consumer.assignment()), set(self._consumer.paused())
        if pausing := (held & assigned) - paused:
            self._consumer.pause(*pausing)
        if resuming := (paused & assigned) - held:
            self._consumer.resume(*resuming)

    @property
    def waiting(self) -> int:
        """Records that are taken and not done."""
        return sum(len(each.progress.taken) for each in self._partitions.values())

    @property
    def places(self) -> list[TopicPartition]:
        """Partitions of which records have come."""
        return list(self._partitions)

    def lags(self, ends: Mapping[TopicPartition, int]) -> dict[int, int]:
        """Records that are not done, by partition, when they end there."""
        return {
            place.partition: self._partitions[place].progress.unfinished(end)
            for place, end in ends.items()
        }

    def _begin(self, place: TopicPartition, first: int) -> Partition | None:
        """Ask how far a partition is, and have its records come from there on."""
        if place not in self._consumer.assignment():
            return None
        stored = self._consumer.committed(place, metadata=True)
        if stored is None or stored.offset < 0:
            oldest = self._consumer.beginning_offsets([place])[place]
            progress = PartitionProgress(oldest, next=oldest)
        else:
            progress = PartitionProgress.restored(stored.offset, stored.metadata or "")
        self._partitions[place] = partition = Partition(progress)
        if first <= progress.base:
            return partition
        self._consumer.seek(place, progress.base)
        return None

    def _drop(self, places: Iterable[TopicPartition]) -> None:
        for place in places:
            partition = self._partitions.pop(place, None)
            if partition is not None:
                # After all that was begun before: the loop keeps the order.
                self._loop.call_soon_threadsafe(partition.give_up)
