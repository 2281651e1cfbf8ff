"""Which requests are told of, and documents at their end."""

from collections.abc import MutableMapping
from typing import Any

from fastapi.telemetry import TelemetryConfig
from opentelemetry import metrics

from gateway.records import Record
from gateway.telemetry import names
from meshkit.telemetry.process import is_measuring, is_tracing
from meshkit.telemetry.vocabulary import counter, histogram

_UNTOLD = frozenset({"/healthz", "/readyz"})

_meter = metrics.get_meter("gateway")
_documents = counter(_meter, names.DOCUMENTS)
_document_duration = histogram(_meter, names.DOCUMENT_DURATION)


def request_telemetry() -> TelemetryConfig:
    """A span a request and no more, metrics, none for probes; errors are in the log already.

    What this process does not tell, as it is set up now, no request is asked about.
    """
    return TelemetryConfig(
        tracing=is_tracing(),
        metrics=is_measuring(),
        operation_spans=False,
        logs=False,
        exclude=_is_probe,
    )


def _is_probe(scope: MutableMapping[str, Any]) -> bool:
    return scope.get("path") in _UNTOLD


def record_ended(record: Record) -> None:
    """Count a document that has come to its end."""
    attributes = {names.DOCUMENT_STATUS: str(record.status)}
    _documents.add(1, attributes)
    _document_duration.record((record.updated_at - record.created_at).total_seconds(), attributes)
