"""The adapter with a pipeline that does nothing; all of `orchestrator/sources` is real."""

import asyncio
import contextlib
import tempfile
import time
from collections.abc import AsyncGenerator, AsyncIterator
from pathlib import Path

from kafka import KafkaConsumer, TopicPartition

from bench.kafka.house import PARTITIONS, Room
from meshkit.client import open_channel
from orchestrator.breaker import BreakerPolicy
from orchestrator.catalog import PipelineCatalog
from orchestrator.config import MODELS, SHIPPED_PIPELINES
from orchestrator.documents.config import DocumentLimits
from orchestrator.models import Models
from orchestrator.order import Order
from orchestrator.orders import OrderDesk
from orchestrator.pipeline_file import Available
from orchestrator.sources.claims import LocalClaims
from orchestrator.sources.handling import RequestHandler
from orchestrator.sources.intake import Intake
from orchestrator.sources.kafka import KafkaSource
from orchestrator.sources.letters import Incoming, Outgoing
from orchestrator.sources.replies import Replies
from orchestrator.stages.registry import StageRegistry
from orchestrator.work import WorkManager
from pagemesh.orchestrator.v1.document_pb2 import (
    DOCUMENT_STATE_SUCCEEDED,
    PAGE_OUTCOME_OK,
    Document,
    PageAccount,
    PageResult,
)

_LOOK_SECONDS = 0.01
_LIMIT_SECONDS = 300.0


def answered(request_id: str) -> Document:
    """A document of one page that was read at once."""
    account = PageAccount(total=1, ok=1)
    return Document(request_id=request_id, state=DOCUMENT_STATE_SUCCEEDED, pages=account)


PAGE = PageResult(page_number=1, outcome=PAGE_OUTCOME_OK)


class NoWork(WorkManager):
    """Every document has one page, and is read at once; or never, when it `hangs`."""

    def __init__(self, *, hangs: bool = False) -> None:
        self._hangs = hangs

    async def analyze(self, order: Order) -> AsyncGenerator[Document | PageResult, None]:
        async with order.resources:
            if self._hangs:
                await asyncio.Event().wait()
            yield PAGE
            yield answered(order.request_id)

    async def pages(
        self, request_id: str, first: int, limit: int, max_bytes: int
    ) -> tuple[list[PageResult], bool]:
        del request_id, first, limit, max_bytes
        return [PAGE], False


class _Watched(RequestHandler):
    """Notes when the first record came, and how many are handled."""

    begun = 0.0
    handled = 0

    async def handle(self, incoming: Incoming) -> list[Outgoing]:
        self.begun = self.begun or time.perf_counter()
        outgoing = await super().handle(incoming)
        self.handled += 1
        return outgoing


async def _catalog() -> PipelineCatalog:
    """The shipped pipelines; their models are nowhere."""
    async with open_channel("127.0.0.1:1") as nobody:
        models = Models(dict.fromkeys(MODELS, nobody), BreakerPolicy())
        available = Available(StageRegistry(), models)
        catalog = PipelineCatalog((SHIPPED_PIPELINES,), available, "text")
        catalog.load()
        return catalog


@contextlib.asynccontextmanager
async def adapter(room: Room, work: WorkManager) -> AsyncIterator[_Watched]:
    """The adapter at work."""
    settings, limits = room.settings, DocumentLimits(file_roots=(Path("/nowhere"),))
    catalog = await _catalog()
    codec = room.connection.codec()
    with tempfile.TemporaryDirectory() as folder:
        claims = LocalClaims(Path(folder) / "claims.sqlite3", retention_seconds=3600)
        await claims.open()
        source = KafkaSource(settings, codec, Path(folder))
        handler = _Watched(
            settings,
            limits,
            work,
            Intake(settings, OrderDesk(catalog, limits), claims, codec),
            Replies(settings, limits, work, codec, None),
            source.tell,
        )
        source.start(handler)
        try:
            yield handler
        finally:
            await source.stop()
            await claims.close()


async def requests_a_second(room: Room, count: int) -> float:
    """From the first record taken until all are answered and marked as done."""
    looking = KafkaConsumer(
        **room.connection.options(), group_id=room.settings.kafka_group, enable_auto_commit=False
    )
    try:
        async with adapter(room, NoWork()) as handler, asyncio.timeout(_LIMIT_SECONDS):
            while handler.handled < count:  # noqa: ASYNC110 - an event would cost as much
                await asyncio.sleep(_LOOK_SECONDS)
            while await asyncio.to_thread(_committed, looking, room) < count:  # noqa: ASYNC110
                await asyncio.sleep(_LOOK_SECONDS)
            return count / (time.perf_counter() - handler.begun)
    finally:
        looking.close(autocommit=False)


def _committed(looking: KafkaConsumer, room: Room) -> int:
    """Records before every partition's offset; what is done beyond it does not count."""
    places = [TopicPartition(room.topics.requests, number) for number in range(PARTITIONS)]
    return sum(looking.committed(place) or 0 for place in places)
