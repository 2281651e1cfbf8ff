"""Canonical Protobuf JSON of a whole result."""

import json
from typing import Any, BinaryIO

from google.protobuf.json_format import MessageToDict
from google.protobuf.message import Message

from pagemesh.exports.result import Analysis


def write_json(analysis: Analysis, out: BinaryIO) -> None:
    """Write `{"document": ..., "pages": [...]}`, page after page.

    The whole is the Protobuf JSON of a `GetDocumentResponse` that holds every page, so
    `google.protobuf.json_format.Parse` reads it back. Fields without presence are written even at
    their default: an empty box says `"checked": false`, and an account says `"failed": 0`.
    """
    out.write(b'{\n  "document": ' + _object(analysis.document, 2) + b',\n  "pages": [')
    separator = b"\n    "
    for page in analysis.pages:
        out.write(separator + _object(page, 4))
        separator = b",\n    "
    out.write(b"\n  ]\n}\n" if separator.startswith(b",") else b"]\n}\n")


def json_value(message: Message) -> dict[str, Any]:
    """A message as `write_json` writes it: Protobuf JSON with fields at their default."""
    value: dict[str, Any] = MessageToDict(message, always_print_fields_with_no_presence=True)
    return value


def _object(message: Message, indent: int) -> bytes:
    lines = json.dumps(json_value(message), indent=2, ensure_ascii=False, allow_nan=False).split(
        "\n"
    )
    return f"\n{' ' * indent}".join(lines).encode()
