"""Options of commands that may go to a gateway instead of Kafka."""

from typing import Annotated, Any

import typer
from google.protobuf.json_format import MessageToDict
from google.protobuf.message import Message

Gateway = Annotated[
    str,
    typer.Option(
        "--gateway",
        metavar="URL",
        envvar="PAGEMESH_GATEWAY_URL",
        help="Go by REST to the gateway there, not by Kafka.",
    ),
]
ApiKey = Annotated[
    str,
    typer.Option(
        "--api-key",
        metavar="KEY",
        envvar="PAGEMESH_API_KEY",
        help="API key or token, for a door that wants one.",
    ),
]


def shown(message: Message) -> dict[str, Any]:
    """A message for people and programs."""
    value: dict[str, Any] = MessageToDict(message, always_print_fields_with_no_presence=True)
    return value
