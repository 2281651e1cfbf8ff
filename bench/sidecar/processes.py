"""The processes of a run: model, receiver, sidecar, Envoy; their processor time and memory."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from bench.sidecar import envoy
from infra.service import free_port, wait_for_port


@dataclass(frozen=True, slots=True)
class Process:
    """A running process.

    Attributes:
        port: where it listens on 127.0.0.1.
        pid: its number.
        grpc_port: the receiver's second port.
    """

    port: int
    pid: int
    grpc_port: int = 0

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.port}"

    def cpu_seconds(self) -> float:
        """Processor time of its threads so far, to the nanosecond."""
        tasks = Path(f"/proc/{self.pid}/task").iterdir()
        return sum(int((task / "schedstat").read_text().split()[0]) for task in tasks) / 1e9

    def memory_mb(self, *, peak: bool = False) -> float:
        """Resident memory now, or its highest since the process began or `forget_peak`."""
        name = "VmHWM:" if peak else "VmRSS:"
        for line in Path(f"/proc/{self.pid}/status").read_text().splitlines():
            if line.startswith(name):
                return int(line.split()[1]) / 1024
        raise RuntimeError(f"process {self.pid} tells no {name}")

    def forget_peak(self) -> None:
        """Let the peak of memory begin anew."""
        Path(f"/proc/{self.pid}/clear_refs").write_text("5")


@dataclass(frozen=True, slots=True)
class Place:
    """All that a run needs; `envoy` is None when it is not installed."""

    model: Process
    receiver: Process
    sidecar: Process
    envoy: Process | None


@contextmanager
def running(*, with_envoy: bool = True) -> Iterator[Place]:
    """Start everything, end it afterwards."""
    with ExitStack() as stack:
        model = stack.enter_context(_module("bench.sidecar.echo"))
        receiver = stack.enter_context(_module("bench.sidecar.receiver"))
        sidecar = stack.enter_context(_sidecar(model, receiver))
        beside = stack.enter_context(_envoy(model, receiver)) if with_envoy else None
        yield Place(model, receiver, sidecar, beside)


@contextmanager
def _module(name: str) -> Iterator[Process]:
    command = [sys.executable, "-m", name]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None  # noqa: S101 - for the type checker
            port, *more = map(int, process.stdout.readline().split())
            yield Process(port, process.pid, *more)
        finally:
            process.terminate()


@contextmanager
def _sidecar(model: Process, receiver: Process) -> Iterator[Process]:
    environ = os.environ | {
        "PAGEMESH_SIDECAR_UPSTREAM": model.address,
        "PAGEMESH_SIDECAR_NAME": "echo",
        "PAGEMESH_SIDECAR_WAIT_SECONDS": "20",
        "OTEL_EXPORTER_OTLP_ENDPOINT": f"http://{receiver.address}",
    }
    command = [sys.executable, "-m", "sidecar"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environ) as process:
        try:
            assert process.stdout is not None  # noqa: S101 - for the type checker
            told = next(line for line in map(json.loads, process.stdout) if "port" in line)
            yield Process(told["port"], process.pid)
        finally:
            process.terminate()
            process.communicate()


@contextmanager
def _envoy(model: Process, receiver: Process) -> Iterator[Process | None]:
    program = envoy.binary()
    if program is None:
        yield None
        return
    port = free_port()
    with TemporaryDirectory() as folder:
        config = Path(folder) / "envoy.json"
        config.write_text(json.dumps(envoy.bootstrap(port, model.port, receiver.grpc_port)))
        command = [str(program), "-c", str(config), "--log-level", "error", "--use-dynamic-base-id"]
        with subprocess.Popen(command) as process:
            try:
                wait_for_port(port)
                yield Process(port, process.pid)
            finally:
                process.terminate()
