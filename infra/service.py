"""One service as a process: started, waited for, stopped or killed, started again."""

import os
import signal
import socket
import subprocess
import time
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from infra.downloads import ServiceError

HOST = "127.0.0.1"
_START_SECONDS = 60.0
_STOP_SECONDS = 20.0
_PAUSE_SECONDS = 0.05


@dataclass(frozen=True)
class Identity:
    """What a service is.

    Attributes:
        implementation: `Apache Kafka`.
        version: `4.3.1`.
        stands_for: what it takes the place of; empty for the real thing.
    """

    implementation: str
    version: str
    stands_for: str = ""

    def __str__(self) -> str:
        kind = f"stand-in for {self.stands_for}" if self.stands_for else "the real one"
        return f"{self.implementation} {self.version} ({kind})"


@dataclass(frozen=True)
class Command:
    """How a service's process is started."""

    arguments: Sequence[str]
    environment: Mapping[str, str]


class Service(ABC):
    """A service on 127.0.0.1.

    Attributes:
        name: `kafka`.
        folder: its data and its log.
        port: where it listens.
        process_id: of its process; None while it does not run.
    """

    name: str

    def __init__(self, folder: Path, port: int) -> None:
        self.folder = folder
        self.port = port
        self._process: subprocess.Popen[bytes] | None = None

    @abstractmethod
    def identity(self) -> Identity:
        """What it is."""

    @abstractmethod
    def prepare(self) -> Command:
        """Everything that must be there before the start. Raises ServiceError."""

    @property
    @abstractmethod
    def url(self) -> str:
        """Where a client finds it."""

    def is_answering(self) -> bool:
        """Whether it takes connections."""
        return is_taken(self.port)

    @property
    def process_id(self) -> int | None:
        return self._process.pid if self._process is not None else None

    @property
    def log(self) -> Path:
        return self.folder / f"{self.name}.log"

    def start(self) -> None:
        """Start it and wait until it answers. Raises ServiceError."""
        self.folder.mkdir(parents=True, exist_ok=True)
        command = self.prepare()
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                list(command.arguments),
                env={**os.environ, **command.environment},
                cwd=self.folder,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        self._wait(self._process)

    def stop(self) -> None:
        """End it in order. Safe to call twice."""
        self._end(signal.SIGTERM)

    def kill(self) -> None:
        """End it at once, as a crash would; its data stay."""
        self._end(signal.SIGKILL)

    def _end(self, how: signal.Signals) -> None:
        process, self._process = self._process, None
        if process is None:
            return
        process.send_signal(how)
        try:
            process.wait(_STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()

    def _wait(self, process: subprocess.Popen[bytes]) -> None:
        deadline = time.monotonic() + _START_SECONDS
        while not self.is_answering():
            if process.poll() is not None or time.monotonic() > deadline:
                self.kill()
                raise ServiceError(
                    f"{self.name} does not come up; {self.log} says:\n{self._last_words()}"
                )
            time.sleep(_PAUSE_SECONDS)

    def _last_words(self) -> str:
        return self.log.read_text(errors="replace")[-1500:]


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        return int(probe.getsockname()[1])


def is_taken(port: int, host: str = HOST) -> bool:
    """Whether somebody takes connections on a port."""
    with socket.socket() as probe:
        probe.settimeout(1.0)
        return probe.connect_ex((host, port)) == 0


def wait_for_port(port: int, seconds: float = _START_SECONDS) -> None:
    """Return once somebody takes connections on a port.

    Raises:
        TimeoutError: nobody does in time.
    """
    deadline = time.monotonic() + seconds
    while not is_taken(port):
        if time.monotonic() > deadline:
            raise TimeoutError(f"nobody listens on port {port} after {seconds:g} s")
        time.sleep(_PAUSE_SECONDS)
