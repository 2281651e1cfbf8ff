"""Records in the Confluent wire format: a zero byte, the schema's id in four, then Avro."""

import enum
import io
import struct
import threading
from typing import Any

import fastavro
import httpx
from schema_registry.client import SchemaRegistryClient
from schema_registry.client.errors import ClientError
from schema_registry.client.schema import AvroSchema

from meshkit.errors import DependencyUnavailable, InvalidInput, PagemeshError
from pagemesh.kafka.contracts import CONTRACTS, current

_HEAD = struct.Struct(">bI")
_TIMEOUT_SECONDS = 5.0
_COMPATIBILITY = "BACKWARD_TRANSITIVE"
_REFUSALS = (400, 401, 403, 404, 409, 422)


class SubjectNaming(enum.StrEnum):
    """Under which subject a schema is registered; Confluent's three strategies."""

    TOPIC = "topic"
    """`<topic>-value`, as most clients do."""
    RECORD = "record"
    """The record's full name."""
    TOPIC_RECORD = "topic_record"
    """`<topic>-<full name>`."""


class Codec:
    """Writes and reads records. Safe to use from several threads.

    Args:
        registry_url: of a schema registry with Confluent's interface.
        naming: which subject a schema is registered under.
    """

    def __init__(self, registry_url: str, naming: SubjectNaming = SubjectNaming.TOPIC) -> None:
        self._registry = SchemaRegistryClient(
            url=registry_url, timeout=httpx.Timeout(_TIMEOUT_SECONDS)
        )
        self._naming = naming
        self._ids: dict[str, int] = {}
        self._seen: dict[int, Any] = {}
        self._registering = threading.Lock()
        self._writers = {name: fastavro.parse_schema(current(name)) for name in CONTRACTS}

    def encode(self, contract: str, topic: str, record: dict[str, Any]) -> bytes:
        """A record as bytes; the schema is registered on first use.

        Raises:
            InvalidInput: BAD_RECORD, the record does not fit its schema; SCHEMA_REFUSED.
            DependencyUnavailable: REGISTRY_UNAVAILABLE.
        """
        subject = self._subject(contract, topic)
        if subject not in self._ids:
            self.register(contract, topic)
        body = io.BytesIO()
        body.write(_HEAD.pack(0, self._ids[subject]))
        try:
            fastavro.schemaless_writer(
                body, self._writers[contract], record, strict_allow_default=True
            )
        except (ValueError, TypeError, KeyError) as error:
            raise InvalidInput(f"no {contract}: {error}", reason="BAD_RECORD") from error
        return body.getvalue()

    def decode(self, contract: str, value: bytes | None) -> dict[str, Any]:
        """A record from bytes, whichever version of the schema wrote it.

        Raises:
            InvalidInput: BAD_RECORD, UNKNOWN_SCHEMA.
            DependencyUnavailable: REGISTRY_UNAVAILABLE.
        """
        if value is None or len(value) < _HEAD.size or value[0] != 0:
            raise InvalidInput(
                "the record is not in the Confluent wire format: a zero byte, four bytes of "
                "schema id, Avro",
                reason="BAD_RECORD",
            )
        _, schema_id = _HEAD.unpack_from(value)
        writer = self._schema(schema_id)
        body = io.BytesIO(value[_HEAD.size :])
        try:
            record = fastavro.schemaless_reader(body, writer, self._writers[contract])
        except Exception as error:  # whatever fastavro meets in bytes that are no Avro
            raise InvalidInput(
                f"the record is no {contract} by the schema {schema_id}: {error!r}"[:500],
                reason="BAD_RECORD",
            ) from error
        if not isinstance(record, dict) or body.read(1):
            raise InvalidInput(
                f"the record has bytes beyond its {contract} by the schema {schema_id}",
                reason="BAD_RECORD",
            )
        return record

    def is_registered(self, contract: str, topic: str) -> bool:
        """Whether `encode` needs no answer of the registry's."""
        return self._subject(contract, topic) in self._ids

    def register(self, contract: str, topic: str) -> None:
        """Register the schema, unless that was done; raises as `encode` does."""
        subject = self._subject(contract, topic)
        with self._registering:
            if subject not in self._ids:
                self._ids[subject] = self._register(subject, contract)

    def unseen(self, value: bytes | None) -> int | None:
        """The id of the schema that `decode` would ask the registry for; None: it asks for none."""
        if value is None or len(value) < _HEAD.size or value[0] != 0:
            return None
        schema_id: int = _HEAD.unpack_from(value)[1]
        return None if schema_id in self._seen else schema_id

    def learn(self, schema_id: int) -> None:
        """Ask the registry for a schema; raises as `decode` does."""
        self._schema(schema_id)

    def _subject(self, contract: str, topic: str) -> str:
        schema = current(contract)
        name = f"{schema['namespace']}.{schema['name']}"
        match self._naming:
            case SubjectNaming.TOPIC:
                return f"{topic}-value"
            case SubjectNaming.RECORD:
                return name
        return f"{topic}-{name}"

    def _register(self, subject: str, contract: str) -> int:
        try:
            schema_id = int(self._registry.register(subject, AvroSchema(current(contract))))
            if self._compatibility(subject) != _COMPATIBILITY:
                self._registry.update_compatibility(_COMPATIBILITY, subject=subject)
        except (httpx.HTTPError, ClientError) as error:
            raise _trouble(error, f"the schema of {subject} cannot be registered") from error
        return schema_id

    def _compatibility(self, subject: str) -> str | None:
        """The subject's own level; None when it has none."""
        try:
            return str(self._registry.get_compatibility(subject))
        except ClientError as error:
            if error.http_code == 404:
                return None
            raise

    def _schema(self, schema_id: int) -> Any:
        if schema_id not in self._seen:
            self._seen[schema_id] = self._ask(schema_id)
        return self._seen[schema_id]

    def _ask(self, schema_id: int) -> Any:
        try:
            schema = self._registry.get_by_id(schema_id)
        except (httpx.HTTPError, ClientError) as error:
            raise _trouble(error, f"the schema {schema_id} cannot be had") from error
        if not isinstance(schema, AvroSchema):
            raise InvalidInput(
                f"the registry knows no Avro schema of the id {schema_id}", reason="UNKNOWN_SCHEMA"
            )
        return schema.schema


def _trouble(error: Exception, what: str) -> PagemeshError:
    code = error.http_code if isinstance(error, ClientError) else None
    if code in _REFUSALS:
        return InvalidInput(f"{what}: the registry answers {code}", reason="SCHEMA_REFUSED")
    return DependencyUnavailable(
        f"{what}: the registry cannot be reached", reason="REGISTRY_UNAVAILABLE"
    )
