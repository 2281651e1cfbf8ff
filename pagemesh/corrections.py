"""What people say of fields of a document that a gateway keeps."""

from collections.abc import Mapping
from typing import Any, NamedTuple

Field = tuple[int, int]
"""A page's number, and the index in its `fields`."""


class Corrections(NamedTuple):
    """A document's corrections. `field.correction` of its pages says who made them, and when.

    Attributes:
        etag: names the state that they were seen in.
        values: the right values by field.
    """

    etag: str
    values: Mapping[Field, str]


def corrections_of(etag: str, shown: Mapping[str, Any]) -> Corrections:
    """What the gateway shows."""
    return Corrections(
        etag,
        {
            (each["page_number"], each["field_index"]): each["value"]
            for each in shown["corrections"]
        },
    )


def request_of(values: Mapping[Field, str | None]) -> dict[str, Any]:
    """What the gateway is asked."""
    return {
        "corrections": [
            {"page_number": number, "field_index": index, "value": value}
            for (number, index), value in values.items()
        ]
    }
