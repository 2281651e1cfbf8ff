"""What a process spent. Linux, and nothing but the standard library."""

import os
import resource
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Self

TICKS = os.sysconf("SC_CLK_TCK")
SAMPLING_SECONDS = 0.05


def cpu_seconds() -> float:
    """User and system time of this process, of its children that live and of those that ended."""
    ended = resource.getrusage(resource.RUSAGE_CHILDREN)
    living = sum(_ticks_of(child) for child in children()) / TICKS
    return time.process_time() + ended.ru_utime + ended.ru_stime + living


def children() -> list[int]:
    """Processes that this one started and that live."""
    found: list[int] = []
    for task in Path("/proc/self/task").iterdir():
        try:
            found += map(int, (task / "children").read_text().split())
        except OSError:
            continue
    return found


class MemoryWatch:
    """Watches the most memory that this process and its children held, while it is entered.

    Its own peak is the kernel's; that of its children together is sampled.
    """

    def __init__(self) -> None:
        self._children_peak = 0
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._stop.set()
        self._thread.join()

    @property
    def peak_bytes(self) -> int:
        """Since the process started."""
        return _status_bytes("self", "VmHWM") + self._children_peak

    def _watch(self) -> None:
        while not self._stop.wait(SAMPLING_SECONDS):
            held = sum(_status_bytes(str(child), "VmRSS") for child in children())
            self._children_peak = max(self._children_peak, held)


@contextmanager
def two_cores() -> Iterator[None]:
    """This process, and those that it starts, on two cores at most."""
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, sorted(before)[:2])
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


def _ticks_of(process: int) -> int:
    try:
        fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return 0
    return sum(map(int, fields[11:15]))


def _status_bytes(process: str, name: str) -> int:
    try:
        lines = Path(f"/proc/{process}/status").read_text().splitlines()
    except OSError:
        return 0
    return sum(1024 * int(line.split()[1]) for line in lines if line.startswith(f"{name}:"))
