"""The model behind the proxy: connections to it, made anew whenever they are lost."""

import asyncio
import contextlib
import logging
import ssl
from collections.abc import Callable
from dataclasses import dataclass

from sidecar.http2.connection import Connection
from sidecar.http2.endpoint import Limits
from sidecar.http2.keepalive import Keepalive, Patience
from sidecar.http2.open import OpenConnections
from sidecar.http2.streams import Stream
from sidecar.http2.timeouts import timeouts
from sidecar.http2.turn import Turn

_log = logging.getLogger(__name__)

RETRY_SECONDS = (0.05, 0.1, 0.2, 0.5)
"""Waits between attempts to connect; the last is repeated."""
MAX_CONNECTIONS = 8
CONNECT_SECONDS = SETTINGS_SECONDS = 5.0
"""How long a connection, TLS included, and then a server's first word may take."""


@dataclass(frozen=True, slots=True)
class Address:
    """Where something listens: a host and a port, or a Unix socket's path."""

    host: str = ""
    port: int = 0
    path: str = ""

    @classmethod
    def parse(cls, text: str) -> "Address":
        """Read `host:port`, `[::1]:port` or `unix:/path`.

        Raises:
            ValueError: it is none of these.
        """
        if text.startswith("unix:"):
            path = text.removeprefix("unix:").removeprefix("//")
            if not path:
                raise ValueError("unix: must be followed by a path")
            return cls(path=path)
        host, colon, port = text.rpartition(":")
        if not colon or not port.isdigit() or int(port) > 65535:
            raise ValueError(f"{text!r} is neither host:port nor unix:/path")
        return cls(host=host.strip("[]") or "127.0.0.1", port=int(port))

    def __str__(self) -> str:
        if self.path:
            return f"unix:{self.path}"
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


class Upstream:
    """Keeps a connection to the model open and opens streams on it.

    Args:
        address: where the model listens.
        limits: what the proxy takes from it.
        turn: the event loop's, shared by its connections.
        tls: for TLS to the model; None for plain text.
        tls_name: the name in the model's certificate, when it is not the host.
        patience: how long the model's silence is borne.
        on_change: told whenever the model is reached (True) or lost (False).
    """

    def __init__(
        self,
        address: Address,
        limits: Limits,
        turn: Turn,
        tls: ssl.SSLContext | None = None,
        tls_name: str = "",
        *,
        patience: Patience,
        on_change: Callable[[bool], None] | None = None,
    ) -> None:
        self.address = address
        self._limits = limits
        self._turn = turn
        self._tls = tls
        self._tls_name = (tls_name or address.host or "localhost") if tls else None
        self._patience = patience
        self._on_change = on_change
        self._connections: list[Connection] = []
        self._open = OpenConnections()
        self._wanted = asyncio.Event()
        self._room = asyncio.Event()
        self._keeper: asyncio.Task[None] | None = None
        self.reason = "not connected yet"

    @property
    def connected(self) -> bool:
        """Whether the model is reached."""
        return any(not connection.closed for connection in self._connections)

    def start(self) -> None:
        """Begin to connect, and go on for as long as it takes."""
        self._keeper = asyncio.create_task(self._keep_connected())

    async def stop(self) -> None:
        """Close everything. May be called again."""
        if self._keeper is not None:
            self._keeper.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._keeper
            self._keeper = None
        await self._open.close("the proxy stops")

    def open_stream(self) -> Stream | None:
        """A new stream, None when there is no connection with room for one."""
        for connection in self._connections:
            if connection.room:
                return connection.open_stream()
        return None

    async def wait_for_stream(self) -> Stream:
        """A new stream as soon as there is one to be had."""
        while (stream := self.open_stream()) is None:
            self._room.clear()
            self._wanted.set()
            await self._room.wait()
        return stream

    def made_room(self) -> None:
        """A stream has ended: somebody who waits may have its place."""
        self._room.set()

    async def _keep_connected(self) -> None:
        failures = 0
        while True:
            self._wanted.clear()
            if not self._needs_connection():
                await self._wanted.wait()
                continue
            try:
                await self._connect()
                failures = 0
            except (OSError, ssl.SSLError) as error:
                self.reason = str(error) or "no connection in time"
                if not failures:
                    _log.warning("model not reached", extra={"address": str(self.address)})
                await asyncio.sleep(RETRY_SECONDS[min(failures, len(RETRY_SECONDS) - 1)])
                failures += 1

    def _needs_connection(self) -> bool:
        usable = any(connection.room for connection in self._connections)
        return not usable and len(self._connections) < MAX_CONNECTIONS

    async def _connect(self) -> None:
        loop, address = asyncio.get_running_loop(), self.address
        tls, name = self._tls, self._tls_name
        settled = asyncio.Event()

        def lost(connection: Connection, reason: str) -> None:
            settled.set()
            self._lost(connection, reason)

        def make() -> Connection:
            return Connection(
                self._limits,
                on_open=self._open.add,
                on_closed=lost,
                on_lost=self._open.discard,
                on_settings=lambda _connection: settled.set(),
                turn=self._turn,
            )

        async with asyncio.timeout(CONNECT_SECONDS):
            if address.path:
                _, connection = await loop.create_unix_connection(
                    make, address.path, ssl=tls, server_hostname=name, **timeouts(tls)
                )
            else:
                _, connection = await loop.create_connection(
                    make, address.host, address.port, ssl=tls, server_hostname=name, **timeouts(tls)
                )
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(settled.wait(), SETTINGS_SECONDS)
        if connection.closed or not settled.is_set():
            connection.close("no HTTP/2 settings came")
            raise ConnectionError(f"{address} does not answer in HTTP/2")
        self._connections.append(connection)
        Keepalive(connection, self._patience).start()
        _log.info("model reached", extra={"address": str(address)})
        self._room.set()
        if self._on_change is not None:
            self._on_change(True)

    def _lost(self, connection: Connection, reason: str) -> None:
        self.reason = reason
        if connection in self._connections:
            self._connections.remove(connection)
        self._wanted.set()
        if self._on_change is not None and not self.connected:
            _log.warning("model lost", extra={"address": str(self.address), "reason": reason})
            self._on_change(False)
