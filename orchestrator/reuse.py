"""Finished results given again, for clients that the operator names.

A result is given again when everything that it depends on is the same: the document's bytes, the
pipeline, the options, the forms, this release, and the models. Models are known by their answers
alone; so each step of the old result must have been answered within the last seconds, to the same
question about whichever document, and by the same model every time.
"""

import hashlib
import logging
import time
from collections.abc import Collection, Iterable
from importlib.metadata import version

from orchestrator.forms.library import FormLibrary
from orchestrator.order import Order
from orchestrator.stores.base import DocumentStore
from pagemesh.orchestrator.v1.document_pb2 import Document, PageResult
from pagemesh.orchestrator.v1.orchestrator_service_pb2 import DocumentSpec

_PAGES_AT_ONCE = 50
_PAGE_BYTES = 8 * 1024 * 1024
_MOST_STEPS = 10_000

_log = logging.getLogger(__name__)

_Model = tuple[str, str, str]
_Step = tuple[str, str]


class Reuse:
    """Knows what may be given again.

    Args:
        store: has the finished results.
        forms: that are in use now.
        clients: for whom results are given again, each its own alone; empty: nothing is.
        model_seconds: for so long a model counts as the one that answered.
    """

    def __init__(
        self,
        store: DocumentStore,
        forms: FormLibrary,
        clients: Collection[str],
        *,
        model_seconds: float,
    ) -> None:
        self._store = store
        self._forms = forms
        self._clients = frozenset(clients)
        self._model_seconds = model_seconds
        self._answered: dict[_Step, dict[_Model, float]] = {}

    def is_for(self, order: Order) -> bool:
        """Whether an order's client has it switched on."""
        return order.client in self._clients

    def see(self, order: Order, pages: Iterable[PageResult]) -> None:
        """Pages were read just now, by these models."""
        question, now = self._question(order), time.monotonic()
        for step, model in _models(pages):
            self._answered.setdefault((question, step), {})[model] = now
        if len(self._answered) > _MOST_STEPS:
            self._answered.clear()

    async def find(self, order: Order) -> Document | None:
        """A finished document whose pages are this order's, too; the order's own is noted.

        Needs the bytes in the order's spool.
        """
        key = self._key(order)
        found = await self._store.find_reusable(key)
        await self._store.set_reuse_key(order.request_id, key)
        if found is None or not await self._has_models_of(order, found):
            return None
        _log.info("a finished result is given again", extra={"request_id": order.request_id})
        return found

    async def copy(self, found: Document, request_id: str) -> None:
        """Write the pages of a finished document as another's."""
        await self._store.opened(request_id, found.media_type, found.pages.total)
        first, has_more = 1, True
        while has_more:
            pages, has_more = await self._pages(found, first)
            await self._store.add_pages(request_id, pages)
            first = pages[-1].page_number + 1 if pages else first

    async def _has_models_of(self, order: Order, found: Document) -> bool:
        question, first, has_more = self._question(order), 1, True
        oldest = time.monotonic() - self._model_seconds
        while has_more:
            pages, has_more = await self._pages(found, first)
            for step, model in _models(pages):
                answered = self._answered.get((question, step), {})
                if {each for each, moment in answered.items() if moment >= oldest} != {model}:
                    return False
            first = pages[-1].page_number + 1 if pages else first
        return True

    async def _pages(self, found: Document, first: int) -> tuple[list[PageResult], bool]:
        return await self._store.pages_from(found.request_id, first, _PAGES_AT_ONCE, _PAGE_BYTES)

    def _key(self, order: Order) -> str:
        text = "\n".join([order.client, order.spool.sha256, self._question(order)])
        return hashlib.sha256(text.encode()).hexdigest()

    def _question(self, order: Order) -> str:
        """A digest of all that decides on a result, but the bytes and the models."""
        spec, asked, pipeline = order.spec, DocumentSpec(), order.pipeline
        asked.CopyFrom(spec)
        for name in ("request_id", "location", "filename", "timeout", "sha256", "pipeline"):
            asked.ClearField(name)
        told = (pipeline.name, pipeline.version, pipeline.digest, self._forms.digest, _RELEASE)
        content = asked.SerializeToString(deterministic=True) + "\n".join(told).encode()
        return hashlib.sha256(content).hexdigest()


_RELEASE = version("pagemesh")


def _models(pages: Iterable[PageResult]) -> set[tuple[str, _Model]]:
    """Which model answered for which step."""
    return {
        (step.step, (step.model.name, step.model.version, step.model.digest))
        for page in pages
        for step in page.steps
        if step.HasField("model")
    }
