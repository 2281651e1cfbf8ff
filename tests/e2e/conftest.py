"""A whole mesh of real processes, started once by the command that a user types."""

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

ROOT = Path(__file__).resolve().parents[2]
SAMPLES = ROOT / "samples"
START_SECONDS = 240


class Command:
    """The command as a process of its own, with a folder of its own for state."""

    def __init__(self, state: Path) -> None:
        self.state = state
        self.environ = {**os.environ, "PAGEMESH_STATE_DIR": str(state), "COLUMNS": "200"}

    def start(self, *arguments: str) -> "subprocess.Popen[str]":
        return subprocess.Popen(
            [sys.executable, "-m", "pagemesh.cli", *arguments],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env=self.environ,
            cwd=ROOT,
        )

    def run(self, *arguments: str) -> "subprocess.CompletedProcess[str]":
        return subprocess.run(
            [sys.executable, "-m", "pagemesh.cli", *arguments],
            capture_output=True,
            text=True,
            env=self.environ,
            cwd=ROOT,
            timeout=START_SECONDS,
            check=False,
        )


class Mesh:
    """A running `pagemesh up`.

    Attributes:
        command: to ask it.
        said: what it has printed until it served.
        address: the orchestrator's.
        gateway: the gateway's URL.
        process: itself.
    """

    def __init__(self, command: Command, *arguments: str) -> None:
        self.command = command
        self.process = command.start("up", *arguments)
        self.said = ""
        self.address = self._read_until(r"--server (\S+:\d+)")
        self.gateway = found[1] if (found := re.search(r"console.* at (\S+)", self.said)) else ""

    def services(self) -> dict[str, psutil.Process]:
        """The processes of the mesh by name; those that are gone are left out."""
        found = {}
        for child in psutil.Process(self.process.pid).children():
            *_, module, last = child.cmdline()
            is_sidecar = module == "sidecar"
            found[f"{last}-sidecar" if is_sidecar else last.removeprefix("servers.")] = child
        return found

    def stop(self, number: int = signal.SIGINT) -> int:
        """Send a signal, wait for the end. The exit code."""
        self.process.send_signal(number)
        code = self.process.wait(60)
        for stream in (self.process.stdout, self.process.stderr):
            if stream is not None:
                stream.close()
        return code

    def _read_until(self, pattern: str) -> str:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self.said += line
            if found := re.search(pattern, line):
                return found[1]
        assert self.process.stderr is not None
        raise AssertionError(f"the mesh did not start: {self.process.stderr.read()}")


def wait_until_gone(processes: list[psutil.Process]) -> list[psutil.Process]:
    """Those that still live after a while."""
    _, alive = psutil.wait_procs(processes, timeout=60)
    return [process for process in alive if process.status() != psutil.STATUS_ZOMBIE]


def log_entries(folder: Path, service: str) -> Iterator[dict[str, Any]]:
    """The JSON lines of a service's log."""
    for line in (folder / "logs" / f"{service}.log").read_text().splitlines():
        yield json.loads(line)


@pytest.fixture(scope="session")
def command(tmp_path_factory: pytest.TempPathFactory) -> Command:
    return Command(tmp_path_factory.mktemp("state"))


@pytest.fixture(scope="session")
def mesh(command: Command) -> Iterator[Mesh]:
    """A mesh that has shown a demo and keeps serving."""
    demo = str(SAMPLES / "ticked_and_signed.png")
    mesh = Mesh(command, "--demo", demo)
    try:
        yield mesh
    finally:
        services = list(mesh.services().values())
        code = mesh.stop()
    assert code == 0
    assert wait_until_gone(services) == []


@pytest.fixture(scope="session")
def truth() -> dict[str, Any]:
    """What is on the sample pages."""
    whole: dict[str, Any] = json.loads((SAMPLES / "truth.json").read_text())
    return whole


def settled(seconds: float = 60.0) -> Iterator[None]:
    """Comes back again and again until the time is over; for loops that wait for something."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        yield
        time.sleep(0.1)
