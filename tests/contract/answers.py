"""Comparing answers of any contract."""

from collections.abc import Iterator
from typing import Any

import numpy as np
from google.protobuf.message import Message

PIXELS = 0.51
"""Tolerance of mapped coordinates, in pixels."""

SCORES = 1e-3
"""Tolerance of every other number, where answers are not the same bit for bit."""

_QUAD, _TRANSFORM = "pagemesh.common.v1.Quad", "pagemesh.common.v1.UprightTransform"
_CORNERS = ("top_left", "top_right", "bottom_right", "bottom_left")


def quads(message: Message) -> list[np.ndarray[Any, Any]]:
    """Every quad of an answer, (4, 2), in the answer's order."""
    return [
        np.array([(getattr(q, c).x, getattr(q, c).y) for c in _CORNERS])
        for q in _parts(message, _QUAD)
    ]


def transforms(message: Message) -> list[np.ndarray[Any, Any]]:
    """Every upright transform of an answer, (3, 3) with 1 in its last corner."""
    matrices = [np.array(t.matrix).reshape(3, 3) for t in _parts(message, _TRANSFORM)]
    return [matrix / matrix[2, 2] for matrix in matrices]


def without_geometry(message: Message) -> list[Any]:
    """Everything else of an answer, as one flat list of values."""
    values: list[Any] = []
    for field, value in message.ListFields():
        for item in value if field.is_repeated else [value]:
            if not isinstance(item, Message):
                values.append(item)
            elif item.DESCRIPTOR.full_name not in (_QUAD, _TRANSFORM):
                values.extend(without_geometry(item))
    return values


def assert_close(first: list[Any], second: list[Any], tolerance: float = SCORES) -> None:
    """The same values, numbers within the tolerance."""
    assert len(first) == len(second)
    for one, other in zip(first, second, strict=True):
        if isinstance(one, float):
            assert abs(one - other) <= tolerance * max(1, abs(one)), (one, other)
        else:
            assert one == other


def _parts(message: Message, full_name: str) -> Iterator[Any]:
    if message.DESCRIPTOR.full_name == full_name:
        yield message
        return
    for field, value in message.ListFields():
        for item in value if field.is_repeated else [value]:
            if isinstance(item, Message):
                yield from _parts(item, full_name)
