"""Hears CANCEL and STATUS."""

import asyncio
import logging
import time
from collections.abc import Mapping
from typing import Any

from meshkit.errors import PagemeshError
from orchestrator.sources.handling import RequestHandler
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
                self._obey(command, is_new=record.timestamp >= self._started_ms)

    def _obey(self, command: Mapping[str, Any], *, is_new: bool) -> None:
        request_id = command["request_id"]
        if command["command"] == "CANCEL":
            self._loop.call_soon_threadsafe(self._handler.cancel, request_id)
            asyncio.run_coroutine_threadsafe(self._handler.cancel_work(request_id), self._loop)
        elif command["command"] == "STATUS" and is_new:
            asyncio.run_coroutine_threadsafe(self._handler.tell_status(request_id), self._loop)
