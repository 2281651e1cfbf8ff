"""What the mesh's processes hold: are they alive, how much memory, descriptors, files left."""

import contextlib
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import psutil

from pagemesh.local_mesh import LocalMesh

READER = "orchestrator.documents.worker"


@dataclass(frozen=True)
class Footprint:
    """Of one process.

    Attributes:
        pid: another one than before tells that it was started again.
        resident_bytes: of memory, now.
        peak_bytes: of memory, the most since the process began.
        descriptors: open files and sockets.
    """

    pid: int
    resident_bytes: int
    peak_bytes: int
    descriptors: int


def footprints(mesh: LocalMesh) -> dict[str, Footprint]:
    """Of every process of the mesh, by name; those that are gone are left out."""
    found = {}
    for name, service in mesh.services.items():
        if service.process is None or service.process.returncode is not None:
            continue
        with contextlib.suppress(psutil.NoSuchProcess):
            process = psutil.Process(service.process.pid)
            found[name] = Footprint(
                process.pid, process.memory_info().rss, _peak(process.pid), process.num_fds()
            )
    return found


def _peak(pid: int) -> int:
    """As the kernel counts it. 0 when the process is gone."""
    with contextlib.suppress(OSError):
        for line in Path(f"/proc/{pid}/status").read_text().splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) * 1024
    return 0


def readers(mesh: LocalMesh) -> int:
    """Processes that read documents now."""
    return sum(READER in " ".join(child.cmdline()) for child in _children(mesh))


def _children(mesh: LocalMesh) -> Iterator[psutil.Process]:
    for service in mesh.services.values():
        if service.process is not None:
            with contextlib.suppress(psutil.NoSuchProcess):
                yield from psutil.Process(service.process.pid).children()


def settle(mesh: LocalMesh, descriptors: dict[str, int], slack: int, seconds: float) -> None:
    """Waits until the processes hold no more descriptors than before, `seconds` at most."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        now = footprints(mesh)
        if all(print_.descriptors <= descriptors[name] + slack for name, print_ in now.items()):
            return
        time.sleep(0.5)


def left_in(folder: Path) -> list[Path]:
    """Documents and pages that nobody needs any more."""
    return [path for path in folder.rglob("*") if path.is_file()]
