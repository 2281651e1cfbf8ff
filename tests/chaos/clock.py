"""A clock that jumps, for one process: Debian's libfaketime, loaded before everything else."""

from pathlib import Path

_LIBRARY = Path("/usr/lib")
_LOOK_SECONDS = 1
"""How often the library reads what the clock is to show."""


class Clock:
    """What time a process takes it to be; its monotonic clock goes on as it should.

    Args:
        file: to tell the library through.

    Raises:
        FileNotFoundError: libfaketime is not installed.
    """

    def __init__(self, file: Path) -> None:
        library = next(_LIBRARY.glob("*/faketime/libfaketimeMT.so.1"), None)
        if library is None:
            raise FileNotFoundError("libfaketime")
        self._file = file
        self.jump(0)
        self.variables = {
            "LD_PRELOAD": str(library),
            "FAKETIME_TIMESTAMP_FILE": str(file),
            "FAKETIME_CACHE_DURATION": str(_LOOK_SECONDS),
            "FAKETIME_DONT_FAKE_MONOTONIC": "1",
            "FAKETIME_DISABLE_SHM": "1",  # kill -9 would leave its semaphores
            "NO_FAKE_STAT": "1",
        }

    def jump(self, seconds: int) -> None:
        """Show so much more than it is, within about a second; 0 is right again."""
        told = self._file.with_suffix(".new")
        told.write_text(f"{seconds:+d}s\n")
        told.replace(self._file)
