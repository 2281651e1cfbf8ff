"""What every store of documents does: the contract that their tests share."""

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol

from gateway.records import Cursor, PageNews, Record, Row, StoredPage, View


class Store(Protocol):
    """Documents and their pages. Every method raises DependencyUnavailable when it cannot reach
    what it keeps them in; nothing that a method returned from is lost after that.
    """

    async def start(self) -> None:
        """Get ready; the store may be unreachable still."""

    async def close(self) -> None:
        """End. May be repeated."""

    async def check(self) -> None:
        """Raises DependencyUnavailable when it cannot be used."""

    async def add(self, row: Row) -> Record | None:
        """Keep a new document; the one that has this work id already, None when there was none."""

    async def replace(self, row: Row) -> bool:
        """Change a document. False: it is not at the version before this one, or not there."""

    async def record(self, work_id: str) -> Record | None:
        """A document."""

    async def view(self, work_id: str) -> View | None:
        """What a client is shown of it."""

    async def add_page(self, record: Record, page: StoredPage) -> bool:
        """Keep a finished page. False: the document has this page already.

        A page without data is one of which it is known that it is finished: what was read on it
        may be added, and it keeps its sequence.
        """

    async def page(self, work_id: str, number: int) -> StoredPage | None:
        """A finished page."""

    async def pages(self, work_id: str, after: int, limit: int) -> Sequence[StoredPage]:
        """Finished pages with a number beyond `after`, by number."""

    async def news(self, work_id: str, after: int, limit: int) -> Sequence[PageNews]:
        """Finished pages with a sequence beyond `after`, by sequence."""

    async def listed(
        self, client: str, after: Cursor | None, limit: int, query: str
    ) -> Sequence[Record]:
        """A client's documents, newest first, whose id begins with `query`."""

    async def waiting(self, before: datetime, limit: int) -> Sequence[Record]:
        """Documents that were sent before then and are not handed on, oldest first."""

    async def erase(self, work_id: str) -> tuple[int, int]:
        """Delete a document, so that no byte of it is left; how many documents and pages it was."""

    async def sweep(self, before: datetime) -> Sequence[str]:
        """Delete some of the documents that were sent before then, with their pages.

        Their work ids; none once all are deleted.
        """
