"""A connection between two processes that can be cut, held, delayed and slowed."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from enum import StrEnum

_CHUNK_BYTES = 65_536
_SLOW_BYTES = 2048
_SLOW_SECONDS = 0.01
_DELAY_SECONDS = 0.2
_LOOK_SECONDS = 0.02


class Weather(StrEnum):
    """What a link does to those who use it."""

    FAIR = "fair"
    CUT = "cut"
    """Connections are reset, new ones too: a partition whose router says so."""
    SILENT = "silent"
    """Connections stay open and take no byte further: half-open."""
    DELAYED = "delayed"
    SLOW = "slow"


class Link:
    """Listens on a port of 127.0.0.1 and passes on what comes, as its weather lets it.

    Args:
        name: for the report.
        port: to listen on, 0 for any; `target`: the port behind it.
        delay_seconds: of every turn, each way, while it is DELAYED.
    """

    def __init__(
        self, name: str, port: int, target: int, *, delay_seconds: float = _DELAY_SECONDS
    ) -> None:
        self.name = name
        self.port = port
        self._target = target
        self._delay_seconds = delay_seconds
        self._weather = Weather.FAIR
        self._open: set[asyncio.StreamWriter] = set()

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Pass on, while the block runs."""
        server = await asyncio.start_server(self._accept, "127.0.0.1", self.port)
        self.port = server.sockets[0].getsockname()[1]
        try:
            yield
        finally:
            server.close()
            self._reset()

    def set(self, weather: Weather) -> None:
        """Change the weather, for connections that are open as well."""
        self._weather = weather
        if weather is Weather.CUT:
            self._reset()

    def _reset(self) -> None:
        for writer in self._open:
            writer.transport.abort()

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self._weather is Weather.CUT:
            writer.transport.abort()
            return
        try:
            far_reader, far_writer = await asyncio.open_connection("127.0.0.1", self._target)
        except OSError:
            writer.transport.abort()
            return
        ends = {writer, far_writer}
        self._open |= ends
        try:
            await asyncio.gather(
                self._pass_on(reader, far_writer), self._pass_on(far_reader, writer)
            )
        except OSError:
            pass
        finally:
            self._open -= ends
            for end in ends:
                end.transport.abort()

    async def _pass_on(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Raises ConnectionError when one end is gone, so that the other goes, too."""
        while data := await reader.read(_CHUNK_BYTES):
            while self._weather is Weather.SILENT:  # noqa: ASYNC110 - it changes seldom
                await asyncio.sleep(_LOOK_SECONDS)
            if self._weather is Weather.DELAYED:
                await asyncio.sleep(self._delay_seconds)
            size = _SLOW_BYTES if self._weather is Weather.SLOW else len(data)
            for start in range(0, len(data), size):
                writer.write(data[start : start + size])
                await writer.drain()
                if self._weather is Weather.SLOW:
                    await asyncio.sleep(_SLOW_SECONDS)
        raise ConnectionResetError
