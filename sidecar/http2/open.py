"""Connections from when they are made until their transports are gone."""

import asyncio
import contextlib
from collections.abc import Iterator

from sidecar.http2.connection import Connection

CLOSING_SECONDS = 2.0
"""How long a peer may take to read its last words, and to end TLS with its own."""


class OpenConnections:
    """Those of one side of the proxy. One that was told to close is open until it has."""

    def __init__(self) -> None:
        self._all: set[Connection] = set()
        self._none = asyncio.Event()
        self._none.set()

    def __iter__(self) -> Iterator[Connection]:
        return iter(list(self._all))

    def __len__(self) -> int:
        return len(self._all)

    def add(self, connection: Connection) -> None:
        """Its transport is there, TLS included: of a failed handshake nobody tells."""
        self._all.add(connection)
        self._none.clear()

    def discard(self, connection: Connection) -> None:
        """Its transport is gone."""
        self._all.discard(connection)
        if not self._all:
            self._none.set()

    async def close(self, reason: str) -> None:
        """Close all; returns when they are gone. Those that take too long are cut off."""
        for connection in self:
            connection.close(reason)
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._none.wait(), CLOSING_SECONDS)
        for connection in self:
            connection.drop(reason)
        await self._none.wait()
