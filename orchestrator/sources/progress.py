"""How far the records of a partition are done, when they are finished out of order.

Kafka stores one offset for a group and partition: all before it are done. Which of those after it
are done, too, goes into the text that Kafka stores beside the offset, as bits in base64. Both are
written in the transaction that publishes the results; so no record is answered twice, and none that
is slow holds up the others' results. (Confluent's parallel consumer does the same.)
"""

import base64
from dataclasses import dataclass, field

MOST_AHEAD = 16_000
"""Offsets that may be looked at beyond the first unfinished one: the broker stores 4,096 bytes."""


@dataclass
class PartitionProgress:
    """What is done in one partition.

    Attributes:
        base: the first offset that is not done.
        done: offsets after it that are done.
        taken: offsets that are being worked on.
        next: the offset after the last one that was seen.
    """

    base: int
    done: set[int] = field(default_factory=set)
    taken: set[int] = field(default_factory=set)
    next: int = 0

    @classmethod
    def restored(cls, offset: int, text: str) -> "PartitionProgress":
        """From what Kafka stores. A text that is not ours counts as empty."""
        progress = cls(base=offset, next=offset)
        try:
            bits = int.from_bytes(base64.b64decode(text, validate=True), "little")
        except ValueError:
            bits = 0
        progress.done = {offset + n for n in range(bits.bit_length()) if bits >> n & 1}
        return progress

    def take(self, offset: int) -> bool:
        """Whether a record is to be worked on: it is neither done nor in work.

        Records come by rising offset, with gaps: transactions' markers and what was compacted.
        """
        self.next = max(self.next, offset + 1)
        is_new = offset >= self.base and offset not in self.done and offset not in self.taken
        if is_new:
            self.taken.add(offset)
        self._advance()
        return is_new

    def finish(self, offset: int) -> None:
        """A record is done."""
        self.taken.discard(offset)
        self.done.add(offset)
        self._advance()

    def _advance(self) -> None:
        base = min(self.taken, default=self.next)
        if base > self.base:
            self.base = base
            self.done = {n for n in self.done if n >= base}

    def copy(self) -> "PartitionProgress":
        return PartitionProgress(self.base, set(self.done), set(self.taken), self.next)

    def unfinished(self, end: int) -> int:
        """Offsets before `end` that are not done."""
        return max(0, end - self.base - len(self.done))

    @property
    def ahead(self) -> int:
        """Offsets between the first unfinished record and the last one seen."""
        return self.next - self.base

    @property
    def text(self) -> str:
        """What Kafka is to store beside `base`."""
        bits = sum(1 << (offset - self.base) for offset in self.done)
        return base64.b64encode(bits.to_bytes((bits.bit_length() + 7) // 8, "little")).decode()
