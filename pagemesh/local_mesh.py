"""The whole mesh on this machine: five model servers and the orchestrator, a process each."""

import asyncio
import contextlib
import fcntl
import json
import os
import signal
import socket
import sys
import time
from collections.abc import Callable, Coroutine, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import grpc
from grpc_health.v1 import health_pb2, health_pb2_grpc

from meshkit.client import open_channel
from meshkit.errors import Conflict, DependencyUnavailable, Internal, PagemeshError
from pagemesh.common.v1.model_pb2 import ModelIdentity
from pagemesh.probe import identify
from pagemesh.threads import with_thread_defaults

HOST = "127.0.0.1"
ORCHESTRATOR = "orchestrator"
DEFAULT_PORTS: Mapping[str, int] = {
    "deskew": 50051,
    "classify": 50052,
    "ocr": 50053,
    "checkbox": 50054,
    "signature": 50055,
    ORCHESTRATOR: 50050,
}
"""In the order in which processes are started; they are stopped in the opposite one."""

MODELS = tuple(name for name in DEFAULT_PORTS if name != ORCHESTRATOR)

SHARED_PAGES = "PAGEMESH_ORCHESTRATOR_SHARED_PAGES_DIR"

START_SECONDS = 180.0
STOP_SECONDS = 40.0
HEALTHY_SECONDS = 60.0
"""A process that lived this long may die again before its restarts are counted on."""
MOST_RESTARTS = 5


@dataclass
class Service:
    """One process of the mesh.

    Attributes:
        name: its noun.
        port: on the loopback interface.
        log: the file that its JSON lines go to.
        identity: of its model; None for the orchestrator, and until it serves.
        process: None while it does not run.
    """

    name: str
    port: int
    log: Path
    identity: ModelIdentity | None = None
    process: asyncio.subprocess.Process | None = None
    started: float = 0.0
    restarts: int = 0

    @property
    def address(self) -> str:
        """What clients connect to."""
        return f"{HOST}:{self.port}"

    @property
    def module(self) -> str:
        """What `python -m` runs."""
        return ORCHESTRATOR if self.name == ORCHESTRATOR else f"servers.{self.name}"


class LocalMesh:
    """Starts, watches and stops the processes. Use it as an asynchronous context manager.

    A process that dies is started again on its old port, at most `MOST_RESTARTS` times in a row.

    Args:
        folder: for logs and the orchestrator's documents.
        port: of the orchestrator; None takes 50050, or any free one where that is taken.
        tell: is given one line for every event that a person should know.

    Attributes:
        services: all processes, by name, once they are started.
    """

    def __init__(self, folder: Path, port: int | None, tell: Callable[[str], None]) -> None:
        self._folder = folder
        self._port = port
        self._tell = tell
        self.services: dict[str, Service] = {}
        self._watchers: list[asyncio.Task[None]] = []
        self._given_up = asyncio.Event()
        self._resources = contextlib.ExitStack()
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
        return self.services[ORCHESTRATOR].address

    async def wait_lost(self) -> PagemeshError:
        """Wait until a process cannot be kept alive; the error that says which."""
        await self._given_up.wait()
        return _died(self._lost) if self._lost else Internal("the mesh ended")

    async def stop(self) -> None:
        """End every process: the orchestrator first, then the models. May be repeated."""
        for watcher in self._watchers:
            watcher.cancel()
        await asyncio.gather(*self._watchers, return_exceptions=True)
        orchestrator = [s for s in self.services.values() if s.name == ORCHESTRATOR]
        models = [s for s in self.services.values() if s.name != ORCHESTRATOR]
        for group in (orchestrator, models):
            await asyncio.gather(*(_end(service) for service in group))
        self._resources.close()

    async def _start(self) -> None:
        """Start everything and wait until all of it serves.

        Raises:
            DependencyUnavailable: a process ended, or does not serve in time.
            Conflict: another mesh works in the folder.
        """
        self._take_folder()
        logs = self._folder / "logs"
        logs.mkdir(parents=True, exist_ok=True)
        for name, port in zip(DEFAULT_PORTS, self._ports(), strict=True):
            self.services[name] = Service(name, port, logs / f"{name}.log")
        environ = self._environ()
        for service in self.services.values():
            service.log.write_bytes(b"")
            await _spawn(service, environ)
        await _all_or_first_error([self._ready(s) for s in self.services.values()])
        self._watchers = [
            asyncio.create_task(self._keep_alive(service, environ))
            for service in self.services.values()
        ]

    async def _ready(self, service: Service) -> None:
        await _serving(service)
        if service.name in MODELS:
            async with open_channel(service.address) as channel:
                service.identity = await identify(channel, service.name)
        self._tell(f"{service.name} serves at {service.address}")

    async def _keep_alive(self, service: Service, environ: Mapping[str, str]) -> None:
        while service.process is not None:
            status = await service.process.wait()
            self._tell(f"{service.name} ended with {_ending(status)}; its log is {service.log}")
            if time.monotonic() - service.started > HEALTHY_SECONDS:
                service.restarts = 0
            service.restarts += 1
            if service.restarts > MOST_RESTARTS:
                self._lost = service
                self._given_up.set()
                return
            await asyncio.sleep(2.0 ** (service.restarts - 1) / 2)
            await _spawn(service, environ)
            with contextlib.suppress(PagemeshError):
                await _serving(service)
                self._tell(f"{service.name} serves again")

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

    def _ports(self) -> list[int]:
        """A port for each process, in the order of `DEFAULT_PORTS`."""
        with contextlib.ExitStack() as held:
            return [self._hold_port(name, port, held) for name, port in DEFAULT_PORTS.items()]

    def _hold_port(self, name: str, default: int, held: contextlib.ExitStack) -> int:
        """A free port, kept from being found twice until `held` is closed."""
        wanted = self._port if name == ORCHESTRATOR and self._port is not None else default
        for port in (wanted, 0):
            listener = held.enter_context(socket.socket())
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                listener.bind((HOST, port))
            except OSError as error:
                if name == ORCHESTRATOR and self._port:
                    raise DependencyUnavailable(
                        f"port {port} is taken; name another with --port", reason="PORT_TAKEN"
                    ) from error
                continue
            return int(listener.getsockname()[1])
        raise DependencyUnavailable("no port is free on this machine", reason="PORT_TAKEN")

    def _environ(self) -> dict[str, str]:
        """Variables of every process: this one's, its ports, and where the models are."""
        shared = os.environ.get(SHARED_PAGES) or str(self._folder / "pages")
        variables = {
            "PAGEMESH_ORCHESTRATOR_STATE_DIR": str(self._folder / "documents"),
            **{f"PAGEMESH_{name.upper()}_PAGE_REFERENCE_ROOTS": shared for name in MODELS},
            **os.environ,
            SHARED_PAGES: shared,
        }
        for service in self.services.values():
            prefix = f"PAGEMESH_{service.name.upper()}"
            variables[f"{prefix}_HOST"] = HOST
            variables[f"{prefix}_PORT"] = str(service.port)
            if service.name in MODELS:
                target = f"PAGEMESH_ORCHESTRATOR_{service.name.upper()}_TARGET"
                variables[target] = service.address
        return with_thread_defaults(variables, MODELS)


async def _spawn(service: Service, environ: Mapping[str, str]) -> None:
    """Start the process in a session of its own, so that Ctrl-C reaches this one alone."""
    with service.log.open("ab") as log:
        service.process = await _run(service, environ, log)
    service.started = time.monotonic()


async def _run(
    service: Service, environ: Mapping[str, str], log: BinaryIO
) -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "pagemesh.tethered", str(os.getpid()), service.module),
        stdin=asyncio.subprocess.DEVNULL,
        stdout=log,
        stderr=log,
        env=environ,
        start_new_session=True,
    )


async def _serving(service: Service) -> None:
    """Wait until its health says SERVING."""
    process = service.process
    if process is None:
        raise Internal(f"{service.name} was not started")
    asking = asyncio.create_task(_ask_until_serving(service.address))
    ending = asyncio.create_task(process.wait())
    done, waiting = await asyncio.wait(
        [asking, ending], timeout=START_SECONDS, return_when=asyncio.FIRST_COMPLETED
    )
    for task in waiting:
        task.cancel()
    await asyncio.gather(*waiting, return_exceptions=True)
    if asking in done:
        return
    if ending in done:
        raise _died(service)
    raise DependencyUnavailable(
        f"{service.name} does not serve after {START_SECONDS:.0f} s; its log is {service.log}",
        reason="SERVICE_NOT_READY",
    )


async def _ask_until_serving(address: str) -> None:
    request = health_pb2.HealthCheckRequest()
    async with open_channel(address) as channel:
        health: Any = health_pb2_grpc.HealthStub(channel)
        while True:
            with contextlib.suppress(grpc.aio.AioRpcError):
                answer = await health.Check(request, timeout=2.0)
                if answer.status == health_pb2.HealthCheckResponse.SERVING:
                    return
            await asyncio.sleep(0.1)


async def _end(service: Service) -> None:
    """SIGTERM, and SIGKILL for one that does not drain in time."""
    process = service.process
    if process is None or process.returncode is not None:
        return
    with contextlib.suppress(ProcessLookupError):
        process.send_signal(signal.SIGTERM)
    try:
        await asyncio.wait_for(process.wait(), STOP_SECONDS)
    except TimeoutError:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        await process.wait()


async def _all_or_first_error(work: Sequence[Coroutine[Any, Any, None]]) -> None:
    tasks = [asyncio.create_task(one) for one in work]
    try:
        await asyncio.gather(*tasks)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def _died(service: Service) -> DependencyUnavailable:
    status = service.process.returncode if service.process else None
    said = last_words(service.log)
    return DependencyUnavailable(
        f"{service.name} ended with {_ending(status)}{f': {said}' if said else ''}; its log is "
        f"{service.log}",
        reason="SERVICE_DIED",
        metadata={"service": service.name},
    )


def _ending(status: int | None) -> str:
    if status is not None and status < 0:
        return signal.Signals(-status).name
    return f"exit status {status}"


def last_words(log: Path) -> str:
    """What a log ends with: the last error's message and exception, else the last line."""
    lines = log.read_text("utf-8", "replace").splitlines()[-50:]
    for line in reversed(lines):
        with contextlib.suppress(ValueError):
            entry = json.loads(line)
            if isinstance(entry, dict) and entry.get("level") in {"ERROR", "CRITICAL"}:
                exception = str(entry.get("exception", "")).strip().rpartition("\n")[2]
                return ": ".join(filter(None, (str(entry.get("message")), exception)))
    plain = [line for line in lines if line.strip() and not line.startswith("{")]
    return " ".join(line.strip() for line in plain[-3:])
