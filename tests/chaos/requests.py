"""Documents sent again and again until they are at their end, and what is told of them."""

import asyncio
import random
import time
from dataclasses import dataclass, field

import grpc

from meshkit.errors import PagemeshError
from meshkit.status import error_of
from orchestrator.testing import tiff
from pagemesh.aio import AsyncClient
from pagemesh.orchestrator.v1 import document_pb2 as documents
from pagemesh.orchestrator.v1 import orchestrator_service_pb2 as pb

_PASSING = {
    grpc.StatusCode.UNAVAILABLE,
    grpc.StatusCode.RESOURCE_EXHAUSTED,
    grpc.StatusCode.DEADLINE_EXCEEDED,
    grpc.StatusCode.CANCELLED,
}
_FINAL = {
    documents.DOCUMENT_STATE_SUCCEEDED,
    documents.DOCUMENT_STATE_PARTIAL,
    documents.DOCUMENT_STATE_FAILED,
}
_AT_ONCE = 4
_WIDTH, _HEIGHT = 500, 700
"""A page is 350 KB on its way to a model: 240 packets."""
_OTHER_TIME_SECONDS = 1800


@dataclass
class Account:
    """What was told.

    Attributes:
        outcomes: of each id, as it was told first.
        refusals: errors that were told meanwhile, by code and reason.
        shifted: ids of documents that say they were sent at quite another time: the process that
            took them had a clock that jumped.
        wrong: what must not happen, a line each.
    """

    outcomes: dict[str, str] = field(default_factory=dict)
    refusals: dict[str, int] = field(default_factory=dict)
    shifted: set[str] = field(default_factory=set)
    wrong: list[str] = field(default_factory=list)

    def refused(self, name: str, error: PagemeshError) -> None:
        told = f"{error.code.name} {error.reason}"
        self.refusals[told] = self.refusals.get(told, 0) + 1
        if error.code not in _PASSING:
            self.wrong.append(f"{name}: {told}: {error.message}")

    def ended(self, name: str, answer: pb.GetDocumentResponse) -> None:
        """A document is at its end; told again, it must be the same."""
        pages, counts = answer.pages, answer.document.pages
        if abs(answer.document.create_time.ToSeconds() - time.time()) > _OTHER_TIME_SECONDS:
            self.shifted.add(name)
        outcomes = sorted((page.page_number, page.outcome) for page in pages)
        told = f"{answer.document.state} {outcomes}"
        if self.outcomes.setdefault(name, told) != told:
            self.wrong.append(f"{name}: another outcome: {self.outcomes[name]}, then {told}")
        numbers = [page.page_number for page in pages]
        if counts.total != counts.ok + counts.failed + counts.skipped:
            self.wrong.append(f"{name}: pages do not add up: {counts}")
        if sorted(numbers) != list(range(1, counts.total + 1)):
            self.wrong.append(f"{name}: {counts.total} pages, but {sorted(numbers)}")
        for page in pages:
            error = error_of(page.error) if page.HasField("error") else None
            if error is not None and error.reason in {"INTERNAL", "UNKNOWN"}:
                self.wrong.append(f"{name}: page {page.page_number}: {error.message}")


async def see_through(client: AsyncClient, name: str, content: bytes, account: Account) -> None:
    """Send a document until it is at its end."""
    while True:
        try:
            async with asyncio.timeout(15):
                await client.submit(content, request_id=name, pipeline="text")
                answer = await _final(client, name)
            account.ended(name, answer)
            return
        except PagemeshError as error:
            account.refused(name, error)
        except TimeoutError:
            pass
        await asyncio.sleep(0.2)


async def _final(client: AsyncClient, name: str) -> pb.GetDocumentResponse:
    while True:
        answer = await client.get(name)
        if answer.document.state in _FINAL:
            return answer
        await asyncio.sleep(0.1)


async def send_all(
    clients: dict[str, AsyncClient], count: int, seconds: float, seed: int, account: Account
) -> None:
    """So many documents by each door, a few at once, spread over so long."""
    chance = random.Random(seed)  # noqa: S311 - how many pages
    turns = asyncio.Semaphore(_AT_ONCE)

    async def send(client: AsyncClient, name: str, content: bytes, wait: float) -> None:
        await asyncio.sleep(wait)
        async with turns:
            await see_through(client, name, content, account)

    async with asyncio.TaskGroup() as group:
        for number in range(count):
            for door, client in clients.items():
                content = tiff(chance.randint(1, 6), width=_WIDTH, height=_HEIGHT)
                wait = seconds * number / count
                group.create_task(send(client, f"{door}-{number}", content, wait))
