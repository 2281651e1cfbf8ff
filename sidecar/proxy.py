"""The proxy: takes connections, gives every call to the model, knows no contract."""

import asyncio
import contextlib
import logging
import stat
from functools import partial
from pathlib import Path

from sidecar.call import Call
from sidecar.config import SidecarConfig
from sidecar.health import CHECK, WATCH, HealthRequest, OwnHealth
from sidecar.http2.connection import Connection
from sidecar.http2.endpoint import Limits
from sidecar.http2.headers import Headers
from sidecar.http2.keepalive import Patience
from sidecar.http2.open import OpenConnections
from sidecar.http2.streams import Stream
from sidecar.http2.timeouts import timeouts
from sidecar.http2.turn import Turn
from sidecar.not_grpc import NotGrpc
from sidecar.policy import Policy
from sidecar.record import RecordQueue
from sidecar.replies import Code, Refusal
from sidecar.tls import client_context, server_context
from sidecar.upstream import Address, Upstream

_log = logging.getLogger(__name__)

RETRY_AFTER_SECONDS = 0.5
_GRPC = b"application/grpc"


class Proxy:
    """One listener in front of one model.

    Attributes:
        config: what was configured.
        upstream: the model.
        records: calls that have ended, for telemetry.
        in_flight: calls now, by method.
    """

    def __init__(self, config: SidecarConfig) -> None:
        self.config = config
        self.records = RecordQueue(config.record_queue)
        self.in_flight: dict[str, int] = {}
        self.caller_header = config.caller_header.lower().encode()
        self.waits = config.wait_seconds
        self._limits = Limits(
            stream_window=config.stream_window_bytes,
            connection_window=8 * config.stream_window_bytes,
            max_streams=config.max_calls,
        )
        self._turn = Turn()
        self.upstream = Upstream(
            Address.parse(config.upstream),
            self._limits,
            self._turn,
            client_context(config),
            config.upstream_tls_name,
            patience=Patience(
                config.upstream_keepalive_seconds, config.upstream_keepalive_timeout_seconds
            ),
        )
        self._policy = Policy(config.limits)
        self._health = OwnHealth()
        self._server: asyncio.Server | None = None
        self._connections = OpenConnections()
        self._idle = asyncio.Event()
        self._draining = False

    async def start(self) -> str:
        """Listen and begin to look for the model. Returns the address, `host:port` or `unix:/path`.

        Raises:
            OSError: the address cannot be had.
        """
        self.upstream.start()
        loop, address = asyncio.get_running_loop(), Address.parse(self.config.listen)
        tls = server_context(self.config)
        if address.path:
            _remove_stale_socket(address.path)
            self._server = await loop.create_unix_server(
                self._accept, address.path, ssl=tls, **timeouts(tls)
            )
            return str(address)
        self._server = await loop.create_server(
            self._accept, address.host, address.port, ssl=tls, backlog=1024, **timeouts(tls)
        )
        port = self._server.sockets[0].getsockname()[1]
        return str(Address(address.host, port))

    async def drain(self) -> None:
        """Take no more calls, wait for those in flight, close everything. May be called again."""
        if self._draining:
            return
        self._draining = True
        self._health.drain()
        if self._server is not None:
            self._server.close()
        for connection in self._connections:
            connection.go_away(final=False)
        await asyncio.sleep(0.05)  # calls that were on their way when GOAWAY went out
        for connection in self._connections:
            connection.go_away(final=True)
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._until_idle(), self.config.drain_seconds)
        await asyncio.gather(self._connections.close("the proxy stops"), self.upstream.stop())

    def ended(self, call: Call) -> None:
        """A call is over."""
        method, in_flight = call.record.method, self.in_flight
        left = in_flight.get(method, 0) - 1
        if left > 0:
            in_flight[method] = left
        else:
            in_flight.pop(method, None)
        # Later, for what the call took of the proxy is known once its last word is written.
        self._turn.at_end(partial(self.records.put, call.record))
        self.upstream.made_room()
        if not self.in_flight:
            self._idle.set()

    def unreachable(self) -> Refusal:
        """What a caller is told when the model is not there."""
        return Refusal(
            Code.UNAVAILABLE,
            "MODEL_NOT_REACHED",
            f"{self.config.name} is not there yet: {self.upstream.reason}",
            retry_after=RETRY_AFTER_SECONDS,
        )

    def lost(self, reason: str) -> Refusal:
        """What a caller is told when the model's connection ends under its call."""
        return Refusal(
            Code.UNAVAILABLE,
            "MODEL_LOST",
            f"{self.config.name} was lost during the call: {reason}",
            retry_after=RETRY_AFTER_SECONDS,
        )

    def _accept(self) -> Connection:
        return Connection(
            self._limits,
            on_stream=self._on_stream,
            on_open=self._connections.add,
            on_lost=self._connections.discard,
            turn=self._turn,
        )

    def _on_stream(self, stream: Stream, headers: Headers, end_stream: bool) -> None:
        fields = dict(headers)
        if not fields.get(b"content-type", b"").startswith(_GRPC):
            stream.listener = NotGrpc(stream)
            if end_stream:
                stream.listener.answer()
            return
        path = fields.get(b":path", b"")
        if path in (CHECK, WATCH) and not end_stream:
            stream.listener = HealthRequest(
                self._health, stream, headers, watch=path == WATCH, pass_on=self._pass_on
            )
            return
        self._begin(stream, headers, fields, end_stream)

    def _pass_on(self, stream: Stream, headers: Headers, body: bytes, end_stream: bool) -> None:
        call = self._begin(stream, headers, dict(headers), end_stream=False)
        if call is not None:
            call.on_data(memoryview(body), end_stream)

    def _begin(
        self, stream: Stream, headers: Headers, fields: dict[bytes, bytes], end_stream: bool
    ) -> Call | None:
        path = fields.get(b":path", b"").decode("ascii", "replace").lstrip("/")
        gate = self._policy.gate(path)
        refusal = gate.enter(path) if gate is not None else None
        call = Call(self, stream, headers, fields, path, None if refusal else gate)
        method = call.record.method
        self.in_flight[method] = self.in_flight.get(method, 0) + 1
        self._idle.clear()
        stream.listener = call
        if refusal is not None:
            call.refuse(refusal)
            return None
        call.begin(end_stream)
        return call

    async def _until_idle(self) -> None:
        while self.in_flight:
            self._idle.clear()
            await self._idle.wait()


def _remove_stale_socket(path: str) -> None:
    """Make room for a socket; what is no socket stays, and listening fails with a clear error."""
    with contextlib.suppress(FileNotFoundError):
        if stat.S_ISSOCK(Path(path).stat().st_mode):
            Path(path).unlink()
