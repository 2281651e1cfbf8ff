"""Hears CANCEL, ERASE and STATUS."""

import asyncio
import logging
import time
from collections.abc import Coroutine, Mapping
from typing import Any

from meshkit.errors import PagemeshError
from orchestrator.sources.handling import RequestHandler
from orchestrator.sources.telemetry import obeying
from pagemesh.kafka.codec import Codec

_log = logging.getLogger(__name__)


class Commands:
    """Commands of the control topic, obeyed in the orchestrator's loop.

    Args:
        consumer: of the topic.
        codec: reads them.
        handler: obeys.
        loop: where it runs.
    """

    def __init__(
        self,
        consumer: Any,
        codec: Codec,
        handler: RequestHandler,
        loop: asyncio.AbstractEventLoop,
    ) -> None:
        self._consumer = consumer
        self._codec = codec
        self._handler = handler
        self._loop = loop
        self._started_ms = time.time() * 1000

    def hear(self) -> None:
        """Obey what has come. Raises KafkaError."""
        for records in self._consumer.poll(timeout_ms=0).values():
            for record in records:
                try:
                    command = self._codec.decode("control", record.value)
                except PagemeshError as error:
                    _log.warning("no command", extra={"reason": error.reason})
                    continue
                self._obey(command, record)

    def _obey(self, command: Mapping[str, Any], record: Any) -> None:
        request_id = command["request_id"]
        if command["command"] == "CANCEL":
            self._loop.call_soon_threadsafe(self._handler.cancel, request_id)
            self._submit(self._handler.cancel_work(request_id), request_id, record)
        elif command["command"] == "ERASE":
            self._loop.call_soon_threadsafe(self._handler.cancel, request_id)
            # Heard again after every restart for a day: a document of the same id may have come.
            work = self._handler.erase(request_id, record.timestamp / 1000)
            self._submit(work, request_id, record)
        elif command["command"] == "STATUS" and record.timestamp >= self._started_ms:
            self._submit(self._handler.tell_status(request_id), request_id, record)

    def _submit(self, work: Coroutine[Any, Any, None], request_id: str, record: Any) -> None:
        asyncio.run_coroutine_threadsafe(_traced(work, request_id, record), self._loop)


async def _traced(work: Coroutine[Any, Any, None], request_id: str, record: Any) -> None:
    with obeying(record.topic, record.headers or (), request_id):
        await work
