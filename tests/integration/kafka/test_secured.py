"""The real broker behind TLS, with SCRAM and OAUTHBEARER."""

import base64
import json
import time
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from infra.kafka_broker import KafkaBroker
from infra.others import SchemaRegistry
from meshkit.errors import DependencyUnavailable
from orchestrator.testing import running_orchestrator, tiff
from pagemesh.kafka.client import KafkaClient
from pagemesh.kafka.connection import Connection
from tests.integration.kafka.conftest import Client

pytestmark = [pytest.mark.xdist_group("services"), pytest.mark.timeout(300)]

_ENOUGH_SECONDS, _FEW_SECONDS = 30.0, 3.0
"""For brokers that take the credentials, and for those that do not."""


async def test_a_request_goes_through_tls_and_scram(
    client: Client, broker: KafkaBroker, tmp_path: Path
) -> None:
    (tmp_path / "password").write_text(broker.password + "\n")
    (tmp_path / "1.tiff").write_bytes(tiff(1))
    settings = client.settings(tmp_path) | {
        "kafka_brokers": broker.secured_url,
        "kafka_security": "SASL_SSL",
        "kafka_ca_file": broker.certificate,
        "kafka_sasl_mechanism": "SCRAM-SHA-512",
        "kafka_username": broker.user,
        "kafka_password_file": tmp_path / "password",
    }
    async with running_orchestrator(tmp_path / "state", **settings):
        client.send("one", f"file://{tmp_path}/1.tiff", pipeline="text")
        (result,) = await client.hear("result", 1)
    assert result["state"] == "SUCCEEDED"


def unsigned_token(seconds: float) -> str:
    """A JSON Web Token without a signature that expires so far from now."""
    now = time.time()
    parts: list[dict[str, Any]] = [
        {"alg": "none"},
        {"sub": "pagemesh", "iat": now - 3600, "exp": now + seconds},
    ]
    texts = [base64.urlsafe_b64encode(json.dumps(part).encode()).rstrip(b"=") for part in parts]
    return b".".join([*texts, b""]).decode()


def by_token(broker: KafkaBroker, registry: SchemaRegistry, folder: Path, seconds: float) -> Any:
    """A connection with a token that expires so far from now."""
    (folder / "token").write_text(unsigned_token(seconds) + "\n")
    return Connection(
        brokers=broker.secured_url,
        registry=registry.url,
        security="SASL_SSL",
        ca_file=broker.certificate,
        sasl_mechanism="OAUTHBEARER",
        token_file=folder / "token",
        bootstrap_seconds=_ENOUGH_SECONDS if seconds > 0 else _FEW_SECONDS,
    )


def test_a_request_goes_with_a_token(
    client: Client, broker: KafkaBroker, registry: SchemaRegistry, tmp_path: Path
) -> None:
    connection = by_token(broker, registry, tmp_path, 600)
    with KafkaClient(connection, client.topics) as door:
        partition, offset = door.submit({"request_id": "a", "location": "file:///a"})
    assert (partition in range(4), offset) == (True, 0)


def test_a_token_that_has_expired_is_refused(
    client: Client, broker: KafkaBroker, registry: SchemaRegistry, tmp_path: Path
) -> None:
    connection = by_token(broker, registry, tmp_path, -600)
    with (
        KafkaClient(connection, client.topics) as door,
        pytest.raises(DependencyUnavailable, match="credentials"),
    ):
        door.submit({"request_id": "a", "location": "file:///a"})


def test_a_wrong_password_is_refused(
    broker: KafkaBroker, registry: SchemaRegistry, tmp_path: Path
) -> None:
    (tmp_path / "password").write_text("wrong")
    connection = Connection(
        brokers=broker.secured_url,
        registry=registry.url,
        security="SASL_SSL",
        ca_file=broker.certificate,
        sasl_mechanism="SCRAM-SHA-512",
        username=broker.user,
        password_file=tmp_path / "password",
        bootstrap_seconds=_FEW_SECONDS,
    )
    request = {"request_id": "a", "location": "file:///a"}
    with KafkaClient(connection) as door, pytest.raises(DependencyUnavailable, match="credentials"):
        door.submit(request)


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"security": "SASL_SSL"}, "sasl_mechanism goes with"),
        ({"security": "SASL_SSL", "sasl_mechanism": "PLAIN"}, "needs username and password_file"),
        ({"security": "SASL_SSL", "sasl_mechanism": "OAUTHBEARER"}, "needs token_file"),
    ],
)
def test_half_a_configuration_is_refused(given: dict[str, str], told: str) -> None:
    with pytest.raises(ValidationError, match=told):
        Connection(brokers="b:1", registry="http://r", **given)  # type: ignore[arg-type]
