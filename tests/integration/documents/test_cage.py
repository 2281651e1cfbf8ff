"""A reader that a hostile document has taken over: it tries to get out in every way it can."""

import contextlib
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from meshkit.errors import DependencyUnavailable
from orchestrator.documents.config import DocumentLimits
from orchestrator.documents.document import WorkerPool, open_document
from tests.unit.orchestrator.documents import made

# What the taken-over reader runs: locked up by the worker's own code, then on its own. Every way
# out is a line that must raise; what it yields instead is printed.
PRISONER = """
import ctypes, json, mmap, os, resource, shutil, signal, socket, subprocess, sys, threading
from pathlib import Path

document, victim, secret, folder = sys.argv[1:5]
inherited = int(sys.argv[5])
from orchestrator.documents import cage, worker
if len(sys.argv) > 6:
    os.setgroups([]); os.setgid(65534); os.setuid(65534)
layers = worker.lock_up(os.getppid(), 2 << 30)
layers["files"] = cage.see_only(Path(document))

libc = ctypes.CDLL(None, use_errno=True)
def call(name, *arguments):
    if getattr(libc, name)(*arguments) < 0:
        raise OSError(ctypes.get_errno(), name)
    return name
def by_number(number, *arguments):
    result = libc.syscall(number, *arguments)
    if result < 0:
        raise OSError(ctypes.get_errno(), f"call {number}")
    return result
def in_a_thread(way):
    kept = []
    def attempt():
        try:
            kept.append(way())
        except BaseException as error:
            kept.append(error)
    thread = threading.Thread(target=attempt)
    thread.start()
    thread.join()
    if isinstance(kept[0], BaseException):
        raise kept[0]
    return kept[0]

ways = {
    "read a secret": lambda: open(secret).read(),
    "read /etc/passwd": lambda: open("/etc/passwd").read(),
    "read the parent's environment": lambda: open(f"/proc/{os.getppid()}/environ").read(),
    "read the parent's memory": lambda: open(f"/proc/{os.getppid()}/mem", "rb"),
    "list a folder": lambda: os.listdir(folder),
    "by a relative path": lambda: open(os.path.relpath(secret, "/"), "rb"),
    "by ..": lambda: open(str(Path(document).parent / ".." / Path(secret).parent.name
                              / Path(secret).name)),
    "by the document's folder": lambda: os.listdir(Path(document).parent),
    "by /proc/self/root": lambda: open("/proc/self/root" + secret),
    "by an open folder's descriptor": lambda: os.open(secret, os.O_PATH | os.O_RDONLY)
        and open(f"/proc/self/fd/{os.open(secret, os.O_PATH)}").read(),
    "in a thread": lambda: in_a_thread(lambda: open(secret).read()),
    "write a new file": lambda: open(folder + "/new", "w"),
    "write the document": lambda: open(document, "r+b"),
    "append to a file": lambda: open(victim, "a"),
    "truncate a file": lambda: os.truncate(victim, 0),
    "remove a file": lambda: os.unlink(victim),
    "rename a file": lambda: os.rename(victim, victim + "2"),
    "link a file": lambda: os.link(secret, folder + "/link"),
    "symlink": lambda: os.symlink(secret, folder + "/symlink"),
    "make a folder": lambda: os.mkdir(folder + "/made"),
    "change a mode": lambda: os.chmod(victim, 0o777),
    "make a device": lambda: os.mknod(folder + "/device"),
    "a file in memory": lambda: os.memfd_create("x"),
    "TCP": lambda: socket.create_connection(("127.0.0.1", 9), 1),
    "UDP": lambda: socket.socket(socket.AF_INET, socket.SOCK_DGRAM),
    "raw packets": lambda: socket.socket(socket.AF_PACKET, socket.SOCK_RAW),
    "netlink": lambda: socket.socket(socket.AF_NETLINK, socket.SOCK_RAW),
    "a Unix socket": lambda: socket.socket(socket.AF_UNIX),
    "a pair of sockets": socket.socketpair,
    "a pipe": os.pipe,
    "DNS": lambda: socket.getaddrinfo("example.org", 80),
    "fork": os.fork,
    "vfork": lambda: call("vfork"),
    "a program": lambda: subprocess.run(["/bin/true"]),
    "exec": lambda: os.execv("/bin/true", ["true"]),
    "posix_spawn": lambda: os.posix_spawn("/bin/true", ["true"], {}),
    "a shell": lambda: os.popen("id").read() or 1 / 0,
    "signal the parent": lambda: os.kill(os.getppid(), 0),
    "signal everyone": lambda: os.kill(-1, 0),
    "signal the group": lambda: os.killpg(0, 0) if os.getpgid(0) != os.getpid() else 1 / 0,
    "trace the parent": lambda: call("ptrace", 16, os.getppid(), 0, 0),
    "look at the parent's limits": lambda: resource.prlimit(os.getppid(), resource.RLIMIT_AS),
    "more memory": lambda: resource.setrlimit(resource.RLIMIT_AS, (-1, -1)),
    "a huge map": lambda: mmap.mmap(-1, 8 << 30),
    "mount": lambda: call("mount", b"none", b"/tmp", b"tmpfs", 0, None),
    "chroot": lambda: os.chroot("/tmp"),
    "a new user namespace": lambda: call("unshare", 0x10000000),
    "another's namespace": lambda: call("setns", inherited, 0),
    "become root": lambda: os.setuid(0) if os.getuid() else 1 / 0,
    "io_uring": lambda: by_number(425, 8, ctypes.create_string_buffer(256)),
    "BPF": lambda: by_number(321, 0, None, 0),
    "the kernel's keys": lambda: by_number(250, 0, 0),
    "the clock": lambda: __import__("time").clock_settime(0, 0),
    "the host's name": lambda: socket.sethostname("x"),
    "take the filter off": lambda: call("prctl", 22, 0, 0, 0, 0),
    "dump core": lambda: resource.setrlimit(resource.RLIMIT_CORE, (-1, -1)),
}
escaped = {}
for name, way in ways.items():
    try:
        escaped[name] = repr(way())
    except (OSError, ValueError, RuntimeError, LookupError, ZeroDivisionError):
        continue
print(json.dumps({"layers": layers, "escaped": escaped, "tried": len(ways),
                  "document": open(document, "rb").read(4).decode()}))
"""


@pytest.fixture
def folder() -> Iterator[Path]:
    """One that every user may enter; pytest's own are for one user only."""
    with tempfile.TemporaryDirectory(prefix="pagemesh-cage-") as name:
        Path(name).chmod(0o755)
        yield Path(name)


def imprison(folder: Path, *, as_nobody: bool) -> dict[str, object]:
    inside, outside = folder / "inside", folder / "outside"
    inside.mkdir()
    outside.mkdir()
    document = made.text_pdf(inside / "a.pdf")
    secret, victim = outside / "secret", outside / "victim"
    secret.write_text("hunter2")
    victim.write_text("still here")
    for path in (outside, secret, victim):
        path.chmod(0o777)
    with victim.open() as inherited:
        done = subprocess.run(
            [sys.executable, "-c", PRISONER]
            + [str(path) for path in (document, victim, secret, outside)]
            + [str(inherited.fileno())]
            + (["nobody"] if as_nobody else []),
            capture_output=True,
            text=True,
            check=False,
            pass_fds=(inherited.fileno(),),
            env={
                **os.environ,
                "PYTHONPATH": os.pathsep.join(filter(None, sys.path)),
                "OPENBLAS_NUM_THREADS": "1",
            },
        )
    assert done.returncode == 0, done.stderr
    assert victim.read_text() == "still here"
    assert sorted(path.name for path in outside.iterdir()) == ["secret", "victim"]
    found: dict[str, object] = json.loads(done.stdout)
    return found


def test_nothing_gets_out(folder: Path) -> None:
    found = imprison(folder, as_nobody=False)
    assert found["document"] == "%PDF"
    layers = found["layers"]
    assert isinstance(layers, dict)
    assert layers.pop("capabilities")
    assert layers.pop("system_calls")
    if not all(layers.values()):
        pytest.skip(f"this kernel or container gives no such layer: {layers}; nothing else is told")
    assert found["escaped"] == {}
    assert found["tried"] == 56


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")
def test_nothing_gets_out_without_root_either(folder: Path) -> None:
    found = imprison(folder, as_nobody=True)
    layers = found["layers"]
    assert isinstance(layers, dict)
    if not all(layers.values()):
        pytest.skip(f"this kernel or container gives no such layer: {layers}; nothing else is told")
    assert found["escaped"] == {}
    assert found["document"] == "%PDF"


async def test_the_real_reader_is_locked_up(
    tmp_path: Path, limits: DocumentLimits, workers: WorkerPool
) -> None:
    path = made.text_pdf(tmp_path / "a.pdf")
    async with await open_document(path, limits=limits, workers=workers) as document:
        await document.render(1)
        assert any(_is_filtered(reader) for reader in psutil.Process().children())


def _is_filtered(process: psutil.Process) -> bool:
    """Whether it is a reader under a seccomp filter; the spare may not have come to it yet."""
    with contextlib.suppress(psutil.NoSuchProcess, psutil.ZombieProcess, OSError):
        return "orchestrator.documents.worker" in process.cmdline() and (
            "Seccomp:\t2" in Path(f"/proc/{process.pid}/status").read_text()
        )
    return False


async def test_isolation_that_is_required_and_missing(
    tmp_path: Path, limits: DocumentLimits, caplog: pytest.LogCaptureFixture
) -> None:
    required = limits.model_copy(update={"require_isolation": True})
    pool = WorkerPool(required)
    pool.check_isolation({"pages": 1, "cage": {"network": True, "files": True}})
    with pytest.raises(DependencyUnavailable, match="lacks: network") as caught:
        pool.check_isolation({"pages": 1, "cage": {"network": False, "files": True}})
    assert caught.value.reason == "READER_NOT_ISOLATED"
    lenient = WorkerPool(limits)
    for _ in range(2):
        lenient.check_isolation({"fault": {}, "cage": {"network": False}})
    assert caplog.messages.count("document readers are not wholly isolated") == 2  # once a pool
