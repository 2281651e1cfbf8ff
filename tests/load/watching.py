"""What the processes of a mesh hold, looked at again and again."""

import asyncio
import contextlib
from collections import defaultdict
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median

import psutil

from pagemesh.local_mesh import SPANS_FILE, LocalMesh

DISK = "disk"
_BOUNDED = (".log", ".log.1", SPANS_FILE, f"{SPANS_FILE}-wal", f"{SPANS_FILE}-shm")
"""Files that grow to a bound of their own, which is far: no soak comes there."""


@dataclass(frozen=True)
class Sample:
    """One look at a process and its children, or at the state folder.

    Attributes:
        megabytes: resident memory, or files.
        descriptors: open files and sockets; files of the folder.
        threads: of the processes.
    """

    megabytes: float
    descriptors: int = 0
    threads: int = 0


class Watch:
    """Samples of every process by name, and of what the mesh keeps of documents on the disk.

    Args:
        mesh: that runs.
        folder: its state.
        seconds: between two looks.
    """

    def __init__(self, mesh: LocalMesh, folder: Path, seconds: float = 5.0) -> None:
        self.samples: dict[str, list[Sample]] = defaultdict(list)
        self.deaths: set[str] = set()
        self._mesh, self._folder, self._seconds = mesh, folder, seconds
        self._pids = {name: _pid(mesh, name) for name in mesh.services}

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Look, while the block runs."""
        looking = asyncio.create_task(self._look_for_ever())
        try:
            yield
        finally:
            looking.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await looking

    async def _look_for_ever(self) -> None:
        while True:
            await asyncio.to_thread(self._look)
            await asyncio.sleep(self._seconds)

    def _look(self) -> None:
        for name in self._mesh.services:
            pid = _pid(self._mesh, name)
            if pid != self._pids[name]:
                self.deaths.add(name)
            with contextlib.suppress(psutil.NoSuchProcess):
                self.samples[name].append(_sample(pid))
        files = [path.stat().st_size for path in _files(self._folder)]
        self.samples[DISK].append(Sample(sum(files) / 1e6, len(files)))


def _pid(mesh: LocalMesh, name: str) -> int:
    process = mesh.services[name].process
    return -1 if process is None else process.pid


def _sample(pid: int) -> Sample:
    process = psutil.Process(pid)
    megabytes, descriptors, threads = 0.0, 0, 0
    for member in (process, *process.children(recursive=True)):
        with contextlib.suppress(psutil.NoSuchProcess):  # a reader of documents has ended
            megabytes += member.memory_info().rss / 1e6
            descriptors += member.num_fds()
            threads += member.num_threads()
    return Sample(megabytes, descriptors, threads)


def _files(folder: Path) -> Sequence[Path]:
    found = (path for path in folder.rglob("*") if not path.name.endswith(_BOUNDED))
    return [path for path in found if path.is_file()]


@dataclass(frozen=True)
class Growth:
    """What a process held early and late, in medians of the second and the last quarter.

    The first quarter is no measure: caches fill, networks run for the first time.
    """

    early: Sample
    late: Sample

    @classmethod
    def of(cls, samples: Sequence[Sample]) -> "Growth":
        """Raises ValueError: fewer than four samples."""
        if len(samples) < 4:
            raise ValueError(f"{len(samples)} samples are too few; run for longer")
        quarter = len(samples) // 4
        return cls(_middle(samples[quarter : 2 * quarter]), _middle(samples[-quarter:]))

    @property
    def is_flat(self) -> bool:
        """Whether what it holds more is within what samples differ by."""
        return (
            self.late.megabytes <= self.early.megabytes * 1.05 + 10
            and self.late.descriptors <= self.early.descriptors + 16
            and self.late.threads <= self.early.threads + 8
        )


def _middle(samples: Sequence[Sample]) -> Sample:
    return Sample(
        median(sample.megabytes for sample in samples),
        round(median(sample.descriptors for sample in samples)),
        round(median(sample.threads for sample in samples)),
    )
