"""The Avro schemas of everything that travels over Kafka, every version that was ever released."""

import functools
import json
from importlib.resources import files
from typing import Any

CONTRACTS = ("request", "result", "event", "control", "dead_letter")


@functools.cache
def versions(contract: str) -> tuple[dict[str, Any], ...]:
    """All versions of a contract's schema, oldest first; the last is the one that is written.

    A released version never changes: a new one is a new file, `schemas/<contract>/<n>.avsc`.
    """
    folder = files(__package__) / "schemas" / contract
    count = sum(1 for file in folder.iterdir() if file.name.endswith(".avsc"))
    texts = [(folder / f"{number}.avsc").read_text() for number in range(1, count + 1)]
    return tuple(json.loads(text) for text in texts)


def current(contract: str) -> dict[str, Any]:
    """The schema that is written, and that is read by."""
    return versions(contract)[-1]
