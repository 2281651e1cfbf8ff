"""How the commands that use Kafka reach it."""

from pathlib import Path
from typing import Annotated, Any

import typer
import yaml
from pydantic import ValidationError

from meshkit.errors import InvalidInput
from pagemesh.kafka.client import KafkaClient
from pagemesh.kafka.connection import Connection
from pagemesh.kafka.topics import Topics

Brokers = Annotated[
    str,
    typer.Option(
        "--kafka",
        metavar="HOST:PORT,...",
        envvar="PAGEMESH_KAFKA_BROKERS",
        help="Bootstrap servers of Kafka.",
    ),
]
Registry = Annotated[
    str,
    typer.Option(
        metavar="URL",
        envvar="PAGEMESH_KAFKA_REGISTRY",
        help="Schema registry with Confluent's interface.",
    ),
]
Security = Annotated[
    Path | None,
    typer.Option(
        "--kafka-config",
        metavar="FILE",
        envvar="PAGEMESH_KAFKA_CONFIG",
        help="YAML with TLS, SASL, names of topics; see docs/kafka.md.",
    ),
]

DEFAULT_BROKERS = "127.0.0.1:29092"
DEFAULT_REGISTRY = "http://127.0.0.1:28081/apis/ccompat/v7"


def connection(brokers: str, registry: str, config: Path | None) -> tuple[Connection, Topics]:
    """Raises InvalidInput: the file or what it says is wrong."""
    try:
        more: Any = (yaml.safe_load(config.read_text()) if config else None) or {}
        topics = Topics(**more.pop("topics", {}))
        return Connection(**{"brokers": brokers, "registry": registry, **more}), topics
    except ValidationError as error:
        told = "; ".join(f"{'.'.join(map(str, e['loc']))} {e['msg']}" for e in error.errors())
        raise InvalidInput(f"{config or 'options'}: {told}") from error
    except (OSError, yaml.YAMLError, TypeError, AttributeError) as error:
        raise InvalidInput(f"{config}: {error}") from error


def kafka_client(brokers: str, registry: str, config: Path | None) -> KafkaClient:
    """Raises InvalidInput."""
    return KafkaClient(*connection(brokers, registry, config))
