"""What can be done with documents, whatever way it is asked for."""

import asyncio
import hashlib
import json
import logging
import time
import uuid
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

from opentelemetry import propagate

from gateway.dispatch.base import Dispatch
from gateway.identity import Client
from gateway.ledger import Ledger
from gateway.locations import check_location
from gateway.orchestrator import Orchestrator
from gateway.records import Asked, Cursor, Record, View, now
from gateway.stores import Store
from gateway.uploads import Place
from gateway.webhooks import Webhooks
from meshkit.errors import Conflict, InvalidInput, NotFound, PagemeshError
from meshkit.locations import public_location
from pagemesh.orchestrator.v1 import orchestrator_service_pb2 as pb

_SWEEP_SECONDS = 30.0
_WAITING_AT_ONCE = 100
_WAITED_SECONDS = 10.0
_PIPELINES_SECONDS = 5.0

_log = logging.getLogger(__name__)


class Kept(NamedTuple):
    """An upload that was kept: where, its digest, its client's name for it."""

    location: str
    sha256: str
    filename: str


class Documents:
    """The gateway's work, apart from HTTP."""

    def __init__(
        self,
        store: Store,
        ledger: Ledger,
        dispatch: Dispatch,
        place: Place,
        orchestrator: Orchestrator,
        webhooks: Webhooks,
        retention_seconds: float,
    ) -> None:
        self.store = store
        self.orchestrator = orchestrator
        self._ledger = ledger
        self._dispatch = dispatch
        self._place = place
        self._webhooks = webhooks
        self._retention = retention_seconds
        self._sweeping: asyncio.Task[None] | None = None
        self._pipelines: tuple[float, Sequence[pb.Pipeline]] = (0.0, ())

    def start(self) -> None:
        """Hand on what an earlier process could not, and delete what is old, from now on."""
        self._sweeping = asyncio.create_task(self._sweep_again_and_again())

    async def stop(self) -> None:
        """End. May be repeated."""
        if self._sweeping is not None:
            self._sweeping.cancel()
            await asyncio.gather(self._sweeping, return_exceptions=True)

    async def send(
        self, client: Client, document_id: str, asked: Asked, kept: Kept | None
    ) -> Record:
        """Take a document; the one that is there when it was sent before.

        Args:
            client: whose it is.
            document_id: names it; empty makes a name up.
            asked: what is to be read, and how.
            kept: its bytes, when there is no location; forgotten when they are not needed.

        Raises:
            InvalidInput, Forbidden: the request is wrong.
            Conflict: the id stands for another request.
            DependencyUnavailable: it cannot be taken now.
        """
        try:
            record = await self._record(client, document_id or uuid.uuid4().hex, asked, kept)
            is_owed = await self._webhooks.expect(record)
            there = await self._ledger.add(record)
        except BaseException:
            if kept is not None:
                await self._place.discard(kept.location)
            raise
        if there is not None:
            if kept is not None:
                await self._place.discard(kept.location)
            if is_owed:
                await self._webhooks.forget(record)
            if there.fingerprint != record.fingerprint:
                raise Conflict(
                    f"{document_id} is the id of another request; send this one with another id",
                    reason="REQUEST_ID_TAKEN",
                    metadata={"field": "request_id"},
                )
            record = there
        if not record.is_dispatched:
            record = await self._hand_on(record)
        return record

    async def view(self, client: Client, document_id: str) -> View:
        """What the client is shown of a document. Raises NotFound, DependencyUnavailable."""
        view = await self.store.view(client.work_id(document_id))
        if view is None:
            raise not_found(document_id)
        return view

    async def record(self, client: Client, document_id: str) -> Record:
        """A document. Raises NotFound, DependencyUnavailable."""
        record = await self.store.record(client.work_id(document_id))
        if record is None:
            raise not_found(document_id)
        return record

    async def cancel(self, client: Client, document_id: str) -> Record:
        """Stop work on a document; as it is now. Finished pages are kept.

        Raises NotFound, DependencyUnavailable.
        """

        def change(record: Record) -> Record | None:
            if record.status.is_final or record.is_unwanted:
                return None
            return record.model_copy(update={"is_unwanted": True})

        record = await self._ledger.change(client.work_id(document_id), change)
        if record is None:
            raise not_found(document_id)
        if not record.status.is_final:
            await self._dispatch.cancel(record)
        return await self.record(client, document_id)

    async def listed(
        self, client: Client, after: Cursor | None, limit: int, query: str
    ) -> Sequence[Record]:
        """The client's documents, newest first. Raises DependencyUnavailable."""
        return await self.store.listed(client.id, after, limit, query)

    async def pipelines(self) -> Sequence[pb.Pipeline]:
        """The pipelines that can be asked for. Raises DependencyUnavailable."""
        until, pipelines = self._pipelines
        if time.monotonic() > until:
            pipelines = await self.orchestrator.pipelines()
            self._pipelines = (time.monotonic() + _PIPELINES_SECONDS, pipelines)
        return pipelines

    async def check(self) -> None:
        """Raises DependencyUnavailable when documents can neither be taken nor shown."""
        await self.store.check()
        await self._dispatch.check()

    async def _record(
        self, client: Client, document_id: str, asked: Asked, kept: Kept | None
    ) -> Record:
        if asked.location:
            check_location(asked.location, self._place.root)
        if asked.webhook:
            self._webhooks.check(asked.webhook)
        if kept is not None and asked.sha256 not in {"", kept.sha256}:
            raise InvalidInput(
                f"sha256: the file's is {kept.sha256}",
                reason="DIGEST_MISMATCH",
                metadata={"field": "sha256"},
            )
        await self._check_pipeline(asked.pipeline)
        carrier: dict[str, str] = {}
        propagate.inject(carrier)
        moment = now()
        return Record(
            work_id=client.work_id(document_id),
            client=client.id,
            id=document_id,
            fingerprint=_fingerprint(asked, kept),
            asked=asked,
            location=kept.location if kept else asked.location,
            source=kept.filename if kept else public_location(asked.location),
            pipeline=asked.pipeline,
            created_at=moment,
            updated_at=moment,
            traceparent=carrier.get("traceparent", ""),
        )

    async def _check_pipeline(self, name: str) -> None:
        if not name:
            return
        try:
            pipelines = await self.pipelines()
        except PagemeshError:
            return  # the orchestrator will judge, when it is there
        known = [pipeline.identity.name for pipeline in pipelines]
        if name not in known:
            raise InvalidInput(
                f"pipeline: there is no `{name}`; known are {', '.join(known)}"[:500],
                reason="PIPELINE_NOT_FOUND",
                metadata={"field": "pipeline"},
            )

    async def _hand_on(self, record: Record) -> Record:
        """Hand a document on; one that cannot be now is handed on later."""
        try:
            await self._dispatch.submit(record)
        except PagemeshError as error:
            _log.warning(
                "a document cannot be handed on now",
                extra={"document": record.work_id, "cause": error.message},
            )
            return record
        changed = await self._ledger.change(
            record.work_id, lambda each: each.model_copy(update={"is_dispatched": True})
        )
        return changed or record

    async def _sweep_again_and_again(self) -> None:
        while True:
            try:
                await self._sweep(now())
            except PagemeshError as error:
                _log.warning("the store cannot be swept", extra={"cause": error.message})
            except Exception:
                _log.exception("the store cannot be swept")
            await asyncio.sleep(_SWEEP_SECONDS)

    async def _sweep(self, moment: datetime) -> None:
        before = moment - timedelta(seconds=_WAITED_SECONDS)
        for record in await self.store.waiting(before, _WAITING_AT_ONCE):
            await self._hand_on(record)
        old = moment - timedelta(seconds=self._retention)
        while await self.store.sweep(old):
            pass
        await self._place.sweep(old.timestamp())


def not_found(document_id: str) -> NotFound:
    """What a client is told of a document that is not there, or not its own."""
    return NotFound(
        f"there is no document {document_id[:200]}; it was never sent, or is deleted by now",
        reason="DOCUMENT_NOT_FOUND",
    )


def _fingerprint(asked: Asked, kept: Kept | None) -> str:
    content = asked.model_dump() | {"content": kept.sha256 if kept else ""}
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()
