"""Documents go to the orchestrators by Kafka, and results, events and dead letters come by it."""

import asyncio
import logging
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from google.protobuf.json_format import Parse, ParseError

from gateway.dispatch.answers import Listener
from gateway.dispatch.large_results import fetch_result
from gateway.dispatch.tracing import in_trace
from gateway.ledger import DocumentLog, Ledger
from gateway.records import Account, Record
from meshkit.errors import (
    DependencyUnavailable,
    Internal,
    InvalidInput,
    PagemeshError,
    TooLarge,
)
from pagemesh.kafka.client import KafkaClient
from pagemesh.kafka.connection import Connection
from pagemesh.kafka.topics import Topics
from pagemesh.orchestrator.v1 import document_pb2 as documents
from pagemesh.orchestrator.v1 import orchestrator_service_pb2 as pb

_SUBMIT_SECONDS = 10.0

_log = logging.getLogger(__name__)


class KafkaDispatch:
    """A `Dispatch` by Kafka. What comes is committed once it is in the ledger.

    Args:
        connection, topics: of the brokers.
        group: consumer group of all gateways that share a store.
        ledger: where it is written down what becomes of documents.
        s3_endpoint: of the store of results that are too large for a record; empty: the provider's.
    """

    def __init__(
        self,
        connection: Connection,
        topics: Topics,
        group: str,
        ledger: Ledger,
        s3_endpoint: str = "",
    ) -> None:
        self._ledger = ledger
        self._topics = topics
        self._s3_endpoint = s3_endpoint
        self._client = KafkaClient(connection, topics)
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="gateway-kafka")
        self._listener = Listener(connection, topics, group, self._take)

    async def start(self) -> None:
        """Listen; brokers may be away still."""
        self._listener.start()

    async def stop(self) -> None:
        """End; what was not committed comes again."""
        await self._listener.stop()
        await asyncio.get_running_loop().run_in_executor(None, self._end)

    def _end(self) -> None:
        self._thread.shutdown(cancel_futures=True)
        self._client.__exit__(None, None, None)

    async def check(self) -> None:
        """Nothing: documents are taken while brokers are away, and handed on later."""

    async def submit(self, record: Record) -> None:
        """Send the request; it is on the brokers then."""
        request = request_of(record)

        def send() -> None:
            with in_trace(record.traceparent):
                self._client.submit(request)

        await self._told(send)

    async def cancel(self, record: Record) -> None:
        """Send the command; the document's end comes as its result."""
        await self._told(lambda: self._client.command(record.work_id, "CANCEL"))

    async def erase(self, work_id: str) -> tuple[list[pb.Erasure], list[str]]:
        """See `Dispatch`. What orchestrators delete is not known here."""
        await self._told(lambda: self._client.command(work_id, "ERASE"))
        topics = ", ".join((self._topics.requests, self._topics.results, self._topics.dead_letters))
        return [], [
            "what orchestrators keep: each deletes it when it hears of this by Kafka",
            f"records in Kafka's {topics}: until their topics' retention",
        ]

    async def _told(self, act: Any) -> None:
        sending = asyncio.get_running_loop().run_in_executor(self._thread, act)
        try:
            await asyncio.wait_for(asyncio.shield(sending), _SUBMIT_SECONDS)
        except (TimeoutError, RuntimeError) as error:
            # It may be sent yet: sent twice, it has one result.
            sending.add_done_callback(lambda done: done.cancelled() or done.exception())
            raise DependencyUnavailable(
                "Kafka does not answer", reason="BROKERS_UNAVAILABLE"
            ) from error

    async def _take(self, contract: str, told: dict[str, Any]) -> None:
        """Write down what came; raises DependencyUnavailable when it must come again."""
        work_id = told["request_id"]
        log = await self._ledger.open(work_id) if work_id else None
        if log is None or log.is_over:
            return  # another door's document, or told before
        match contract:
            case "event":
                await _take_event(log, told)
            case "dead_letter":
                await log.failed(_error_of(told["error"]))
            case "result":
                await self._take_result(log, told)

    async def _take_result(self, log: DocumentLog, told: dict[str, Any]) -> None:
        content = told["content"]
        try:
            if content is None and told["reference"] is not None:
                content = await fetch_result(told["reference"], self._s3_endpoint)
            if content is None:
                raise TooLarge(
                    f"the result cannot be shown: {told['content_note']}",
                    reason="RESULT_LEFT_OUT",
                )
            answer = await asyncio.to_thread(Parse, content, pb.GetDocumentResponse())
        except (ParseError, TooLarge, InvalidInput) as error:
            _log.warning("a result cannot be read", extra={"document": told["request_id"]})
            known = error if isinstance(error, PagemeshError) else Internal("the result is broken")
            await log.failed(known)
            return
        for page in answer.pages:
            await log.page(page)
        await log.document(answer.document)


def request_of(record: Record) -> dict[str, Any]:
    """A document as the contract `request` has it."""
    asked = record.asked
    request: dict[str, Any] = {
        "request_id": record.work_id,
        "location": record.location,
        "pipeline": asked.pipeline,
        "client": record.client,
        "options": asked.options,
        "pages": asked.pages,
        "dpi": asked.dpi,
        "password": asked.password or None,
        "sha256": asked.sha256,
        "priority": asked.priority,
    }
    if asked.timeout is not None:
        request["deadline"] = int((record.created_at.timestamp() + asked.timeout) * 1000)
    return request


async def _take_event(log: DocumentLog, told: dict[str, Any]) -> None:
    pages = told["pages"]
    account = Account(
        total=pages["total"],
        done=pages["ok"] + pages["failed"] + pages["skipped"],
        ok=pages["ok"],
        failed=pages["failed"],
        skipped=pages["skipped"],
    )
    page = told["page"]
    if page is not None:
        name = f"PAGE_OUTCOME_{page['outcome']}"
        outcome = documents.PageOutcome.Value(name) if page["outcome"] != "UNKNOWN" else 0
        await log.page(
            documents.PageResult(
                page_number=page["page_number"],
                outcome=documents.PageOutcome.ValueType(outcome),
                reason=page["reason"],
            ),
            is_whole=False,
        )
    await log.progress(account)


def _error_of(error: dict[str, str]) -> PagemeshError:
    return Internal(error["message"] or "the request was given up", reason=error["reason"] or None)
