"""Starts, watches and stops the processes of the local mesh."""

import asyncio
import contextlib
import fcntl
import importlib.util
import os
import tempfile
import time
from collections.abc import Callable, Coroutine, Mapping, Sequence
from pathlib import Path
from typing import Any

from meshkit.client import open_channel
from meshkit.errors import Conflict, Internal, PagemeshError
from meshkit.telemetry.otlp import ENDPOINT, TRACES_ENDPOINT, TRACES_PROTOCOL
from pagemesh.local_mesh.ports import GATEWAY, HOST, MODELS, ORCHESTRATOR, find_ports
from pagemesh.local_mesh.service import Service, ending
from pagemesh.probe import identify
from pagemesh.threads import with_thread_defaults
from pagemesh.traces.receiver import PATH as TRACES_PATH
from pagemesh.traces.receiver import SpanReceiver
from pagemesh.traces.store import SpanStore

SHARED_PAGES = "PAGEMESH_ORCHESTRATOR_SHARED_PAGES_DIR"
FILE_ROOTS = "PAGEMESH_ORCHESTRATOR_FILE_ROOTS"
SPANS_FILE = "spans.sqlite3"
SIDECAR_HEALTH = "pagemesh.sidecar"

HEALTHY_SECONDS = 60.0
"""A process that lived this long may die again before its restarts are counted on."""
MOST_RESTARTS = 5
MOST_LOG_BYTES = 64 * 1024 * 1024
"""A longer log is moved aside, so that each process has twice that on the disk at most."""
LOG_LOOK_SECONDS = 60.0


class LocalMesh:
    """Starts, watches and stops the processes. Use it as an asynchronous context manager.

    A model listens on a Unix socket that only its sidecar knows; everybody else calls the sidecar.
    A sidecar starts before its model and stops after it. A process that dies is started again where
    it was, at most `MOST_RESTARTS` times in a row. Spans of all processes go to a file in the
    folder, and to the collector that OTEL_EXPORTER_OTLP_ENDPOINT names, if it does.

    Args:
        folder: for logs, spans and the orchestrator's documents.
        port: of the orchestrator; None takes 50050, or any free one where that is taken.
        tell: is given one line for every event that a person should know.
        with_gateway: False starts no gateway; None starts one where it is installed.
        gateway_port: None takes 8080, or any free one where that is taken.

    Attributes:
        services: all processes, by name, once they are started.
    """

    def __init__(
        self,
        folder: Path,
        port: int | None,
        tell: Callable[[str], None],
        *,
        with_gateway: bool | None = None,
        gateway_port: int | None = None,
    ) -> None:
        self._folder = folder
        self._port = port
        self._tell = tell
        self._with_gateway = has_gateway() if with_gateway is None else with_gateway
        self._gateway_port = gateway_port
        self.services: dict[str, Service] = {}
        self._addresses: dict[str, str] = {}
        self._watchers: list[asyncio.Task[None]] = []
        self._given_up = asyncio.Event()
        self._resources = contextlib.AsyncExitStack()
        self._lost: Service | None = None

    async def __aenter__(self) -> "LocalMesh":
        try:
            await self._start()
        except BaseException:
            await self.stop()
            raise
        return self

    async def __aexit__(self, *exc_info: object) -> None:
        await self.stop()

    @property
    def address(self) -> str:
        """The orchestrator's."""
        return self.address_of(ORCHESTRATOR)

    @property
    def gateway_url(self) -> str:
        """The gateway's; empty without one."""
        return f"http://{self._addresses[GATEWAY]}" if self._with_gateway else ""

    def address_of(self, name: str) -> str:
        """Where a model, by its sidecar, or the orchestrator is called."""
        return self._addresses[name]

    async def wait_lost(self) -> PagemeshError:
        """Wait until a process cannot be kept alive; the error that says which."""
        await self._given_up.wait()
        return self._lost.died() if self._lost else Internal("the mesh ended")

    async def stop(self) -> None:
        """End every process: gateway, orchestrator, models, sidecars. May be repeated."""
        for watcher in self._watchers:
            watcher.cancel()
        await asyncio.gather(*self._watchers, return_exceptions=True)
        for group in ((GATEWAY,), (ORCHESTRATOR,), MODELS, tuple(map(sidecar_of, MODELS))):
            await asyncio.gather(
                *(self.services[name].end() for name in group if name in self.services)
            )
        await self._resources.aclose()

    async def _start(self) -> None:
        """Start everything and wait until all of it serves.

        Raises:
            DependencyUnavailable: a process ended, or does not serve in time.
            Conflict: another mesh works in the folder.
        """
        self._take_folder()
        ports = find_ports(self._port, self._gateway_port)
        self._addresses = {name: f"{HOST}:{port}" for name, port in ports.items()}
        self._add_services()
        environ = self._environ(await self._receive_spans())
        doors = [name for name in (ORCHESTRATOR, GATEWAY) if name in self.services]
        starting = [self._start_service(self.services[name], environ) for name in doors]
        starting += [self._start_model(name, environ) for name in MODELS]
        await _all_or_first_error(starting)
        self._watchers = [
            asyncio.create_task(self._keep_alive(service, environ))
            for service in self.services.values()
        ]
        self._watchers.append(asyncio.create_task(self._bound_logs()))

    async def _receive_spans(self) -> str:
        """Keep the spans that processes send; the endpoint's URL."""
        store = SpanStore(self._folder / SPANS_FILE)
        self._resources.callback(store.close)
        collector = os.environ.get(TRACES_ENDPOINT, "")
        if not collector and ENDPOINT in os.environ:
            collector = os.environ[ENDPOINT].rstrip("/") + TRACES_PATH
        return await self._resources.enter_async_context(SpanReceiver(store, collector).running())

    def _add_services(self) -> None:
        logs = self._folder / "logs"
        logs.mkdir(parents=True, exist_ok=True)
        prefix = "pagemesh-"
        sockets = Path(self._resources.enter_context(tempfile.TemporaryDirectory(prefix=prefix)))
        for name in MODELS:
            self._add_model(name, logs, sockets / f"{name}.sock")
        host, port = self.address.split(":")
        self.services[ORCHESTRATOR] = Service(
            ORCHESTRATOR,
            (ORCHESTRATOR,),
            self.address,
            logs / f"{ORCHESTRATOR}.log",
            variables={"PAGEMESH_ORCHESTRATOR_HOST": host, "PAGEMESH_ORCHESTRATOR_PORT": port},
        )
        if self._with_gateway:
            self._add_gateway(logs)
        for service in self.services.values():
            service.log.write_bytes(b"")

    def _add_gateway(self, logs: Path) -> None:
        host, port = self._addresses[GATEWAY].split(":")
        variables = {
            "PAGEMESH_GATEWAY_STATE_DIR": str(self._folder / GATEWAY),
            "PAGEMESH_GATEWAY_SPANS_FILE": str(self._folder / SPANS_FILE),
            "PAGEMESH_GATEWAY_ORCHESTRATOR_TARGET": self.address,
            "PAGEMESH_GATEWAY_HOST": host,
            "PAGEMESH_GATEWAY_PORT": port,
        }
        self.services[GATEWAY] = Service(
            GATEWAY,
            (GATEWAY,),
            self._addresses[GATEWAY],
            logs / f"{GATEWAY}.log",
            is_http=True,
            variables=variables,
        )

    def _add_model(self, name: str, logs: Path, socket: Path) -> None:
        address, prefix = self._addresses[name], f"PAGEMESH_{name.upper()}"
        self.services[sidecar_of(name)] = Service(
            sidecar_of(name),
            ("sidecar", name),  # the name is for people who look at processes
            address,
            logs / f"{sidecar_of(name)}.log",
            health=SIDECAR_HEALTH,
            variables={
                "PAGEMESH_SIDECAR_NAME": name,
                "PAGEMESH_SIDECAR_LISTEN": address,
                "PAGEMESH_SIDECAR_UPSTREAM": f"unix:{socket}",
            },
        )
        where = {f"{prefix}_UNIX_SOCKET": str(socket)}
        log = logs / f"{name}.log"
        self.services[name] = Service(name, (f"servers.{name}",), address, log, variables=where)

    async def _start_model(self, name: str, environ: Mapping[str, str]) -> None:
        sidecar = self.services[sidecar_of(name)]
        await sidecar.spawn(environ)
        await sidecar.serving()
        service = self.services[name]
        await service.spawn(environ)
        await service.serving()
        async with open_channel(service.address) as channel:
            service.identity = await identify(channel, name)
        self._tell(f"{name} serves at {service.address}")

    async def _start_service(self, service: Service, environ: Mapping[str, str]) -> None:
        await service.spawn(environ)
        await service.serving()
        self._tell(f"{service.name} serves at {service.address}")

    async def _keep_alive(self, service: Service, environ: Mapping[str, str]) -> None:
        while service.process is not None:
            status = await service.process.wait()
            self._tell(f"{service.name} ended with {ending(status)}; its log is {service.log}")
            if time.monotonic() - service.started > HEALTHY_SECONDS:
                service.restarts = 0
            service.restarts += 1
            if service.restarts > MOST_RESTARTS:
                self._lost = service
                self._given_up.set()
                return
            await asyncio.sleep(2.0 ** (service.restarts - 1) / 2)
            await service.spawn(environ)
            with contextlib.suppress(PagemeshError):
                await service.serving()
                self._tell(f"{service.name} serves again")

    async def _bound_logs(self) -> None:
        while True:
            await asyncio.sleep(LOG_LOOK_SECONDS)
            for service in self.services.values():
                await asyncio.to_thread(service.bound_log, MOST_LOG_BYTES)

    def _take_folder(self) -> None:
        """Keep other meshes out of the folder for as long as this process lives."""
        self._folder.mkdir(parents=True, exist_ok=True)
        lock = self._resources.enter_context((self._folder / "lock").open("w"))
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise Conflict(
                f"another mesh works in {self._folder}; name another folder with --state-dir",
                reason="STATE_DIR_TAKEN",
            ) from error

    def _environ(self, traces_endpoint: str) -> dict[str, str]:
        """Variables of every process: this one's, where the models are, where spans go."""
        shared = os.environ.get(SHARED_PAGES) or str(self._folder / "pages")
        variables = {
            "PAGEMESH_ORCHESTRATOR_STATE_DIR": str(self._folder / "documents"),
            **{f"PAGEMESH_{name.upper()}_PAGE_REFERENCE_ROOTS": shared for name in MODELS},
            "OTEL_BSP_SCHEDULE_DELAY": "1000",
            **os.environ,
            SHARED_PAGES: shared,
            FILE_ROOTS: self._file_roots(),
            TRACES_ENDPOINT: traces_endpoint,
            TRACES_PROTOCOL: "http/protobuf",
        }
        for name in MODELS:
            variables[f"PAGEMESH_ORCHESTRATOR_{name.upper()}_TARGET"] = self._addresses[name]
        return with_thread_defaults(variables, MODELS)

    def _file_roots(self) -> str:
        """Folders that the orchestrator may read: those that were named, and the uploads."""
        given = os.environ.get(FILE_ROOTS, "")
        uploads = str((self._folder / GATEWAY / "uploads").resolve())
        return ",".join(filter(None, (given, uploads if self._with_gateway else "")))


def has_gateway() -> bool:
    """Whether the gateway and what it needs are installed."""
    return all(importlib.util.find_spec(name) is not None for name in (GATEWAY, "fastapi"))


def sidecar_of(model: str) -> str:
    """The name of a model's sidecar."""
    return f"{model}-sidecar"


async def _all_or_first_error(work: Sequence[Coroutine[Any, Any, None]]) -> None:
    tasks = [asyncio.create_task(one) for one in work]
    try:
        await asyncio.gather(*tasks)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
