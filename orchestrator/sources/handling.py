"""One request of a queue, from its bytes to the records that answer it. Knows no broker."""

import asyncio
import contextlib
import hashlib
import logging
import sqlite3
import tempfile
import time
from collections import OrderedDict
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from meshkit.errors import (
    Conflict,
    DependencyUnavailable,
    Forbidden,
    NotFound,
    PagemeshError,
    TooLarge,
)
from meshkit.status import error_of
from orchestrator.documents.config import DocumentLimits
from orchestrator.documents.spool import Spool
from orchestrator.faults import known_error
from orchestrator.order import Order
from orchestrator.orders import OrderDesk, check_request_id, fingerprint
from orchestrator.records import Keeper, failed_for_now
from orchestrator.sources.claims import Claim, Claims
from orchestrator.sources.config import KafkaSettings
from orchestrator.sources.large_results import LargeResults
from orchestrator.sources.letters import (
    Incoming,
    Outgoing,
    Record,
    Trouble,
    content_of,
    dead_letter,
    event_record,
    result_record,
)
from orchestrator.sources.telemetry import creating, document_active, tell_retry, trace_headers
from orchestrator.work import WorkManager
from pagemesh.kafka.client import REPLAY_HEADER
from pagemesh.kafka.codec import Codec
from pagemesh.orchestrator.v1.document_pb2 import Document, PageResult
from pagemesh.orchestrator.v1.orchestrator_service_pb2 import DocumentSpec

_LONGEST_PAUSE = 60.0
_MOST_CANCELLED = 100_000
_PAGES_AT_ONCE = 50
_PAGE_BYTES = 8 * 1024 * 1024
_ENDLESS_STAGES = ("decode", "queue")
"""Where trouble that may pass is everybody's: no request is given up for it."""

_log = logging.getLogger(__name__)


@dataclass
class _Case:
    """What is known of a record while it is worked on.

    Attributes:
        stage: where it is now; the last one tells where it failed.
        request: what it says, once it is read.
        page: the page that failed last.
        is_incomplete: whether its document ended for a reason that may pass.
    """

    incoming: Incoming
    stage: str = "decode"
    request: Record | None = None
    page: int = 0
    attempts: int = 0
    is_incomplete: bool = False


@dataclass
class _Turns:
    """Documents at work, in all and for each client."""

    all: asyncio.Semaphore
    most_for_client: int
    clients: dict[str, tuple[asyncio.Semaphore, int]] = field(default_factory=dict)

    @contextlib.asynccontextmanager
    async def turn(self, client: str) -> AsyncIterator[None]:
        """Wait for a client's turn, then for anybody's: who waits takes nobody's place."""
        if not self.most_for_client:
            async with self.all:
                yield
            return
        semaphore, users = self.clients.get(client, (asyncio.Semaphore(self.most_for_client), 0))
        self.clients[client] = (semaphore, users + 1)
        try:
            async with semaphore, self.all:
                yield
        finally:
            semaphore, users = self.clients.pop(client)
            if users > 1:
                self.clients[client] = (semaphore, users - 1)


class RequestHandler:
    """Works on requests.

    Args:
        settings, limits: of the operator.
        desk, work: the orchestrator's.
        claims: who owns a request id.
        codec: reads and writes records.
        large: takes large results; None when there is no place for them.
        tell: sends an event, which may get lost.
    """

    def __init__(
        self,
        settings: KafkaSettings,
        limits: DocumentLimits,
        desk: OrderDesk,
        work: WorkManager,
        claims: Claims,
        codec: Codec,
        large: LargeResults | None,
        tell: Callable[[Outgoing], None],
    ) -> None:
        self._settings = settings
        self._limits = limits
        self._desk = desk
        self._work = work
        self._claims = claims
        self._codec = codec
        self._large = large
        self._tell = tell
        self._turns = _Turns(
            asyncio.Semaphore(settings.kafka_documents_in_flight), settings.kafka_client_documents
        )
        self._cancelled: OrderedDict[str, None] = OrderedDict()

    async def handle(self, incoming: Incoming) -> list[Outgoing]:
        """Everything that is to be written for a record; nothing, when another one is answered.

        Trouble that may pass is met by further attempts; the rest gives a dead letter. Raises
        nothing but CancelledError.
        """
        case = _Case(incoming)
        while True:
            case.attempts += 1
            try:
                return await self._attempt(case)
            except (sqlite3.Error, OSError) as error:
                _log.warning("the store is in trouble", exc_info=error)
                trouble: PagemeshError = DependencyUnavailable(
                    "the store is in trouble", reason="STORE_FAILED"
                )
            except Exception as error:
                trouble = known_error(error)
            may_pass = trouble.retry_after is not None
            is_over = case.attempts >= self._settings.kafka_max_attempts
            if not may_pass or (is_over and case.stage not in _ENDLESS_STAGES):
                told = Trouble(trouble, case.stage, case.attempts, case.page)
                return [await self._dead(case, told)]
            tell_retry(case.stage, trouble.reason)
            await asyncio.sleep(self._pause(case.attempts))

    def cancel(self, request_id: str) -> None:
        """Cancel a request, also one that is not at work yet. Needs the running loop."""
        self._cancelled[request_id] = None
        self._cancelled.move_to_end(request_id)
        if len(self._cancelled) > _MOST_CANCELLED:
            self._cancelled.popitem(last=False)

    async def cancel_work(self, request_id: str) -> None:
        """Cancel a request that is at work here."""
        with contextlib.suppress(NotFound):
            await self._work.cancel(request_id)

    async def tell_status(self, request_id: str) -> None:
        """Send an event with a document's state, if it is known here."""
        with contextlib.suppress(NotFound):
            document = await self._work.document(request_id)
            await self._send_event(event_record(document, ""))

    def _pause(self, attempts: int) -> float:
        return min(self._settings.kafka_retry_seconds * 2.0 ** (attempts - 1), _LONGEST_PAUSE)

    async def _attempt(self, case: _Case) -> list[Outgoing]:
        request = await self._decode(case)
        case.stage = "check"
        check_request_id(request["request_id"])
        spec = _spec(request)
        # First of all: what is refused is refused once, too.
        if not await self._owns(case, spec):
            return []
        self._check(request, spec)
        async with contextlib.AsyncExitStack() as resources:
            spool = await resources.enter_async_context(Spool.create(self._limits))
            order = self._order(case, request, spec, spool)
            case.stage = "queue"
            async with self._turns.turn(request["client"]):
                order.resources.push_async_exit(resources.pop_all())
                with document_active():
                    document = await self._read(case, order, request["client"])
        case.stage = "store"
        return [await self._result(document, request)]

    async def _decode(self, case: _Case) -> Record:
        case.stage = "decode"
        value = case.incoming.value or b""
        if len(value) > self._settings.kafka_max_request_bytes:
            raise TooLarge(
                f"the request has {len(value):,} bytes; at most "
                f"{self._settings.kafka_max_request_bytes:,} are read",
                reason="REQUEST_TOO_LARGE",
            )
        case.request = await asyncio.to_thread(self._codec.decode, "request", value)
        return case.request

    def _check(self, request: Record, spec: DocumentSpec) -> None:
        topic = request["reply_topic"]
        if topic is not None and topic not in self._settings.kafka_reply_topics:
            raise Forbidden(
                f"reply_topic: `{topic}` is none of the topics that the operator allows",
                reason="REPLY_TOPIC_NOT_ALLOWED",
                metadata={"field": "reply_topic"},
            )
        self._desk.check(spec, has_content=False)

    def _order(self, case: _Case, request: Record, spec: DocumentSpec, spool: Spool) -> Order:
        deadline = request["deadline"]
        return self._desk.order(
            spec,
            spool,
            time_remaining=None if deadline is None else deadline.timestamp() - time.time(),
            client=request["client"],
            keeper=Keeper.SOURCE,
            retries=case.is_incomplete or _is_replay(case.incoming),
        )

    async def _owns(self, case: _Case, spec: DocumentSpec) -> bool:
        """Whether this record is the one that answers its request id. Raises Conflict."""
        mine = Claim(case.incoming.place, fingerprint(spec, spec.pipeline, ""))
        owner = await self._claims.claim(
            spec.request_id, mine, takes_over=_is_replay(case.incoming)
        )
        if owner.fingerprint != mine.fingerprint:
            raise Conflict(
                f"request_id: `{spec.request_id}` belongs to another request; use a new id",
                metadata={"field": "request_id", "owner": owner.owner},
            )
        return owner == mine

    async def _read(self, case: _Case, order: Order, client: str) -> Document:
        """Read a document to its end. Raises what may pass of its trouble."""
        document = Document()
        failed: PageResult | None = None
        async with contextlib.aclosing(self._work.analyze(order)) as events:
            async for event in events:
                case.stage = "read"
                if isinstance(event, Document):
                    document = event
                    await self._cancel_if_told(order.request_id)
                else:
                    failed = event if failed_for_now(event) else failed
                    await self._tell_page(order.request_id, client, event)
        if document.HasField("error") and error_of(document.error).retry_after is not None:
            case.stage = "read" if document.pages.total else "fetch"
            case.is_incomplete = True
            raise error_of(document.error)
        if failed is not None:
            case.page = failed.page_number
            case.is_incomplete = True
            raise _passing(error_of(failed.error))
        return document

    async def _cancel_if_told(self, request_id: str) -> None:
        if request_id in self._cancelled:
            await self._work.cancel(request_id)

    async def _tell_page(self, request_id: str, client: str, page: PageResult) -> None:
        if self._settings.kafka_events_topic:
            document = await self._work.document(request_id)
            await self._send_event(event_record(document, client, page))

    async def _send_event(self, record: Record) -> None:
        topic = self._settings.kafka_events_topic
        with contextlib.suppress(DependencyUnavailable):
            key = record["request_id"].encode()
            self._tell(await self._encoded("event", topic, key, record))

    async def _result(self, document: Document, request: Record) -> Outgoing:
        record = result_record(document, request["client"])
        with tempfile.TemporaryDirectory(dir=self._limits.scratch_dir) as folder:
            path = Path(folder) / "result.json"
            sha256 = await self._write_content(document, path)
            size = path.stat().st_size
            if size <= self._settings.kafka_max_record_bytes:
                record["content"] = path.read_bytes()
            elif self._large is not None:
                location = await self._large.put(document.request_id, sha256, path)
                record["reference"] = {"location": location, "sha256": sha256, "size_bytes": size}
            else:
                record["content_note"] = (
                    f"the result has {size:,} bytes, which is more than a record takes, and no "
                    "kafka_results_location is configured; GetDocument hands it out"
                )
        topic = request["reply_topic"] or self._settings.kafka_results_topic
        return await self._encoded("result", topic, request["request_id"].encode(), record)

    async def _write_content(self, document: Document, path: Path) -> str:
        digest = hashlib.sha256()
        with path.open("wb") as file:
            async for piece in content_of(document, self._pages(document.request_id)):
                digest.update(piece)
                file.write(piece)
        return digest.hexdigest()

    async def _pages(self, request_id: str) -> AsyncIterator[PageResult]:
        first, has_more = 1, True
        while has_more:
            pages, has_more = await self._work.pages(request_id, first, _PAGES_AT_ONCE, _PAGE_BYTES)
            for page in pages:
                yield page
                first = page.page_number + 1

    async def _dead(self, case: _Case, trouble: Trouble) -> Outgoing:
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
        attempts = 0
        while True:
            attempts += 1
            try:
                letter = await self._encoded("dead_letter", topic, key, record)
                return replace(letter, error=trouble.error.reason)
            except DependencyUnavailable:
                await asyncio.sleep(self._pause(attempts))

    async def _encoded(
        self, contract: str, topic: str, key: bytes | None, record: Record
    ) -> Outgoing:
        with creating(topic) as tell_size:
            value = await asyncio.to_thread(self._codec.encode, contract, topic, record)
            tell_size(len(value))
            return Outgoing(topic, key, value, trace_headers())


def _spec(request: Record) -> DocumentSpec:
    fields: dict[str, Any] = {name: request[name] for name in _SPEC_FIELDS}
    if not 0 <= fields["dpi"] <= 100_000:
        fields["dpi"] = 100_000  # refused by the check, with its own words
    return DocumentSpec(password=request["password"] or "", **fields)


_SPEC_FIELDS = ("request_id", "location", "pipeline", "options", "pages", "dpi", "sha256")


def _passing(error: PagemeshError) -> PagemeshError:
    """The error as one that another attempt may not meet."""
    seconds = error.retry_after if error.retry_after is not None else 1.0
    return type(error)(
        error.message, reason=error.reason, metadata=error.metadata, retry_after=seconds
    )


def _is_replay(incoming: Incoming) -> bool:
    return any(name == REPLAY_HEADER for name, _ in incoming.headers)
