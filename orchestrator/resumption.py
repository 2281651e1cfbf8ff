"""Takes up documents that were cut off, by a restart here or at another orchestrator."""

import asyncio
import contextlib
import logging
from collections.abc import Sequence

from meshkit.errors import DependencyUnavailable, Overloaded, PagemeshError
from orchestrator.documents.config import DocumentLimits
from orchestrator.documents.spool import Spool
from orchestrator.faults import known_error
from orchestrator.orders import OrderDesk
from orchestrator.records import Ending, Keeper, Record
from orchestrator.stores.base import DocumentStore
from orchestrator.telemetry.resuming import in_trace_of
from orchestrator.uploads import Uploads
from orchestrator.work import WorkManager
from pagemesh.orchestrator.v1.orchestrator_service_pb2 import DocumentSpec

_log = logging.getLogger(__name__)


class Resumption:
    """Goes on with every document that the store keeps and nobody is at work on.

    Args:
        store: keeps them.
        uploads: has the bytes of those that have no location.
        desk, work: of this orchestrator.
        limits: of documents.
    """

    def __init__(
        self,
        store: DocumentStore,
        uploads: Uploads,
        desk: OrderDesk,
        work: WorkManager,
        limits: DocumentLimits,
    ) -> None:
        self._store = store
        self._uploads = uploads
        self._desk = desk
        self._work = work
        self._limits = limits

    async def begin(self) -> None:
        """Go on with what this orchestrator left at its last end; forget bytes of no document."""
        records = await self._work.orphans()
        await self._uploads.drop_all_but([record.document.request_id for record in records])
        await self._resume_all(records)

    async def watch(self, seconds: float) -> None:
        """Go on with what others left, looked for so often, until cancelled."""
        while True:
            await asyncio.sleep(seconds)
            try:
                await self._resume_all(await self._work.orphans())
            except Exception as error:
                _log.warning("documents left by others cannot be looked for", exc_info=error)

    async def _resume_all(self, records: Sequence[Record]) -> None:
        """Go on at the first unfinished page of each.

        One that cannot be gone on with, because its pipeline is gone or its bytes are, ends FAILED
        with the reason; for which there is no room now, it is left for the next look.
        """
        for record in records:
            request_id = record.document.request_id
            try:
                await self._resume(record)
            except (Overloaded, DependencyUnavailable) as error:
                _log.info("documents wait to be gone on with", extra={"reason": error.reason})
                return
            except Exception as error:
                known = _told(error)
                _log.warning(
                    "a document cannot be gone on with",
                    extra={"request_id": request_id, "reason": known.reason},
                )
                ending = Ending(error=known, rest_reason=known.message, rest_error=known)
                await self._store.end(request_id, ending)
        if records:
            _log.info("went on with documents that were cut off", extra={"count": len(records)})

    async def _resume(self, record: Record) -> None:
        spec = DocumentSpec.FromString(record.spec)
        async with contextlib.AsyncExitStack() as resources:
            spool = await resources.enter_async_context(Spool.create(self._limits))
            if not spec.location:
                await self._uploads.restore(record.document.request_id, spool)
            self._desk.check(spec)
            order = self._desk.order(
                spec,
                spool,
                request_id=record.document.request_id,
                keeper=Keeper.STORE,
                source=record.document.source,
                client=record.client,
            )
            order.resources.push_async_exit(resources.pop_all())
        with in_trace_of(record.traceparent):
            await self._work.submit(order)


def _told(error: Exception) -> PagemeshError:
    if isinstance(error, FileNotFoundError):
        return DependencyUnavailable(
            "the uploaded bytes were lost while the orchestrator was down; send the document again",
            reason="INTERRUPTED",
        )
    return known_error(error)
