"""The life of the process: listen, serve, drain."""

import logging
import socket
from types import FrameType
from typing import Any

import uvicorn
from fastapi import FastAPI

from gateway.config import GatewayConfig

_BACKLOG = 2048

_log = logging.getLogger(__name__)


class GatewayServer(uvicorn.Server):
    """uvicorn, but streams of events end before connections are waited for.

    Attributes:
        address: `host:port` where it listens, once it is `started`.
    """

    address = ""

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Listen."""
        await super().startup(sockets)
        if self.started:
            host, port = self.servers[0].sockets[0].getsockname()[:2]
            self.address = f"{host}:{port}"
            _log.info("serving", extra={"address": self.address})

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Send listeners away, then end as uvicorn does."""
        app: Any = self.config.app
        app.state.bells.close()
        await super().shutdown(sockets)
        _log.info("stopped")

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Note that the process shall end; the signal is not raised again."""
        super().handle_exit(sig, frame)
        self._captured_signals.clear()


def server_of(app: FastAPI, config: GatewayConfig) -> GatewayServer:
    """The server of an application; `run` it."""
    return GatewayServer(
        uvicorn.Config(
            app,
            host=config.host,
            port=config.port,
            log_config=None,
            access_log=False,
            backlog=_BACKLOG,
            timeout_graceful_shutdown=max(1, round(config.drain_seconds)),
            server_header=False,
            date_header=True,
        )
    )
