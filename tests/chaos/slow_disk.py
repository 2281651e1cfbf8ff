"""A disk that can be slowed down and stopped: a file behind a loop device, with ext4 on it.

The kernel itself slows it: cgroup version 1 limits a device's writes in its root group, so that the
file system's own threads are held up, too. Version 2 has no limit there, and a group of our own
would spare ext4's journal; there the disk can only be stopped.
"""

import contextlib
import os
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

from tests.chaos.disk import SmallDisk

_LIMIT = Path("/sys/fs/cgroup/blkio/blkio.throttle.write_iops_device")
_STOPPED_SECONDS = 120
"""Nothing stays stopped for longer, whatever becomes of us."""


class SlowDisk(SmallDisk):
    """A small disk that takes as many writes a second as it is told to.

    Args:
        folder: where it is mounted.
        device: that it is on.
    """

    can_slow = _LIMIT.exists()
    """Whether the kernel lets us."""

    def __init__(self, folder: Path, device: str) -> None:
        super().__init__(folder)
        number = Path(device).stat().st_rdev
        self._number = f"{os.major(number)}:{os.minor(number)}"

    def slow(self, writes_per_second: int) -> None:
        """Take no more than these; 0 is as fast as it can be. An fsync is two or three writes."""
        _LIMIT.write_text(f"{self._number} {writes_per_second}\n")

    @contextlib.contextmanager
    def stopped(self) -> Iterator[Callable[[], bool]]:
        """While the block runs, and for two minutes at most, whoever writes must wait.

        A process beside us starts it again, also if we are gone or wait for the disk ourselves.
        Yields what says whether it is stopped still.
        """
        with subprocess.Popen(
            [
                *("bash", "-c"),
                f'fsfreeze -f "$0" && echo; read -t {_STOPPED_SECONDS}; fsfreeze -u "$0"',
                str(self.folder),
            ],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        ) as stopper:
            if stopper.stdin is None or stopper.stdout is None:
                raise AssertionError("it has pipes")
            if not stopper.stdout.readline():
                raise AssertionError(f"fsfreeze does not stop {self.folder}")
            try:
                yield lambda: stopper.poll() is None
            finally:
                stopper.stdin.close()


@contextlib.contextmanager
def slow_disk(folder: Path, megabytes: int) -> Iterator[SlowDisk]:
    """A disk of this size, in a file beside its folder.

    Raises:
        PermissionError: nobody but root may mount one, or there are no loop devices.
    """
    _run("fsfreeze", "--version")
    folder.mkdir(parents=True, exist_ok=True)
    image = folder.with_suffix(".img")
    with image.open("wb") as file:
        file.truncate(megabytes << 20)
    _run("mkfs.ext4", "-q", "-m", "0", str(image))
    device = _run("losetup", "--find", "--show", str(image))
    try:
        _run("mount", "-o", "noatime", device, str(folder))
        disk = SlowDisk(folder, device)
        try:
            yield disk
        finally:
            if disk.can_slow:
                disk.slow(0)
            _run("umount", "--lazy", str(folder))
    finally:
        _run("losetup", "--detach", device)
        image.unlink()


def _run(*command: str) -> str:
    """What it says. Raises PermissionError."""
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=True)
    except FileNotFoundError as error:
        raise PermissionError(f"{command[0]} is not installed") from error
    except subprocess.CalledProcessError as error:
        raise PermissionError(f"{command[0]}: {error.stderr.strip()}") from error
    return done.stdout.strip()
