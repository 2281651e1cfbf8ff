"""Erases documents from everything that the gateway keeps, and from the orchestrators behind it."""

from dataclasses import dataclass

from gateway.dispatch.base import Dispatch
from gateway.documents import Documents, not_found
from gateway.identity import Client
from gateway.images import Images
from gateway.records import Record
from gateway.stores import Store
from gateway.uploads import Place
from gateway.webhooks import Webhooks
from meshkit.errors import Forbidden


@dataclass(frozen=True, slots=True)
class Erased:
    """Something that was deleted for good: what, of which store, and how many."""

    what: str
    count: int


@dataclass(frozen=True, slots=True)
class Erasure:
    """What became of a document.

    Attributes:
        erased: what was deleted.
        remains: what is out of reach, and when it goes.
    """

    erased: list[Erased]
    remains: list[str]


class Eraser:
    """Knows every place where something of a document may be.

    Args:
        documents, store, dispatch, place, images, webhooks: of the gateway.
    """

    def __init__(
        self,
        documents: Documents,
        store: Store,
        dispatch: Dispatch,
        place: Place,
        images: Images,
        webhooks: Webhooks,
    ) -> None:
        self._documents = documents
        self._store = store
        self._dispatch = dispatch
        self._place = place
        self._images = images
        self._webhooks = webhooks

    async def erase(self, asking: Client, document_id: str, owner: str) -> Erasure:
        """Erase a document.

        Work is stopped first, so that nothing is written once it is deleted. Trouble midway leaves
        the record to the end: asked again, the rest is deleted.

        Args:
            asking: who wants it.
            document_id: names it.
            owner: whose it is; empty: of who asks.
        Raises:
            NotFound: it is not there, or is another client's.
            Forbidden: it is another client's, and who asks is no admin.
            DependencyUnavailable: a store or the orchestrators cannot be reached now.
        """
        if owner and owner != asking.id and not asking.is_admin:
            raise Forbidden(
                "client: only a key of an admin erases documents of other clients",
                reason="NOT_ADMIN",
                metadata={"field": "client"},
            )
        client = Client(owner) if owner else asking
        work_id = client.work_id(document_id)
        record = await self._store.record(work_id)
        if record is None:
            raise not_found(document_id)
        if not record.status.is_final:
            await self._documents.cancel(client, document_id)  # it is handed on no more
        told, remains = await self._dispatch.erase(work_id)
        erased = [Erased(each.what, each.count) for each in told]
        erased += await self._beside(record)
        if not self._is_ours(record.location):
            remains.append(f"the document itself, where its client put it: {record.source}")
        documents, pages = await self._store.erase(work_id)
        erased += [
            Erased("documents in the gateway's store", documents),
            Erased("pages in the gateway's store", pages),
        ]
        remains.append(
            "what was told about it in logs and traces, without content: their retention"
        )
        return Erasure([each for each in erased if each.count], remains)

    async def _beside(self, record: Record) -> list[Erased]:
        uploads = 0
        if self._is_ours(record.location):
            uploads = 1
            await self._place.erase(record.location)
        await self._webhooks.erase(record)
        return [
            Erased("uploads", uploads),
            Erased("pictures of pages", await self._images.erase(record)),
        ]

    def _is_ours(self, location: str) -> bool:
        return location.startswith(f"{self._place.root}/")
