"""The seam between what clients see and what does the work."""

from typing import Protocol

from gateway.records import Record
from pagemesh.orchestrator.v1.orchestrator_service_pb2 import Erasure


class Dispatch(Protocol):
    """Hands documents on, and writes down in the ledger what becomes of them."""

    async def start(self) -> None:
        """Begin, or go on with what an earlier process left."""

    async def stop(self) -> None:
        """End; what is under way goes on at the next start. May be repeated."""

    async def check(self) -> None:
        """Raises DependencyUnavailable when documents cannot be handed on now."""

    async def submit(self, record: Record) -> None:
        """Take a document over: once this returned it is not lost. It may be repeated.

        Raises DependencyUnavailable.
        """

    async def erase(self, work_id: str) -> tuple[list[Erasure], list[str]]:
        """Stop work on a document and have orchestrators delete what they keep of it.

        Returns:
            what they deleted, and what remains where.
        Raises:
            DependencyUnavailable: they cannot be told now.
        """

    async def cancel(self, record: Record) -> None:
        """Have work on a document stopped; it may be repeated. Raises DependencyUnavailable."""
