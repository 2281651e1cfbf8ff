"""Words by which forms of several languages are read."""

import functools
import re
from importlib.resources import files
from typing import Any

import yaml

_FILE = "vocabulary.yaml"


@functools.cache
def words(group: str) -> frozenset[str]:
    """A group of `vocabulary.yaml`, in lower case. Raises KeyError for an unknown group."""
    return frozenset(_groups()[group])


@functools.cache
def pattern(group: str) -> re.Pattern[str]:
    """Finds any entry of a group, standing alone, in a text of any case."""
    entries = sorted(words(group), key=len, reverse=True)
    alternatives = "|".join(r"\s+".join(map(re.escape, entry.split())) for entry in entries)
    return re.compile(rf"(?<!\w)(?:{alternatives})(?!\w)", re.IGNORECASE)


@functools.cache
def _groups() -> dict[str, list[str]]:
    text = (files("orchestrator.reading") / _FILE).read_text(encoding="utf-8")
    groups: dict[str, Any] = yaml.safe_load(text)
    return {name: [str(entry) for entry in entries] for name, entries in groups.items()}
