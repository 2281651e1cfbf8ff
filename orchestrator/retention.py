"""Deletes documents whose time is over."""

import asyncio
import logging
import time

from orchestrator.stores.base import DocumentStore

_SWEEP_SECONDS = 60.0
_log = logging.getLogger(__name__)


async def sweep(store: DocumentStore, retention_seconds: float) -> None:
    """Delete what ended longer ago than this, now and then, until cancelled."""
    while True:
        try:
            count = await store.delete_ended_before(time.time() - retention_seconds)
            if count:
                _log.info("deleted old documents", extra={"count": count})
        except Exception:
            _log.exception("old documents cannot be deleted")
        await asyncio.sleep(min(_SWEEP_SECONDS, retention_seconds))
