"""`pagemesh cancel`."""

import json
from typing import Annotated

import typer

from pagemesh.cli.gateway_options import ApiKey, Gateway, shown
from pagemesh.cli.kafka_options import (
    DEFAULT_BROKERS,
    DEFAULT_REGISTRY,
    Brokers,
    Registry,
    Security,
    kafka_client,
)
from pagemesh.client import Client


def cancel(
    request_id: Annotated[str, typer.Argument(help="As it was submitted.")],
    gateway: Gateway = "",
    api_key: ApiKey = "",
    kafka: Brokers = DEFAULT_BROKERS,
    registry: Registry = DEFAULT_REGISTRY,
    kafka_config: Security = None,
) -> None:
    """Stop work on a document. Pages that are finished are kept.

    A gateway answers with the document's account; by Kafka the end comes as the result.
    """
    if gateway:
        with Client(gateway, api_key=api_key) as client:
            typer.echo(json.dumps(shown(client.cancel(request_id)), indent=2, ensure_ascii=False))
        return
    with kafka_client(kafka, registry, kafka_config) as door:
        door.command(request_id, "CANCEL")
    typer.echo(request_id)
