"""What a step found, as flat named facts that conditions can ask for and people can read.

Of a result message every number, text, truth value and enum is a fact under its dotted path
(`quality.blur`); an enum is its value's name in lower case without the enum's own name
(`ORIENTATION_UP` is `up`); a repeated field gives how many there are (`lines.count`).
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.message import Message

from orchestrator.conditions import Fact, FactKind

_NUMBERS = frozenset(
    {
        FieldDescriptor.CPPTYPE_DOUBLE,
        FieldDescriptor.CPPTYPE_FLOAT,
        FieldDescriptor.CPPTYPE_INT32,
        FieldDescriptor.CPPTYPE_INT64,
        FieldDescriptor.CPPTYPE_UINT32,
        FieldDescriptor.CPPTYPE_UINT64,
    }
)
_LIST_FACT = "count"


def declared_facts(message: type[Message]) -> dict[str, FactKind]:
    """The facts that every message of this type has."""
    return dict(_declared(message.DESCRIPTOR, ""))


def _declared(descriptor: Any, prefix: str) -> Iterator[tuple[str, FactKind]]:
    for field in descriptor.fields:
        name = prefix + field.name
        if field.is_repeated:
            yield f"{name}.{_LIST_FACT}", FactKind.NUMBER
        elif field.message_type is not None:
            yield from _declared(field.message_type, f"{name}.")
        elif field.type != FieldDescriptor.TYPE_BYTES:
            yield name, _kind(field)


def _kind(field: FieldDescriptor) -> FactKind:
    if field.cpp_type in _NUMBERS:
        return FactKind.NUMBER
    return FactKind.TRUTH if field.cpp_type == FieldDescriptor.CPPTYPE_BOOL else FactKind.TEXT


def facts_of(value: Message | Mapping[str, Any] | Sequence[Message]) -> dict[str, Fact]:
    """The facts of a step's result: a message, a plug-in's mapping, or a list of messages."""
    if isinstance(value, Message):
        return dict(_message_facts(value, ""))
    if isinstance(value, Mapping):
        return dict(_mapping_facts(value, ""))
    return {_LIST_FACT: len(value)}


def _message_facts(message: Message, prefix: str) -> Iterator[tuple[str, Fact]]:
    for field in message.DESCRIPTOR.fields:
        name, value = prefix + field.name, getattr(message, field.name)
        if field.is_repeated:
            yield f"{name}.{_LIST_FACT}", len(value)
        elif field.message_type is not None:
            yield from _message_facts(value, f"{name}.")
        elif field.enum_type is not None:
            yield name, enum_word(field.enum_type, value)
        elif field.type != FieldDescriptor.TYPE_BYTES:
            yield name, value


def _mapping_facts(mapping: Mapping[str, Any], prefix: str) -> Iterator[tuple[str, Fact]]:
    for key, value in mapping.items():
        name = prefix + key
        if isinstance(value, (bool, int, float, str)):
            yield name, value
        elif isinstance(value, Mapping):
            yield from _mapping_facts(value, f"{name}.")
        elif isinstance(value, Sequence):
            yield f"{name}.{_LIST_FACT}", len(value)


def enum_word(enum: Any, number: int) -> str:
    """`ORIENTATION_UP` as `up`; a number that the enum does not know as itself."""
    value = enum.values_by_number.get(number)
    prefix = re.sub(r"(?<=[a-z])(?=[A-Z])", "_", enum.name).upper() + "_"
    return value.name.removeprefix(prefix).lower() if value else str(number)
