"""Priorities by the names that people use."""

from typing import Literal, get_args

from meshkit.errors import InvalidInput
from pagemesh.orchestrator.v1 import orchestrator_service_pb2 as pb

Priority = Literal["interactive", "normal", "bulk"]
"""Among the documents of one client."""


def priority_of(name: str) -> pb.Priority.ValueType:
    """A priority by its name; the default for an empty one. Raises InvalidInput."""
    if name not in {"", *get_args(Priority)}:
        raise InvalidInput(
            f"priority is `{name}`; one of {', '.join(get_args(Priority))} is expected",
            metadata={"field": "priority"},
        )
    return pb.Priority.Value(f"PRIORITY_{name.upper() or 'UNSPECIFIED'}")
