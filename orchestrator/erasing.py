"""Erases documents from everything that an orchestrator keeps."""

from dataclasses import dataclass, field

from orchestrator.records import Erased
from orchestrator.sources.door import KafkaDoor
from orchestrator.work import WorkManager


@dataclass(frozen=True)
class Erasure:
    """What became of a document.

    Attributes:
        erased: what was deleted, and how much of it.
        remains: what is out of reach, and when it goes.
    """

    erased: list[Erased] = field(default_factory=list)
    remains: list[str] = field(default_factory=list)


class Eraser:
    """Knows every place where something of a document may be.

    Args:
        work: stops it, and has its record, its pages and its bytes.
        door: has large results of Kafka.
    """

    def __init__(self, work: WorkManager, door: KafkaDoor) -> None:
        self._work = work
        self._door = door

    async def erase(self, request_id: str) -> Erasure:
        """Erase a document; one that is not there is none to erase.

        Raises DependencyUnavailable, OSError, sqlite3.Error: a store cannot be used; ask again.
        """
        erased = await self._work.erase(request_id)
        erased += await self._door.erase(request_id)
        return Erasure([each for each in erased if each.count], self._door.remains())
