"""`pagemesh erase`."""

from typing import Annotated

import typer

from pagemesh.cli.gateway_options import ApiKey, Gateway
from pagemesh.cli.kafka_options import (
    DEFAULT_BROKERS,
    DEFAULT_REGISTRY,
    Brokers,
    Registry,
    Security,
    kafka_client,
)
from pagemesh.client import Client


def erase(
    request_id: Annotated[str, typer.Argument(help="As it was submitted.")],
    gateway: Gateway = "",
    api_key: ApiKey = "",
    client: Annotated[
        str, typer.Option(help="Whose document it is, for a key that may erase everybody's.")
    ] = "",
    server: Annotated[
        str,
        typer.Option(
            metavar="HOST:PORT", envvar="PAGEMESH_SERVER", help="Ask this orchestrator, by gRPC."
        ),
    ] = "",
    kafka: Brokers = DEFAULT_BROKERS,
    registry: Registry = DEFAULT_REGISTRY,
    kafka_config: Security = None,
) -> None:
    """Delete everything that is kept of a document; work on it is stopped. It cannot be undone.

    A gateway erases what it keeps and has the orchestrators do so; an orchestrator erases what it
    keeps. Both say what was deleted, and what remains where and until when. Without either, every
    orchestrator is told by Kafka.
    """
    if not gateway and not server:
        with kafka_client(kafka, registry, kafka_config) as door:
            door.command(request_id, "ERASE")
        typer.echo("every orchestrator is told; records in Kafka stay until their retention")
        return
    with Client(gateway or server, api_key=api_key) as asked:
        done = asked.erase(request_id, client=client)
    for each in done.erasures:
        typer.echo(f"erased   {each.count} {each.what}")
    if not done.erasures:
        typer.echo(f"erased   nothing: nothing was kept of {request_id}")
    for place in done.remains:
        typer.echo(f"remains  {place}")
