"""The synchronous client.

with Client("localhost:50050") as client:
    for page in client.analyze("form.pdf", pipeline="application_form"):
        print(page.page_number, page.classify.label)
"""

from collections.abc import Iterator, Mapping
from types import TracebackType
from typing import Self, Unpack

from pagemesh.aio import AsyncClient, Event, PageStream
from pagemesh.corrections import Corrections, Field
from pagemesh.loop import LoopThread
from pagemesh.orchestrator.v1 import document_pb2 as documents
from pagemesh.orchestrator.v1 import orchestrator_service_pb2 as pb
from pagemesh.sources import How, Source


class Client:
    """`AsyncClient` for callers without an event loop: same methods, same errors.

    Use it as a context manager, or call `close`. It may be used by several threads.

    Args:
        address, caller, api_key: as for `AsyncClient`: an orchestrator, a gateway, or None for this
            process.
    """

    def __init__(self, address: str | None = None, *, caller: str = "", api_key: str = "") -> None:
        self._client = AsyncClient(address, caller=caller, api_key=api_key)
        self._loop = LoopThread("pagemesh-client")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """End the connection, or the orchestrator and models in this process. May be repeated."""
        if not self._loop.is_closed:
            self._loop.run(self._client.close())
            self._loop.close()

    def analyze(self, source: Source, **how: Unpack[How]) -> "Pages":
        """Read a document now; its pages come as they are ready, in any order.

        The work is cancelled when the iterator is closed before its end.
        """
        return Pages(self._client.analyze(source, **how), self._loop)

    def submit(self, source: Source, **how: Unpack[How]) -> documents.Document:
        """Have a document read in the background; its account as it was taken."""
        return self._loop.run(self._client.submit(source, **how))

    def get(self, request_id: str) -> pb.GetDocumentResponse:
        """A document's account and every page of it that is finished."""
        return self._loop.run(self._client.get(request_id))

    def watch(self, request_id: str) -> "Pages":
        """A document's finished pages, then every one that is finished from now on, to its end."""
        return Pages(self._client.watch(request_id), self._loop)

    def cancel(self, request_id: str) -> documents.Document:
        """Stop work on a document; its account after that. Finished pages are kept."""
        return self._loop.run(self._client.cancel(request_id))

    def erase(self, request_id: str, *, client: str = "") -> pb.EraseDocumentResponse:
        """Delete all that is kept of a document; see `AsyncClient.erase`."""
        return self._loop.run(self._client.erase(request_id, client=client))

    def pipelines(self) -> list[pb.Pipeline]:
        """The pipelines that can be asked for, by name."""
        return self._loop.run(self._client.pipelines())

    def corrections(self, request_id: str) -> Corrections:
        """What people said of a document's fields. Kept by gateways alone."""
        return self._loop.run(self._client.corrections(request_id))

    def correct(
        self, request_id: str, values: Mapping[Field, str | None], etag: str
    ) -> Corrections:
        """Say what fields of a finished document are; see `AsyncClient.correct`."""
        return self._loop.run(self._client.correct(request_id, values, etag))


class Pages:
    """The pages of one document as they become ready.

    Iterate over it for pages, or over `events()` for pages and accounts; once, over one of both.
    """

    def __init__(self, stream: PageStream, loop: LoopThread) -> None:
        self._stream = stream
        self._loop = loop

    @property
    def document(self) -> documents.Document:
        """The account as last told: empty at first, final after the last page."""
        return self._stream.document

    def events(self) -> Iterator[Event]:
        """Accounts and pages in the order in which they come."""
        events = self._stream.events()
        try:
            while True:
                try:
                    event = self._loop.run(anext(events))
                except StopAsyncIteration:
                    return
                yield event
        finally:
            self.close()

    def __iter__(self) -> Iterator[documents.PageResult]:
        for event in self.events():
            if isinstance(event, documents.PageResult):
                yield event

    def collect(self) -> pb.GetDocumentResponse:
        """Wait for the end: the account and all pages by number."""
        return self._loop.run(self._stream.collect())

    def close(self) -> None:
        """Stop listening; `analyze` also stops the work. May be repeated."""
        if not self._loop.is_closed:
            self._loop.run(self._stream.aclose())
