"""Our own processes, as things that can be killed and started again."""

import os
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

_END_SECONDS = 60.0


class Process:
    """`python -m ...`, with its log in a file.

    Attributes:
        name: for the report.
        code: a folder whose code it runs when it is started next; None: that of now.
    """

    def __init__(
        self,
        name: str,
        arguments: Sequence[str],
        variables: Mapping[str, str],
        folder: Path,
        code: Path | None = None,
    ) -> None:
        self.name = name
        self.code = code
        self._arguments = [sys.executable, "-m", *arguments]
        self._variables = variables
        self._log = folder / f"{name}.log"
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                self._arguments,
                env={**os.environ, **self._variables},
                stdout=log,
                stderr=log,
                cwd=self.code,
            )

    def stop(self) -> None:
        """In order."""
        self._end(signal.SIGTERM)

    def kill(self) -> None:
        """With -9."""
        self._end(signal.SIGKILL)

    def pause(self) -> None:
        """By SIGSTOP."""
        self._send(signal.SIGSTOP)

    def resume(self) -> None:
        """After `pause`."""
        self._send(signal.SIGCONT)

    def _send(self, what: signal.Signals) -> None:
        if self._process is not None:
            self._process.send_signal(what)

    def _end(self, how: signal.Signals) -> None:
        process, self._process = self._process, None
        if process is not None:
            process.send_signal(how)
            process.wait(_END_SECONDS)
