"""Reads and writes records in an event loop."""

import asyncio
from collections.abc import Callable
from typing import Any

from orchestrator.sources.letters import Record
from pagemesh.kafka.codec import Codec


class Records:
    """The codec for an event loop: whatever needs the registry's answer waits in a thread.

    What many need at the same moment is asked for once; the rest is quicker than a thread.
    """

    def __init__(self, codec: Codec) -> None:
        self._codec = codec
        self._asking: dict[object, asyncio.Task[None]] = {}

    async def decode(self, contract: str, value: bytes | None) -> Record:
        """See `Codec.decode`."""
        schema_id = self._codec.unseen(value)
        if schema_id is not None:
            await self._ask_once(schema_id, self._codec.learn, schema_id)
        return self._codec.decode(contract, value)

    async def encode(self, contract: str, topic: str, record: Record) -> bytes:
        """See `Codec.encode`."""
        if not self._codec.is_registered(contract, topic):
            await self._ask_once((contract, topic), self._codec.register, contract, topic)
        return self._codec.encode(contract, topic, record)

    async def _ask_once(self, what: object, ask: Callable[..., None], *arguments: Any) -> None:
        asking = self._asking.get(what)
        if asking is None:
            asking = self._asking[what] = asyncio.create_task(asyncio.to_thread(ask, *arguments))
            asking.add_done_callback(lambda _: self._asking.pop(what))
        await asyncio.shield(asking)
