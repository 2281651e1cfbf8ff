"""Puts the Kafka door together."""

import importlib
from pathlib import Path

from orchestrator.documents.config import DocumentLimits
from orchestrator.orders import OrderDesk
from orchestrator.records import Erased
from orchestrator.sources.claims import Claims, LocalClaims
from orchestrator.sources.config import KafkaSettings
from orchestrator.sources.handling import RequestHandler
from orchestrator.sources.intake import Intake
from orchestrator.sources.kafka import KafkaSource
from orchestrator.sources.large_results import LargeResults
from orchestrator.sources.replies import Replies
from orchestrator.work import WorkManager

_REDIS = ("RedisClaims", "redis_claims")


class KafkaDoor:
    """The Kafka door of an orchestrator; closed for good when no brokers are configured.

    Args:
        settings, limits, state_dir, retention_seconds, store_url: of the orchestrator.
    """

    def __init__(
        self,
        settings: KafkaSettings,
        limits: DocumentLimits,
        state_dir: Path,
        retention_seconds: float,
        store_url: str,
    ) -> None:
        self._settings = settings
        self._limits = limits
        codec = settings.kafka_connection().codec() if settings.kafka_brokers else None
        self._codec = codec
        self._claims = _claims(settings, store_url, state_dir, retention_seconds)
        self._source = KafkaSource(settings, codec, state_dir) if codec else None
        location = settings.kafka_results_location
        self._large = LargeResults(location, limits.s3_endpoint) if location else None

    async def start(self, desk: OrderDesk, work: WorkManager) -> None:
        """Begin to take requests. Brokers need not be there yet. Raises sqlite3.Error, OSError."""
        if self._source is None or self._codec is None:
            return
        await self._claims.open()
        self._source.start(
            RequestHandler(
                self._settings,
                self._limits,
                work,
                Intake(self._settings, desk, self._claims, self._codec),
                Replies(self._settings, self._limits, work, self._codec, self._large),
                self._source.tell,
            )
        )

    async def erase(self, request_id: str) -> list[Erased]:
        """Delete a request's large results. Raises DependencyUnavailable."""
        if self._large is None:
            return []
        return [Erased("large results in S3", await self._large.erase(request_id))]

    def remains(self) -> list[str]:
        """What the door leaves behind of every request, for people."""
        if self._source is None:
            return []
        topics = (
            self._settings.kafka_requests_topic,
            self._settings.kafka_results_topic,
            self._settings.kafka_events_topic,
            self._settings.kafka_dead_letters_topic,
        )
        return [
            f"records in Kafka's {', '.join(filter(None, topics))}: until their topics' retention",
            (
                "the claim on the id, without content, so that a record that comes again is not "
                "read: until the orchestrator's retention"
            ),
        ]

    async def stop(self) -> None:
        """Write the answers that are ready; the rest is delivered again. Safe to call twice."""
        if self._source is not None:
            await self._source.stop()
            await self._claims.close()


def _claims(
    settings: KafkaSettings, store_url: str, state_dir: Path, retention_seconds: float
) -> Claims:
    url = settings.kafka_claims_url or store_url
    if not url:
        return LocalClaims(state_dir / "claims.sqlite3", retention_seconds=retention_seconds)
    # Extras of the package: who keeps claims in a file does without them.
    kind, module = ("MongoClaims", "mongo_claims") if url.startswith("mongodb") else _REDIS
    made: Claims = getattr(importlib.import_module(f"orchestrator.sources.{module}"), kind)(
        url, settings.kafka_group, retention_seconds=retention_seconds
    )
    return made
