"""Who asks. Every route takes its client from `Caller`, or from `identified`."""

import hashlib
from dataclasses import dataclass
from typing import Annotated, Protocol

from fastapi import Depends, Request

_LONGEST_WORK_ID = 128


@dataclass(frozen=True, slots=True)
class Client:
    """Who sends documents, and sees them.

    Attributes:
        id: its stable name; empty for the anonymous one.
        is_admin: whether it may erase other clients' documents.
    """

    id: str
    is_admin: bool = False

    def work_id(self, document_id: str) -> str:
        """The name of a document beyond the gateway: clients' ids never meet there.

        An anonymous client's is the id itself, so that it is the same piece of work by every door.
        """
        if not self.id:
            return document_id
        name = f"{_digest(self.id)[:16]}:{document_id}"
        if len(name) > _LONGEST_WORK_ID:
            name = f"{_digest(self.id)[:16]}:{_digest(document_id)}"
        return name


ANONYMOUS = Client("")


class Identifier(Protocol):
    """Tells who asks."""

    async def identify(self, request: Request) -> Client:
        """The client of a request.

        Raises:
            HttpProblem: 401 when nobody says who it is, 403 when that one may not, 429 when it asks
                too often.
        """


async def identified(request: Request) -> Client:
    """Who asks. Raises what `Identifier.identify` raises."""
    identifier: Identifier = request.app.state.identifier
    client = await identifier.identify(request)
    request.state.client = client
    return client


Caller = Annotated[Client, Depends(identified)]


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
