"""Takes up the documents that a restart cut off."""

import contextlib
import logging

from meshkit.errors import DependencyUnavailable, PagemeshError
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


async def resume_documents(
    store: DocumentStore,
    uploads: Uploads,
    desk: OrderDesk,
    work: WorkManager,
    limits: DocumentLimits,
) -> int:
    """Go on with every unfinished document that the store keeps, at its first unfinished page.

    One that cannot be gone on with, because its pipeline is gone or its bytes are, ends FAILED with
    the reason.

    Returns:
        how many are at work again.
    """
    records = await store.unfinished(Keeper.STORE)
    await uploads.drop_all_but([record.document.request_id for record in records])
    resumed = 0
    for record in records:
        request_id = record.document.request_id
        try:
            await _resume(record, uploads, desk, work, limits)
            resumed += 1
        except Exception as error:
            known = _told(error)
            _log.warning(
                "a document cannot be gone on with",
                extra={"request_id": request_id, "reason": known.reason},
            )
            ending = Ending(error=known, rest_reason=known.message, rest_error=known)
            await store.end(request_id, ending)
    if resumed:
        _log.info("went on with documents that were cut off", extra={"count": resumed})
    return resumed


async def _resume(
    record: Record, uploads: Uploads, desk: OrderDesk, work: WorkManager, limits: DocumentLimits
) -> None:
    spec = DocumentSpec.FromString(record.spec)
    async with contextlib.AsyncExitStack() as resources:
        spool = await resources.enter_async_context(Spool.create(limits))
        if not spec.location:
            await uploads.restore(record.document.request_id, spool)
        desk.check(spec)
        order = desk.order(
            spec,
            spool,
            request_id=record.document.request_id,
            keeper=Keeper.STORE,
            source=record.document.source,
            client=record.client,
        )
        order.resources.push_async_exit(resources.pop_all())
    with in_trace_of(record.traceparent):
        await work.submit(order)


def _told(error: Exception) -> PagemeshError:
    if isinstance(error, FileNotFoundError):
        return DependencyUnavailable(
            "the uploaded bytes were lost while the orchestrator was down; send the document again",
            reason="INTERRUPTED",
        )
    return known_error(error)
