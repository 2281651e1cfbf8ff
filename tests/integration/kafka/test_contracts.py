"""The Avro contracts against a real schema registry."""

import copy
import io
import json
import struct
import uuid
from typing import Any

import fastavro
import pytest
from schema_registry.client import SchemaRegistryClient
from schema_registry.client.schema import AvroSchema

from infra.others import SchemaRegistry
from meshkit.errors import DependencyUnavailable, InvalidInput
from pagemesh.kafka.codec import Codec, SubjectNaming
from pagemesh.kafka.contracts import CONTRACTS, current, versions

pytestmark = [pytest.mark.xdist_group("services"), pytest.mark.timeout(300)]

REQUEST = {"request_id": "a", "location": "s3://documents/a.pdf"}


@pytest.fixture
def client(registry: SchemaRegistry) -> SchemaRegistryClient:
    return SchemaRegistryClient(url=registry.url)


@pytest.fixture
def topic() -> str:
    return f"topic-{uuid.uuid4().hex[:8]}"


@pytest.mark.parametrize("contract", CONTRACTS)
def test_every_version_can_follow_those_before(
    client: SchemaRegistryClient, contract: str, topic: str
) -> None:
    """The registry itself judges the whole committed history."""
    history = versions(contract)
    client.register(topic, AvroSchema(history[0]))
    client.update_compatibility("BACKWARD_TRANSITIVE", subject=topic)
    for schema in history[1:]:
        assert client.test_compatibility(topic, AvroSchema(schema), verbose=True)
        client.register(topic, AvroSchema(schema))


def test_the_registry_refuses_what_breaks_a_reader(
    client: SchemaRegistryClient, registry: SchemaRegistry, topic: str
) -> None:
    Codec(registry.url).encode("request", topic, REQUEST)
    broken = copy.deepcopy(current("request"))
    broken["fields"].append({"name": "weight", "type": "int"})
    assert not client.test_compatibility(f"{topic}-value", AvroSchema(broken))
    kept = copy.deepcopy(current("request"))
    kept["fields"].append({"name": "weight", "type": "int", "default": 0})
    assert client.test_compatibility(f"{topic}-value", AvroSchema(kept))


def frame(schema_id: int, schema: Any, record: dict[str, Any]) -> bytes:
    body = io.BytesIO()
    fastavro.schemaless_writer(body, fastavro.parse_schema(schema), record)
    return struct.pack(">bI", 0, schema_id) + body.getvalue()


def test_a_newer_writer_is_understood(
    client: SchemaRegistryClient, registry: SchemaRegistry, topic: str
) -> None:
    newer = copy.deepcopy(current("control"))
    newer["fields"].insert(0, {"name": "priority", "type": "int", "default": 0})
    command = next(field for field in newer["fields"] if field["name"] == "command")
    command["type"]["symbols"].append("HURRY")
    schema_id = client.register(topic, AvroSchema(newer))
    written = frame(schema_id, newer, {"request_id": "a", "command": "HURRY", "priority": 7})
    record = Codec(registry.url).decode("control", written)
    assert record == {"request_id": "a", "command": "UNKNOWN", "client": ""}


def test_an_older_writer_is_understood(
    client: SchemaRegistryClient, registry: SchemaRegistry, topic: str
) -> None:
    older = copy.deepcopy(current("request"))
    older["fields"] = [field for field in older["fields"] if "default" not in field]
    written = frame(client.register(topic, AvroSchema(older)), older, REQUEST)
    record = Codec(registry.url).decode("request", written)
    assert (record["location"], record["pipeline"], record["deadline"]) == (
        REQUEST["location"],
        "",
        None,
    )


@pytest.mark.parametrize(
    ("naming", "subject"),
    [
        (SubjectNaming.TOPIC, "{topic}-value"),
        (SubjectNaming.RECORD, "pagemesh.documents.DocumentRequest"),
        (SubjectNaming.TOPIC_RECORD, "{topic}-pagemesh.documents.DocumentRequest"),
    ],
)
def test_subjects_are_named_by_a_strategy(
    client: SchemaRegistryClient,
    registry: SchemaRegistry,
    topic: str,
    naming: SubjectNaming,
    subject: str,
) -> None:
    written = Codec(registry.url, naming).encode("request", topic, REQUEST)
    name = subject.format(topic=topic)
    found = client.get_schema(name)
    assert found is not None
    assert struct.unpack(">bI", written[:5]) == (0, found.schema_id)
    assert client.get_compatibility(name) == "BACKWARD_TRANSITIVE"


def test_poison_is_told_apart_from_a_registry_that_is_away(registry: SchemaRegistry) -> None:
    codec = Codec(registry.url)
    good = codec.encode("request", "poison", REQUEST)
    for value, reason in (
        (None, "BAD_RECORD"),
        (b"", "BAD_RECORD"),
        (b"{}", "BAD_RECORD"),
        (good[:-3], "BAD_RECORD"),
        (good + b"x", "BAD_RECORD"),
        (struct.pack(">bI", 0, 999_999) + good[5:], "UNKNOWN_SCHEMA"),
    ):
        with pytest.raises(InvalidInput) as caught:
            codec.decode("request", value)
        assert caught.value.reason == reason
    other = codec.encode("control", "poison-control", {"request_id": "a", "command": "CANCEL"})
    with pytest.raises(InvalidInput, match="no request"):
        codec.decode("request", other)
    with pytest.raises(InvalidInput, match="no request"):
        codec.encode("request", "poison", {"request_id": "a"})
    with pytest.raises(DependencyUnavailable):
        Codec("http://127.0.0.1:1").decode("request", good)


def test_schemas_are_plain_files_for_other_languages() -> None:
    for contract in CONTRACTS:
        for schema in versions(contract):
            assert json.loads(json.dumps(schema)) == schema
            fastavro.parse_schema(copy.deepcopy(schema))
            assert all(field["doc"] for field in schema["fields"])
