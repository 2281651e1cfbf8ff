"""The life of a gRPC process: bind, load, serve, drain.

    health         NOT_SERVING ──load──▶ SERVING ──SIGTERM──▶ NOT_SERVING
    new calls      MODEL_NOT_READY       taken                taken for `drain_delay_seconds`, then
                                                              refused
    calls in flight                                           finish, for `drain_seconds` at most

`run` serves a page model and `run_application` anything else; both return when the process is told
to end, with its exit code.
"""

import asyncio
import contextlib
import logging
import signal
from collections.abc import Sequence
from typing import Any, Protocol

import grpc
from grpc_health.v1 import health, health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection

from meshkit.config import ServerConfig
from meshkit.cores import forbid_core_dumps
from meshkit.interceptors import GuardInterceptor, map_errors
from meshkit.logs import configure_logging
from meshkit.model import OptionsT, PageModel, ResultT
from meshkit.serving import PageService, PageServicer
from meshkit.telemetry.calls import trace_call
from meshkit.telemetry.process import configure_telemetry

_log = logging.getLogger(__name__)

EXIT_FAILED = 1
_SERVING = health_pb2.HealthCheckResponse.SERVING
_NOT_SERVING = health_pb2.HealthCheckResponse.NOT_SERVING


class Application(Protocol):
    """What a process serves."""

    @property
    def service_names(self) -> Sequence[str]:
        """Full names of the proto services, for health and reflection."""

    def add_to_server(self, server: Any) -> None:
        """Register the servicers."""

    async def start(self) -> object:
        """Get ready; SERVING is reported after it. Calls may already come in."""

    async def stop(self) -> None:
        """Free everything. Called once calls have ended, also when `start` failed or never ran."""


class _Watcher:
    """What a watch writes to: a write that was begun ends, although the watch is cancelled."""

    def __init__(self, context: Any) -> None:
        self._context = context
        self._writing: asyncio.Future[None] | None = None
        self._told: int | None = None

    async def write(self, response: Any) -> None:
        self._told = response.status
        self._writing = asyncio.ensure_future(self._context.write(response))
        await asyncio.shield(self._writing)

    async def finish(self) -> None:
        """Tell NOT_SERVING, unless that was the last word."""
        if self._writing is not None:
            await asyncio.wait([self._writing])  # a call takes one write at a time
        if self._told != _NOT_SERVING:
            await self._context.write(health_pb2.HealthCheckResponse(status=_NOT_SERVING))


class Health(health.aio.HealthServicer):
    """gRPC's own, but a client that watches health does not hold up the end of the server."""

    def __init__(self) -> None:
        super().__init__()
        self._ending = asyncio.Event()

    async def Watch(self, request: Any, context: Any) -> None:  # noqa: N802
        watcher: Any = _Watcher(context)
        watching = asyncio.ensure_future(super().Watch(request, watcher))
        ending = asyncio.ensure_future(self._ending.wait())
        try:
            await asyncio.wait([watching, ending], return_when=asyncio.FIRST_COMPLETED)
        finally:
            watching.cancel()
            ending.cancel()
            await asyncio.gather(watching, ending, return_exceptions=True)
        await watcher.finish()

    def end_watches(self) -> None:
        """Tell watchers NOT_SERVING for the last time."""
        self._ending.set()


class ServerError(Exception):
    """The server cannot start; the message is for the operator."""


class MeshServer:
    """One application on one address, with health and reflection."""

    def __init__(self, application: Application, config: ServerConfig) -> None:
        self._application = application
        self._config = config
        self._health = Health()
        self._server = grpc.aio.server(
            options=server_options(config), interceptors=server_interceptors()
        )
        self._hurry = asyncio.Event()
        self._stopped = False

    async def bind(self) -> str:
        """Listen, reporting NOT_SERVING. Returns the address that clients connect to.

        Raises:
            ServerError: the address cannot be had.
        """
        names = [*self._application.service_names, health.SERVICE_NAME, reflection.SERVICE_NAME]
        await self._report(_NOT_SERVING)
        self._application.add_to_server(self._server)
        health_pb2_grpc.add_HealthServicer_to_server(self._health, self._server)
        reflection.enable_server_reflection(names, self._server)
        wanted = self._config.listen_address
        try:
            port = self._server.add_insecure_port(wanted)
        except RuntimeError as error:
            raise ServerError(
                f"cannot listen on {wanted}: is it in use, or not an address of this machine?"
            ) from error
        await self._server.start()
        address = wanted
        if not self._config.unix_socket:
            address = f"{wanted.rpartition(':')[0]}:{port}"
        _log.info("listening", extra={"address": address, "port": port})
        return address

    async def load(self) -> None:
        """Start the application, then report SERVING. Raises whatever its `start` raises."""
        await self._application.start()
        await self._report(_SERVING)
        _log.info("serving", extra={"services": list(self._application.service_names)})

    async def stop(self) -> None:
        """Drain and free everything. May be called again."""
        if self._stopped:
            return
        self._stopped = True
        config = self._config
        _log.info("draining", extra={"drain_seconds": config.drain_seconds})
        await self._health.enter_graceful_shutdown()
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._hurry.wait(), config.drain_delay_seconds)
        self._health.end_watches()
        draining = asyncio.create_task(self._server.stop(config.drain_seconds))
        hurrying = asyncio.create_task(self._hurry.wait())
        await asyncio.wait([draining, hurrying], return_when=asyncio.FIRST_COMPLETED)
        hurrying.cancel()
        if not draining.done():
            await self._server.stop(0)
        await draining
        await self._application.stop()
        _log.info("stopped")

    def hurry(self) -> None:
        """End the drain at once: calls in flight are cancelled."""
        self._hurry.set()

    async def _report(self, status: Any) -> None:
        for name in ("", *self._application.service_names):
            await self._health.set(name, status)


async def serve(application: Application, config: ServerConfig) -> int:
    """Serve until SIGTERM or SIGINT; a second signal ends the drain. Returns the exit code."""
    server, told = MeshServer(application, config), asyncio.Event()

    def on_signal() -> None:
        if told.is_set():
            server.hurry()
        told.set()

    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, on_signal)
    try:
        return await _serve_until(told, server)
    finally:
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.remove_signal_handler(number)


async def _serve_until(told: asyncio.Event, server: MeshServer) -> int:
    try:
        await server.bind()
        loading = asyncio.create_task(server.load())
        telling = asyncio.create_task(told.wait())
        await asyncio.wait([loading, telling], return_when=asyncio.FIRST_COMPLETED)
        await loading  # a thread cannot be interrupted: a signal during loading takes effect after
        await telling
    except ServerError as error:
        _log.error(str(error))
        return EXIT_FAILED
    except Exception:
        _log.exception("cannot start")
        return EXIT_FAILED
    finally:
        await server.stop()
    return 0


def run_application(application: Application, config: ServerConfig, *, name: str) -> None:
    """Run a process: no core dumps, logs, telemetry, `serve`, exit code. Does not return.

    Args:
        application: what is served.
        config: how.
        name: the process's one noun, in logs and traces.
    """
    forbid_core_dumps()
    configure_logging(name, config.log_level, file=config.log_file)
    telemetry = configure_telemetry(name)
    try:
        code = asyncio.run(serve(application, config))
    finally:
        telemetry.shutdown()
    raise SystemExit(code)


def run(
    service: PageService[OptionsT, ResultT],
    model: PageModel[OptionsT, ResultT],
    config: ServerConfig,
) -> None:
    """Run the process of one page model. Does not return."""
    name = service.service_name.split(".")[1]
    run_application(PageServicer(service, model, config), config, name=name)


def server_interceptors() -> list[grpc.aio.ServerInterceptor]:
    """What every call passes, outermost first."""
    return [GuardInterceptor(trace_call), GuardInterceptor(map_errors)]


def server_options(config: ServerConfig) -> list[tuple[str, int]]:
    """Channel arguments of a server."""
    return [
        ("grpc.max_receive_message_length", config.max_message_bytes),
        ("grpc.max_send_message_length", config.max_message_bytes),
        ("grpc.so_reuseport", 0),
        # Clients may ping an idle connection every 10 s; dead ones are noticed within 50 s.
        ("grpc.http2.min_ping_interval_without_data_ms", 10_000),
        ("grpc.keepalive_permit_without_calls", 1),
        ("grpc.keepalive_time_ms", 30_000),
        ("grpc.keepalive_timeout_ms", 20_000),
    ]
