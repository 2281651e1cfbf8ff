"""Reads resources field by field, and fails on what was not read."""

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, TypeVar

Value = TypeVar("Value")
_UNITS = {"ms": 1e-3, "s": 1.0, "m": 60.0, "h": 3600.0}


class UnknownFieldError(Exception):
    """A resource has a field, or a value, that is not translated."""


class Fields:
    """The fields of a mapping, each to be taken once.

    Attributes:
        where: how messages call it: `DestinationRule ocr spec.trafficPolicy`.
    """

    def __init__(self, made: Mapping[str, Any], where: str) -> None:
        self.where = where
        self._left = dict(made)

    def take(self, name: str, default: Any = None) -> Any:
        """The value of a field, which counts as translated from now on."""
        return self._left.pop(name, default)

    def one_of(self, name: str, known: Mapping[Any, Value]) -> Value:
        """What a value stands for. Raises UnknownFieldError."""
        value = self.take(name)
        if value not in known:
            raise UnknownFieldError(f"{self.where}: {name} is {value!r}, not one of {list(known)}")
        return known[value]

    def seconds(self, name: str) -> float | None:
        """A duration such as `1m30s`, in seconds. Raises UnknownFieldError."""
        text = self.take(name)
        if text is None:
            return None
        parts = re.findall(r"([\d.]+)(ms|s|m|h)", text)
        if not parts or "".join(map("".join, parts)) != text:
            raise UnknownFieldError(f"{self.where}: {name} is no duration: {text!r}")
        return sum(float(number) * _UNITS[unit] for number, unit in parts)

    @contextmanager
    def within(self, name: str) -> Iterator["Fields"]:
        """The fields of a field; none when it is not there."""
        with reading(self.take(name) or {}, f"{self.where}.{name}") as fields:
            yield fields

    def each(self, name: str) -> Iterator["Fields"]:
        """The fields of each item of a list."""
        for number, item in enumerate(self.take(name) or []):
            with reading(item, f"{self.where}.{name}[{number}]") as fields:
                yield fields

    def left(self) -> list[str]:
        """Names of fields that nobody took."""
        return sorted(self._left)


@contextmanager
def reading(made: Mapping[str, Any], where: str) -> Iterator[Fields]:
    """The fields of a mapping; at the end all must have been taken. Raises UnknownFieldError."""
    fields = Fields(made, where)
    yield fields
    if fields.left():
        raise UnknownFieldError(f"{where}: not translated: {', '.join(fields.left())}")
