"""A machine inside this one: processes, mounts and a network of its own, on the same kernel.

What runs in it may set rules of packet filters, mount, and leave processes behind: all of that ends
with the machine. Needs root.
"""

import signal
import subprocess
import time
from collections.abc import Mapping
from contextlib import suppress
from ipaddress import IPv4Network
from pathlib import Path

from infra.downloads import ServiceError, program
from infra.service import Command, Identity, Service

_START_SECONDS = 30.0
_CONTROL_GROUPS = Path("/sys/fs/cgroup")
# Its own; what is there on this machine is another's, or is to stay as it is.
_OWN_FOLDERS = ("/run", "/var/log")


class Machine:
    """A machine, joined to this one by a link.

    Args:
        name: eight letters at most, this machine's alone.
        network: of the link; its first address is this machine's, the second the other's.

    Attributes:
        outside: this machine's address on the link.
        address: the other's.
        group: its control group's path.
    """

    def __init__(self, name: str, network: IPv4Network) -> None:
        hosts = network.hosts()
        self.name = name
        self.outside, self.address = str(next(hosts)), str(next(hosts))
        self.group = f"/{name}"
        self._length = network.prefixlen
        self._holder: subprocess.Popen[bytes] | None = None
        self._first = 0

    def start(self) -> None:
        """Make it. Raises ServiceError."""
        for group in self._groups():
            group.mkdir(exist_ok=True)
            for name in ("cpuset.cpus", "cpuset.mems"):
                if (group / name).exists():
                    (group / name).write_text((group.parent / name).read_text())
        # The first process ends with the second, and that with this one's thread.
        spaces = ["--fork", "--kill-child", "--pid", "--mount", "--net", "--uts", "--mount-proc"]
        self._holder = subprocess.Popen(
            [
                *(program("setpriv", "util-linux"), "--pdeathsig=KILL"),
                *(program("unshare", "util-linux"), *spaces, "--propagation=private"),
                *(program("catatonit", "catatonit"), "-P"),
            ]
        )
        self._first = _wait_for_first(self._holder)
        self.say("hostname", self.name)
        for folder in _OWN_FOLDERS:
            self.say("mount", "-t", "tmpfs", "tmpfs", folder)
        self._join()

    def stop(self) -> None:
        """End everything in it, at once. Safe to call twice."""
        holder, self._holder = self._holder, None
        if holder is None:
            return
        with suppress(ServiceError):
            _say("ip", "link", "delete", self.name)
        holder.send_signal(signal.SIGKILL)
        holder.wait()
        for group in self._groups():
            _remove(group)

    def inside(self, *command: str) -> list[str]:
        """The command that runs a command in it."""
        return ["nsenter", f"--target={self._first}", "--all", "--", *command]

    def say(self, *command: str, stdin: str | None = None) -> str:
        """What a command in it answers. Raises ServiceError with what it complains of."""
        return _say(*self.inside(*command), stdin=stdin)

    def route(self, network: IPv4Network) -> None:
        """Find addresses of a network behind it. Raises ServiceError."""
        _say("ip", "route", "add", str(network), "via", self.address)

    def _join(self) -> None:
        peer = ("peer", "name", "eth0", "netns", str(self._first))
        _say("ip", "link", "add", self.name, "type", "veth", *peer)
        _say("ip", "address", "add", f"{self.outside}/{self._length}", "dev", self.name)
        _say("ip", "link", "set", self.name, "up")
        self.say("ip", "link", "set", "lo", "up")
        self.say("ip", "address", "add", f"{self.address}/{self._length}", "dev", "eth0")
        self.say("ip", "link", "set", "eth0", "up")
        self.say("ip", "route", "add", "default", "via", self.outside)
        self.say("sh", "-c", "echo 1 > /proc/sys/net/ipv4/ip_forward")

    def _groups(self) -> list[Path]:
        return [path / self.name for path in _CONTROL_GROUPS.iterdir() if _is_hierarchy(path)]


class Part(Service):
    """A program on a machine, which ends with it."""

    def __init__(
        self,
        machine: Machine,
        name: str,
        version: str,
        folder: Path,
        command: list[str],
        environ: Mapping[str, str] | None = None,
        *,
        port: int,
    ) -> None:
        super().__init__(folder, port)
        self.name = name
        self._machine = machine
        self._version = version
        self._command = command
        self._environ = environ or {}

    def identity(self) -> Identity:
        return Identity(self.name, self._version)

    def prepare(self) -> Command:
        return Command(self._machine.inside(*self._command), self._environ)

    @property
    def url(self) -> str:
        return f"http://{self._machine.address}:{self.port}"

    def is_answering(self) -> bool:
        """Whether it takes connections, when it has a port at all."""
        if not self.port:
            return True
        look = f"</dev/tcp/{self._machine.address}/{self.port}"
        with suppress(ServiceError):
            self._machine.say("bash", "-c", look)
            return True
        return False


def _wait_for_first(holder: subprocess.Popen[bytes]) -> int:
    """The process id of a machine's first process, once it is there. Raises ServiceError."""
    children = Path(f"/proc/{holder.pid}/task/{holder.pid}/children")
    deadline = time.monotonic() + _START_SECONDS
    while time.monotonic() < deadline and holder.poll() is None:
        for child in children.read_text().split():
            if Path(f"/proc/{child}/comm").read_text().strip() == "catatonit":
                return int(child)
        time.sleep(0.01)
    raise ServiceError("a machine inside this one cannot be made; are you root?")


def _is_hierarchy(path: Path) -> bool:
    return path.is_dir() and not path.is_symlink() and (path / "cgroup.procs").exists()


def _remove(group: Path) -> None:
    """Delete a control group and those below, whose processes are gone or about to be."""
    deadline = time.monotonic() + _START_SECONDS
    for path in sorted((one for one in group.rglob("*") if one.is_dir()), reverse=True):
        _delete(path, deadline)
    if group.is_dir():
        _delete(group, deadline)


def _delete(group: Path, deadline: float) -> None:
    while True:
        try:
            group.rmdir()
        except OSError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.05)
        else:
            return


def _say(*command: str, stdin: str | None = None) -> str:
    done = subprocess.run(command, input=stdin, capture_output=True, text=True, check=False)
    if done.returncode:
        raise ServiceError(f"{' '.join(command)}: {done.stderr.strip()}")
    return done.stdout
