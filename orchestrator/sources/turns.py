"""Whose turn it is: documents at work, in all and for each client."""

import asyncio
import contextlib
from collections.abc import AsyncIterator


class Turns:
    """Documents at work.

    Args:
        most: documents at work at once.
        most_for_client: the same for each client; 0: no limit.
    """

    def __init__(self, most: int, most_for_client: int) -> None:
        self._all = asyncio.Semaphore(most)
        self._most_for_client = most_for_client
        self._clients: dict[str, tuple[asyncio.Semaphore, int]] = {}

    def turn(self, client: str) -> contextlib.AbstractAsyncContextManager[None]:
        """Wait for a client's turn, then for anybody's: who waits takes nobody's place."""
        return self._turn_of(client) if self._most_for_client else self._all

    @contextlib.asynccontextmanager
    async def _turn_of(self, client: str) -> AsyncIterator[None]:
        semaphore, users = self._clients.get(client, (asyncio.Semaphore(self._most_for_client), 0))
        self._clients[client] = (semaphore, users + 1)
        try:
            async with semaphore, self._all:
                yield
        finally:
            semaphore, users = self._clients.pop(client)
            if users > 1:
                self._clients[client] = (semaphore, users - 1)
