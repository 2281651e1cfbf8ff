"""Definitions that follow their files while the orchestrator runs."""

import asyncio
import logging
from typing import Protocol

_log = logging.getLogger(__name__)


class Definitions(Protocol):
    """What is read from files: pipelines, or forms."""

    def reload(self) -> bool:
        """Read them again when a file has changed; whether they were taken.

        Raises:
            OSError: the files cannot be read.
        """


async def follow(definitions: Definitions, interval: float) -> None:
    """Reload for ever, looking every so many seconds."""
    while True:
        await asyncio.sleep(interval)
        try:
            await asyncio.to_thread(definitions.reload)
        except OSError:
            kind = type(definitions).__name__
            _log.exception("%s: files cannot be read, what was read before stays", kind)
