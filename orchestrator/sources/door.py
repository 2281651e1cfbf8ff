"""Puts the Kafka door together."""

from pathlib import Path

from orchestrator.documents.config import DocumentLimits
from orchestrator.orders import OrderDesk
from orchestrator.sources.claims import LocalClaims
from orchestrator.sources.config import KafkaSettings
from orchestrator.sources.handling import RequestHandler
from orchestrator.sources.intake import Intake
from orchestrator.sources.kafka import KafkaSource
from orchestrator.sources.large_results import LargeResults
from orchestrator.sources.redis_claims import RedisClaims
from orchestrator.sources.replies import Replies
from orchestrator.work import WorkManager


class KafkaDoor:
    """The Kafka door of an orchestrator; closed for good when no brokers are configured.

    Args:
        settings, limits, state_dir, retention_seconds: of the orchestrator.
    """

    def __init__(
        self,
        settings: KafkaSettings,
        limits: DocumentLimits,
        state_dir: Path,
        retention_seconds: float,
    ) -> None:
        self._settings = settings
        self._limits = limits
        codec = settings.kafka_connection().codec() if settings.kafka_brokers else None
        self._codec = codec
        self._claims = _claims(settings, state_dir, retention_seconds)
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

    async def stop(self) -> None:
        """Write the answers that are ready; the rest is delivered again. Safe to call twice."""
        if self._source is not None:
            await self._source.stop()
            await self._claims.close()


def _claims(
    settings: KafkaSettings, state_dir: Path, retention_seconds: float
) -> LocalClaims | RedisClaims:
    if settings.kafka_claims_url:
        return RedisClaims(
            settings.kafka_claims_url, settings.kafka_group, retention_seconds=retention_seconds
        )
    return LocalClaims(state_dir / "claims.sqlite3", retention_seconds=retention_seconds)
