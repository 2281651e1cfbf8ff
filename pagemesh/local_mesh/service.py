"""One process of the local mesh: started, waited for, ended."""

import asyncio
import contextlib
import json
import os
import shutil
import signal
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO

import aiohttp
import grpc
from grpc_health.v1 import health_pb2, health_pb2_grpc

from meshkit.client import open_channel
from meshkit.errors import DependencyUnavailable, Internal
from pagemesh.common.v1.model_pb2 import ModelIdentity

START_SECONDS = 180.0
STOP_SECONDS = 40.0


@dataclass
class Service:
    """One process.

    Attributes:
        name: its noun; `ocr-sidecar` stands beside `ocr`.
        command: what `python -m` runs.
        address: where its health is asked for.
        health: the service whose health is asked for; empty for the process's own.
        is_http: whether it is asked by HTTP, at `/readyz`, instead of gRPC.
        log: the file that its JSON lines go to.
        variables: its own, beside those of all processes.
        identity: of its model; None for others, and until it serves.
        process: None while it does not run.
        started: when, on the clock of `time.monotonic`.
        restarts: in a row.
    """

    name: str
    command: tuple[str, ...]
    address: str
    log: Path
    health: str = ""
    is_http: bool = False
    variables: Mapping[str, str] = field(default_factory=dict)
    identity: ModelIdentity | None = None
    process: asyncio.subprocess.Process | None = None
    started: float = 0.0
    restarts: int = 0

    async def spawn(self, environ: Mapping[str, str]) -> None:
        """Start it in a session of its own, so that Ctrl-C reaches this process alone."""
        with self.log.open("ab") as log:
            spawning = asyncio.ensure_future(self._run({**environ, **self.variables}, log))
            try:
                self.process = await asyncio.shield(spawning)
            except asyncio.CancelledError:
                self.process = await spawning  # so that it can be ended
                raise
        self.started = time.monotonic()

    def bound_log(self, most_bytes: int) -> None:
        """Move a log that is longer than this aside, in place of what was moved before.

        The process goes on writing to the same file, at its new end; what it writes in the moment
        between copy and cut is lost.
        """
        if self.log.exists() and self.log.stat().st_size > most_bytes:
            shutil.copyfile(self.log, self.log.with_suffix(".log.1"))
            os.truncate(self.log, 0)

    async def _run(self, environ: Mapping[str, str], log: BinaryIO) -> asyncio.subprocess.Process:
        return await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "pagemesh.tethered", str(os.getpid()), *self.command),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            env=environ,
            start_new_session=True,
        )

    async def serving(self) -> None:
        """Wait until its health says SERVING.

        Raises:
            DependencyUnavailable: it ended, or does not serve in time.
        """
        process = self.process
        if process is None:
            raise Internal(f"{self.name} was not started")
        ask = (
            _ask_until_ready(self.address)
            if self.is_http
            else _ask_until_serving(self.address, self.health)
        )
        asking = asyncio.create_task(ask)
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
            raise self.died()
        raise DependencyUnavailable(
            f"{self.name} does not serve after {START_SECONDS:.0f} s; its log is {self.log}",
            reason="SERVICE_NOT_READY",
        )

    async def end(self) -> None:
        """SIGTERM, and SIGKILL when it does not drain in time."""
        process = self.process
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

    def died(self) -> DependencyUnavailable:
        """The error that says so, with its last words."""
        status = self.process.returncode if self.process else None
        said = last_words(self.log)
        return DependencyUnavailable(
            f"{self.name} ended with {ending(status)}{f': {said}' if said else ''}; its log is "
            f"{self.log}",
            reason="SERVICE_DIED",
            metadata={"service": self.name},
        )


async def _ask_until_serving(address: str, name: str) -> None:
    request = health_pb2.HealthCheckRequest(service=name)
    async with open_channel(address) as channel:
        health: Any = health_pb2_grpc.HealthStub(channel)
        while True:
            with contextlib.suppress(grpc.aio.AioRpcError):
                answer = await health.Check(request, timeout=2.0)
                if answer.status == health_pb2.HealthCheckResponse.SERVING:
                    return
            await asyncio.sleep(0.1)


async def _ask_until_ready(address: str) -> None:
    timeout = aiohttp.ClientTimeout(total=2.0)
    async with aiohttp.ClientSession(timeout=timeout) as session:
        while True:
            with contextlib.suppress(aiohttp.ClientError, TimeoutError):
                async with session.get(f"http://{address}/readyz") as answer:
                    if answer.status == 200:
                        return
            await asyncio.sleep(0.1)


def ending(status: int | None) -> str:
    """How a process ended, for a person."""
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
