"""What every store of documents does."""

from abc import ABC, abstractmethod
from collections.abc import Collection, Sequence

from meshkit.errors import DependencyUnavailable, NotFound
from orchestrator.records import Ending, Entry, Erased, Keeper, Record
from pagemesh.orchestrator.v1.document_pb2 import Document, PageResult


class TakenOver(DependencyUnavailable):
    """Another orchestrator has the document now and writes its end."""

    default_reason = "INTERRUPTED"


class StoreFailed(DependencyUnavailable):
    """The store cannot be used for now: its disk is full, or its server is away."""

    def __init__(self) -> None:
        super().__init__("the document store is in trouble; try again", reason="STORE_FAILED")


class DocumentStore(ABC):
    """Documents and their finished pages, durable. Its methods may be called from any task.

    Every method may raise OSError, sqlite3.Error or DependencyUnavailable: the store cannot be used
    now. Where several orchestrators share a store, each document belongs to the one that took it
    last; writing to it raises TakenOver for all others.
    """

    @abstractmethod
    async def open(self) -> None:
        """Make it ready."""

    @abstractmethod
    async def close(self) -> None:
        """Close it. Safe to call twice and without `open`."""

    @abstractmethod
    async def create(self, entry: Entry) -> None:
        """Take a document in state QUEUED; it is ours from now on.

        A record of the same id is gone on with when the same pipeline reads it: its finished pages
        are kept, but not those that failed for a passing reason or stand for unfinished ones.
        Otherwise it is replaced.
        """

    @abstractmethod
    async def take_over(self, request_id: str) -> None:
        """An unfinished document is ours from now on, whoever is at work on it."""

    @abstractmethod
    async def set_keeper(self, request_id: str, keeper: Keeper) -> None:
        """Change who sees to it that it is finished."""

    @abstractmethod
    async def begin(self, request_id: str, sha256: str) -> None:
        """Set the state to PROCESSING, and the digest of the document's bytes where it is known.

        Pages of other bytes, read before, are forgotten.
        """

    @abstractmethod
    async def opened(self, request_id: str, media_type: str, total: int) -> None:
        """Note what the document is and how many pages it has."""

    @abstractmethod
    async def add_pages(self, request_id: str, pages: Sequence[PageResult]) -> None:
        """Write finished pages. A page that is there already stays as it is."""

    @abstractmethod
    async def end(self, request_id: str, ending: Ending) -> Document:
        """Write the final state, and account for every page that was not finished."""

    @abstractmethod
    async def find(self, request_id: str) -> Record | None:
        """A document, or None."""

    @abstractmethod
    async def pages_after(
        self, request_id: str, sequence: int, limit: int
    ) -> list[tuple[int, PageResult]]:
        """Pages with their sequence numbers, in the order in which they were finished."""

    @abstractmethod
    async def pages_from(
        self, request_id: str, page_number: int, limit: int, max_bytes: int
    ) -> tuple[list[PageResult], bool]:
        """Finished pages from this number on, and whether there are more.

        At most `limit`, and no more than `max_bytes` together; but at least one.
        """

    @abstractmethod
    async def finished_pages(self, request_id: str) -> frozenset[int]:
        """Numbers of the pages that need not be read again."""

    @abstractmethod
    async def set_reuse_key(self, request_id: str, key: str) -> None:
        """Note a digest of all that decides on a document's result."""

    @abstractmethod
    async def find_reusable(self, key: str) -> Document | None:
        """The document of this key that SUCCEEDED last, or None."""

    @abstractmethod
    async def end_unfinished(self, ending: Ending, *, at_work: Collection[str]) -> int:
        """End documents that their callers keep and nobody is at work on; returns how many.

        Args:
            ending: theirs.
            at_work: the documents that are at work here.
        """

    @abstractmethod
    async def take_unfinished(self, keeper: Keeper, *, at_work: Collection[str]) -> list[Record]:
        """Take unfinished documents of this keeper that nobody is at work on, oldest first."""

    @abstractmethod
    async def delete_ended_before(self, moment: float) -> int:
        """Delete documents that ended before this Unix time; returns how many.

        One whose message never came again counts as ended when it was taken.
        """

    @abstractmethod
    async def erase(self, request_id: str) -> list[Erased]:
        """Delete a document with its pages, whoever owns it, so that no byte of them is left."""

    async def get(self, request_id: str) -> Record:
        """A document. Raises NotFound."""
        record = await self.find(request_id)
        if record is None:
            raise NotFound(
                f"no document has the request id `{request_id}`; it may have been deleted after "
                "its retention time",
                metadata={"field": "request_id"},
            )
        return record
