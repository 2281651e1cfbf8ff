"""`pagemesh dlq`: requests that were given up."""

import re
from typing import Annotated

import typer
from rich import box
from rich.table import Table

from meshkit.errors import InvalidInput
from pagemesh.cli.consoles import output_console
from pagemesh.cli.kafka_options import (
    DEFAULT_BROKERS,
    DEFAULT_REGISTRY,
    Brokers,
    Registry,
    Security,
    kafka_client,
)
from pagemesh.cli.submit import as_json

dlq = typer.Typer(name="dlq", help="Requests that were given up.", no_args_is_help=True)

Place = Annotated[
    str, typer.Argument(metavar="PARTITION/OFFSET", help="As `pagemesh dlq list` shows it.")
]


@dlq.command("list")
def list_letters(
    kafka: Brokers = DEFAULT_BROKERS,
    registry: Registry = DEFAULT_REGISTRY,
    kafka_config: Security = None,
) -> None:
    """List the dead letters: where, which request, and why."""
    table = Table(
        *("place", "request", "stage", "page", "attempts", "reason", "message"),
        box=box.SIMPLE_HEAD,
        pad_edge=False,
    )
    with kafka_client(kafka, registry, kafka_config) as door:
        for (partition, offset), letter in door.dead_letters():
            table.add_row(
                f"{partition}/{offset}",
                letter["request_id"] or "?",
                letter["stage"],
                str(letter["page"] or ""),
                str(letter["attempts"]),
                letter["error"]["reason"],
                letter["error"]["message"],
            )
    output_console().print(table)


@dlq.command()
def show(
    place: Place,
    kafka: Brokers = DEFAULT_BROKERS,
    registry: Registry = DEFAULT_REGISTRY,
    kafka_config: Security = None,
) -> None:
    """Print a dead letter as JSON; bytes are base64."""
    with kafka_client(kafka, registry, kafka_config) as door:
        typer.echo(as_json(door.dead_letter(_place(place))))


@dlq.command()
def replay(
    places: Annotated[
        list[str], typer.Argument(metavar="PARTITION/OFFSET...", help="Which to send again.")
    ],
    kafka: Brokers = DEFAULT_BROKERS,
    registry: Registry = DEFAULT_REGISTRY,
    kafka_config: Security = None,
) -> None:
    """Send requests again that were given up, as they were; their finished pages are kept."""
    with kafka_client(kafka, registry, kafka_config) as door:
        for place in places:
            letter = door.dead_letter(_place(place))
            partition, offset = door.replay(letter)
            typer.echo(f"{place} {letter['request_id'] or '?'} -> {partition}/{offset}")


def _place(text: str) -> tuple[int, int]:
    found = re.fullmatch(r"(\d+)/(\d+)", text)
    if found is None:
        raise InvalidInput(f"`{text}` is not PARTITION/OFFSET; see `pagemesh dlq list`")
    return int(found[1]), int(found[2])
