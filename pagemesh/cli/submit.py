"""`pagemesh submit`, `result`, `create-topics`: work in the background, by Kafka or a gateway."""

import base64
import datetime
import json
import time
import uuid
from typing import Annotated, Any

import typer

from meshkit.errors import InvalidInput
from pagemesh.cli.gateway_options import ApiKey, Gateway, shown
from pagemesh.cli.kafka_options import (
    DEFAULT_BROKERS,
    DEFAULT_REGISTRY,
    Brokers,
    Registry,
    Security,
    connection,
    kafka_client,
)
from pagemesh.cli.problems import EXIT_FAILED, complain
from pagemesh.client import Client
from pagemesh.kafka.topics import create_topics
from pagemesh.orchestrator.v1.document_pb2 import (
    DOCUMENT_STATE_CANCELLED,
    DOCUMENT_STATE_FAILED,
    DOCUMENT_STATE_PARTIAL,
    DOCUMENT_STATE_SUCCEEDED,
)
from pagemesh.priorities import Priority
from pagemesh.sources import How

_WELL = ("SUCCEEDED",)
_FINAL = (
    DOCUMENT_STATE_SUCCEEDED,
    DOCUMENT_STATE_PARTIAL,
    DOCUMENT_STATE_FAILED,
    DOCUMENT_STATE_CANCELLED,
)
_LOOK_SECONDS = 1.0


def submit(  # noqa: PLR0913, PLR0917 - every parameter is an option of the command
    location: Annotated[
        str,
        typer.Argument(
            help="Where the document is: s3://, https://, file://; for a gateway also a file."
        ),
    ],
    request_id: Annotated[
        str, typer.Option(help="Names this piece of work; made up when it is left out.")
    ] = "",
    pipeline: Annotated[str, typer.Option(help="The orchestrator's default.")] = "",
    client: Annotated[str, typer.Option(help="Who asks: for quotas and costs.")] = "",
    pages: Annotated[str, typer.Option(metavar="1-3,7", help="Pages to read; all.")] = "",
    sha256: Annotated[str, typer.Option(help="The document's bytes must have this digest.")] = "",
    priority: Annotated[
        Priority | None, typer.Option(help="Among one's own documents; normal.")
    ] = None,
    option: Annotated[
        list[str] | None,
        typer.Option(metavar="STEP.NAME=VALUE", help="For a step, like ocr.tier=fast. Repeatable."),
    ] = None,
    timeout: Annotated[
        float | None, typer.Option(min=0.001, metavar="SECONDS", help="No page begins later.")
    ] = None,
    gateway: Gateway = "",
    api_key: ApiKey = "",
    kafka: Brokers = DEFAULT_BROKERS,
    registry: Registry = DEFAULT_REGISTRY,
    kafka_config: Security = None,
) -> None:
    """Ask for a document to be read, by Kafka or a gateway; prints the request id.

    Sending the same id again gives no second result.
    """
    if gateway:
        how = How(
            request_id=request_id,
            pipeline=pipeline,
            pages=pages,
            sha256=sha256,
            options=_options(option or []),
        )
        if priority is not None:
            how["priority"] = priority
        if timeout is not None:
            how["timeout"] = timeout
        with Client(gateway, api_key=api_key) as by_rest:
            typer.echo(by_rest.submit(location, **how).request_id)
        return
    request: dict[str, Any] = {
        "request_id": request_id or uuid.uuid4().hex,
        "location": location,
        "pipeline": pipeline,
        "client": client,
        "pages": pages,
        "sha256": sha256,
        "priority": priority or "",
        "options": _options(option or []),
    }
    if timeout is not None:
        request["deadline"] = int((time.time() + timeout) * 1000)
    with kafka_client(kafka, registry, kafka_config) as door:
        door.submit(request)
    typer.echo(request["request_id"])


def result(
    request_id: Annotated[str, typer.Argument(help="As it was submitted.")],
    wait: Annotated[bool, typer.Option("--wait", help="Wait until it is there.")] = False,
    timeout: Annotated[float, typer.Option(min=0.0, metavar="SECONDS", help="Wait no longer.")] = 24
    * 3600.0,
    gateway: Gateway = "",
    api_key: ApiKey = "",
    kafka: Brokers = DEFAULT_BROKERS,
    registry: Registry = DEFAULT_REGISTRY,
    kafka_config: Security = None,
) -> None:
    """Print the result of a request as JSON, or its dead letter.

    Exits with 0 when the document was read whole, else with 1: failed, given up, or not there yet.
    """
    if gateway:
        with Client(gateway, api_key=api_key) as client:
            _show_result(client, request_id, timeout if wait else 0.0)
        return
    with kafka_client(kafka, registry, kafka_config) as door:
        found = door.result(request_id, seconds=timeout if wait else 0.0)
    if found is None:
        complain("there is no result yet", request_id)
        raise typer.Exit(EXIT_FAILED)
    typer.echo(as_json(found))
    if found.get("state") not in _WELL:
        raise typer.Exit(EXIT_FAILED)


def _show_result(client: Client, request_id: str, seconds: float) -> None:
    """Print what a gateway has of a document, once it is final."""
    until = time.monotonic() + seconds
    whole = client.get(request_id)
    while whole.document.state not in _FINAL and time.monotonic() < until:
        time.sleep(min(_LOOK_SECONDS, max(0.0, until - time.monotonic())))
        whole = client.get(request_id)
    if whole.document.state not in _FINAL:
        complain("there is no result yet", request_id)
        raise typer.Exit(EXIT_FAILED)
    typer.echo(json.dumps(shown(whole), indent=2, ensure_ascii=False))
    if whole.document.state != DOCUMENT_STATE_SUCCEEDED:
        raise typer.Exit(EXIT_FAILED)


def create_kafka_topics(
    partitions: Annotated[int, typer.Option(min=1, help="Of each topic but control.")] = 16,
    replication: Annotated[int, typer.Option(min=1, help="Copies of each record.")] = 1,
    kafka: Brokers = DEFAULT_BROKERS,
    registry: Registry = DEFAULT_REGISTRY,
    kafka_config: Security = None,
) -> None:
    """Make the topics that are not there yet."""
    brokers, topics = connection(kafka, registry, kafka_config)
    made = create_topics(brokers, topics, partitions=partitions, replication=replication)
    typer.echo("\n".join(made) or "all topics are there")


def as_json(record: dict[str, Any]) -> str:
    """A record for people and programs: what is JSON inside is shown as such, bytes as base64."""
    shown = dict(record)
    if shown.get("content") is not None:
        shown["content"] = json.loads(shown["content"])
    return json.dumps(shown, indent=2, ensure_ascii=False, default=_plain)


def _plain(value: object) -> str:
    if isinstance(value, bytes):
        return base64.b64encode(value).decode()
    if isinstance(value, datetime.datetime):
        return value.isoformat()
    raise TypeError(type(value).__name__)


def _options(given: list[str]) -> dict[str, str]:
    options = {}
    for each in given:
        name, separator, value = each.partition("=")
        if not (separator and name):
            raise InvalidInput(f"--option: `{each}` is not STEP.NAME=VALUE")
        options[name] = value
    return options
