"""A clock that jumps, for one process: Debian's libfaketime, loaded before everything else.

Its caveat (0.9.10): where the monotonic clock is left alone, Python's `time.sleep` raises OSError,
jump or no jump; waits by events, locks, queues and asyncio last as long as they should. Neither
gateway nor orchestrator call `time.sleep`.
"""

from pathlib import Path

_LIBRARY = Path("/usr/lib")


class Clock:
    """What time a process takes it to be; its monotonic clock goes on as it should.

    Attributes:
        LOOK_SECONDS: after so long the process has seen a jump.
        variables: of its environment.

    Args:
        file: to tell the library through.

    Raises:
        FileNotFoundError: libfaketime is not installed.
    """

    LOOK_SECONDS = 1.1

    def __init__(self, file: Path) -> None:
        library = next(_LIBRARY.glob("*/faketime/libfaketimeMT.so.1"), None)
        if library is None:
            raise FileNotFoundError("libfaketime")
        self._file = file
        self.jump(0)
        self.variables = {
            "LD_PRELOAD": str(library),
            "FAKETIME_TIMESTAMP_FILE": str(file),
            "FAKETIME_CACHE_DURATION": "0",  # it reads the file anew at each full second
            "FAKETIME_DONT_FAKE_MONOTONIC": "1",
            "FAKETIME_DISABLE_SHM": "1",  # kill -9 would leave its semaphores
            "NO_FAKE_STAT": "1",
        }

    def jump(self, seconds: int) -> None:
        """Show so much more than it is, `LOOK_SECONDS` later; 0 is right again."""
        told = self._file.with_suffix(".new")
        told.write_text(f"{seconds:+d}s\n")
        told.replace(self._file)
