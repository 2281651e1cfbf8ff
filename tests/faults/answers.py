"""What came out of the Kafka door."""

from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from pagemesh.kafka.codec import Codec
from pagemesh.kafka.topics import Topics


@dataclass
class Answers:
    """What came out.

    Attributes:
        results, letters: how many for each id.
        wrong: accounts that do not add up.
        states: of results.
        reasons: of dead letters, with where they came to their end.
    """

    results: Counter[str] = field(default_factory=Counter)
    letters: Counter[str] = field(default_factory=Counter)
    wrong: list[str] = field(default_factory=list)
    states: Counter[str] = field(default_factory=Counter)
    reasons: Counter[str] = field(default_factory=Counter)

    @property
    def ids(self) -> set[str]:
        return {*self.results, *self.letters}

    @property
    def twice(self) -> list[str]:
        """Ids with more than one answer."""
        return [name for name, number in (self.results + self.letters).items() if number > 1]

    def missing(self, expected: set[str]) -> set[str]:
        """Ids without an answer."""
        return expected - self.ids

    def add(self, record: dict[str, Any]) -> None:
        if "state" not in record:
            self.letters[record["request_id"]] += 1
            self.reasons[f"{record['stage']}: {record['error']['reason']}"] += 1
            return
        self.results[record["request_id"]] += 1
        self.states[record["state"]] += 1
        pages = record["pages"]
        if pages["total"] != pages["ok"] + pages["failed"] + pages["skipped"]:
            self.wrong.append(record["request_id"])


def listen(consumer: Any, codec: Codec, answers: Answers, topics: Topics) -> None:
    """Take what is there, or wait for it for a moment."""
    for records in consumer.poll(timeout_ms=200).values():
        for record in records:
            contract = "result" if record.topic == topics.results else "dead_letter"
            answers.add(codec.decode(contract, record.value))
