"""Makes the records that answer a request: its result, or its dead letter, and page events."""

import asyncio
import logging
from collections.abc import AsyncIterator
from dataclasses import replace

from meshkit.errors import DependencyUnavailable
from orchestrator.documents.config import DocumentLimits
from orchestrator.sources.config import KafkaSettings
from orchestrator.sources.content import Content
from orchestrator.sources.intake import Case
from orchestrator.sources.large_results import LargeResults
from orchestrator.sources.letters import (
    Outgoing,
    Record,
    Trouble,
    content_of,
    dead_letter,
    event_record,
    result_record,
)
from orchestrator.sources.records import Records
from orchestrator.sources.telemetry import creating, trace_headers
from orchestrator.work import WorkManager
from pagemesh.kafka.codec import Codec
from pagemesh.orchestrator.v1.document_pb2 import Document, PageResult

_PAGES_AT_ONCE = 50
_PAGE_BYTES = 8 * 1024 * 1024

_log = logging.getLogger(__name__)


class Replies:
    """Makes records.

    Args:
        settings, limits: of the operator.
        work: has the pages of results.
        codec: writes records.
        large: takes large results; None when there is no place for them.
    """

    def __init__(
        self,
        settings: KafkaSettings,
        limits: DocumentLimits,
        work: WorkManager,
        codec: Codec,
        large: LargeResults | None,
    ) -> None:
        self._settings = settings
        self._limits = limits
        self._work = work
        self._records = Records(codec)
        self._large = large

    async def result(self, document: Document, request: Record) -> Outgoing:
        """A document that has ended. Raises DependencyUnavailable, OSError, sqlite3.Error."""
        record = result_record(document, request["client"])
        with Content(self._settings.kafka_max_record_bytes, self._limits.scratch_dir) as content:
            async for piece in content_of(document, self._pages(document.request_id)):
                content.write(piece)
            record.update(await self._told(document.request_id, content))
        topic = request["reply_topic"] or self._settings.kafka_results_topic
        return await self._encoded("result", topic, request["request_id"].encode(), record)

    async def dead_letter(self, case: Case, trouble: Trouble, *, pause_seconds: float) -> Outgoing:
        """A record that is given up. A registry that is away is waited for."""
        _log.warning(
            "a request is given up",
            extra={
                "request_id": case.request["request_id"] if case.request else None,
                "place": case.incoming.place,
                "stage": trouble.stage,
                "reason": trouble.error.reason,
                "attempts": trouble.attempts,
            },
        )
        record = dead_letter(case.incoming, trouble, case.request)
        topic = self._settings.kafka_dead_letters_topic
        key = case.request["request_id"].encode() if case.request else case.incoming.key
        while True:
            try:
                letter = await self._encoded("dead_letter", topic, key, record)
                return replace(letter, error=trouble.error.reason)
            except DependencyUnavailable:
                await asyncio.sleep(pause_seconds)

    async def event(
        self, document: Document, client: str, page: PageResult | None = None
    ) -> Outgoing | None:
        """What happened to a document; None when nobody can be told."""
        record = event_record(document, client, page)
        key = document.request_id.encode()
        try:
            return await self._encoded("event", self._settings.kafka_events_topic, key, record)
        except DependencyUnavailable:
            return None

    async def erase(self, request_id: str, *, written_before: float) -> None:
        """Delete a request's large results. Raises DependencyUnavailable."""
        if self._large is not None:
            await self._large.erase(request_id, written_before=written_before)

    async def _told(self, request_id: str, content: Content) -> Record:
        """The content itself, or where it is, or that it is nowhere."""
        if content.path is None:
            return {"content": content.value}
        content.flush()
        size, sha256 = content.size, content.sha256
        if self._large is not None:
            location = await self._large.put(request_id, sha256, content.path)
            return {"reference": {"location": location, "sha256": sha256, "size_bytes": size}}
        return {
            "content_note": f"the result has {size:,} bytes, which is more than a record takes, "
            "and no kafka_results_location is configured; GetDocument hands it out"
        }

    async def _pages(self, request_id: str) -> AsyncIterator[PageResult]:
        first, has_more = 1, True
        while has_more:
            pages, has_more = await self._work.pages(request_id, first, _PAGES_AT_ONCE, _PAGE_BYTES)
            for page in pages:
                yield page
                first = page.page_number + 1

    async def _encoded(
        self, contract: str, topic: str, key: bytes | None, record: Record
    ) -> Outgoing:
        with creating(topic) as tell_size:
            value = await self._records.encode(contract, topic, record)
            tell_size(len(value))
            return Outgoing(topic, key, value, trace_headers())
