"""One request of a queue, from its bytes to the records that answer it. Knows no broker."""

import asyncio
import contextlib
import logging
import sqlite3
from collections import OrderedDict
from collections.abc import Callable

from meshkit.errors import DependencyUnavailable, NotFound, PagemeshError
from meshkit.status import error_of
from orchestrator.documents.config import DocumentLimits
from orchestrator.documents.spool import Spool
from orchestrator.faults import known_error
from orchestrator.order import Order
from orchestrator.records import failed_for_now
from orchestrator.sources.config import KafkaSettings
from orchestrator.sources.intake import Case, Intake
from orchestrator.sources.letters import Incoming, Outgoing, Trouble
from orchestrator.sources.replies import Replies
from orchestrator.sources.telemetry import document_active, tell_retry
from orchestrator.sources.turns import Turns
from orchestrator.work import WorkManager
from pagemesh.orchestrator.v1.document_pb2 import Document, PageResult

_LONGEST_PAUSE = 60.0
_MOST_CANCELLED = 100_000
_ENDLESS_STAGES = ("decode", "check", "queue")
"""Where trouble that may pass is everybody's: no request is given up for it."""

_log = logging.getLogger(__name__)


class RequestHandler:
    """Works on requests.

    Args:
        settings, limits: of the operator.
        work: the orchestrator's.
        intake: makes orders of records.
        replies: makes records of what was done.
        tell: sends an event, which may get lost.
    """

    def __init__(
        self,
        settings: KafkaSettings,
        limits: DocumentLimits,
        work: WorkManager,
        intake: Intake,
        replies: Replies,
        tell: Callable[[Outgoing], None],
    ) -> None:
        self._settings = settings
        self._limits = limits
        self._work = work
        self._intake = intake
        self._replies = replies
        self._tell = tell
        self._turns = Turns(settings.kafka_documents_in_flight, settings.kafka_client_documents)
        self._cancelled: OrderedDict[str, None] = OrderedDict()

    async def handle(self, incoming: Incoming) -> list[Outgoing]:
        """Everything that is to be written for a record; nothing, when another one is answered.

        Trouble that may pass is met by further attempts; the rest gives a dead letter. Raises
        nothing but CancelledError.
        """
        case = Case(incoming)
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
            pause = self._pause(case.attempts)
            if not may_pass or (is_over and case.stage not in _ENDLESS_STAGES):
                told = Trouble(trouble, case.stage, case.attempts, case.page)
                return [await self._replies.dead_letter(case, told, pause_seconds=pause)]
            tell_retry(case.stage, trouble.reason)
            await asyncio.sleep(pause)

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

    async def erase(self, request_id: str, taken_before: float) -> None:
        """Erase a request that was taken before this Unix time, also one that is at work here."""
        if await self._work.erase(request_id, taken_before=taken_before):
            await self._replies.erase(request_id, written_before=taken_before)

    async def tell_status(self, request_id: str) -> None:
        """Send an event with a document's state, if it is known here."""
        with contextlib.suppress(NotFound):
            await self._send_event(await self._work.document(request_id), "")

    def _pause(self, attempts: int) -> float:
        pause = self._settings.kafka_retry_seconds * 2.0 ** min(attempts - 1, 30)
        return float(min(pause, _LONGEST_PAUSE))

    async def _attempt(self, case: Case) -> list[Outgoing]:
        request = await self._intake.decode(case)
        spec = await self._intake.check(case, request)
        if spec is None:
            return []
        spool = Spool(self._limits)
        order = self._intake.order(case, request, spec, spool)
        case.stage = "queue"
        async with self._turns.turn(request["client"]):
            order.resources.push_async_callback(spool.close)
            with document_active():
                document = await self._read(case, order, request["client"])
        case.stage = "store"
        return [await self._replies.result(document, request)]

    async def _read(self, case: Case, order: Order, client: str) -> Document:
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
            await self._send_event(await self._work.document(request_id), client, page)

    async def _send_event(
        self, document: Document, client: str, page: PageResult | None = None
    ) -> None:
        event = await self._replies.event(document, client, page)
        if event is not None:
            self._tell(event)


def _passing(error: PagemeshError) -> PagemeshError:
    """The error as one that another attempt may not meet."""
    seconds = error.retry_after if error.retry_after is not None else 1.0
    return type(error)(
        error.message, reason=error.reason, metadata=error.metadata, retry_after=seconds
    )
