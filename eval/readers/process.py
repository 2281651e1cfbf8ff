"""The measurement's side of the talk with a reader in a process of its own."""

import contextlib
import json
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import IO

from eval.readers.child import Answer, PageFile

PAGE_SECONDS = 300.0
"""A reader that takes longer for a page, loading included, is ended."""
FAREWELL_SECONDS = 10.0


@dataclass(frozen=True, slots=True)
class ReaderName:
    """A reader, as tables name it.

    Attributes:
        name: unique in a measure.
        arguments: of the Python interpreter that serves it (`eval.readers.child`).
        everywhere: whether it reads every page, or only those of the comparison.
    """

    name: str
    arguments: tuple[str, ...]
    everywhere: bool = False


def ours(name: str, *, everywhere: bool = True) -> ReaderName:
    """A reader of `eval.readers.ours`."""
    return ReaderName(name, ("-m", "eval.readers.ours", name), everywhere)


def others(name: str) -> ReaderName:
    """A reader of `eval.readers.others`."""
    return ReaderName(name, ("-m", "eval.readers.others", name))


class ReaderError(Exception):
    """A reader's process ended: it is not installed, it died, or it took too long."""


class ReaderProcess:
    """A running reader.

    Args:
        reader: what it is.
        process: with pipes to talk through.
        log: what it writes to stderr.
        page_seconds: how long it may take for a page.
    """

    def __init__(
        self,
        reader: ReaderName,
        process: subprocess.Popen[str],
        log: IO[str],
        page_seconds: float = PAGE_SECONDS,
    ) -> None:
        self.reader = reader
        self._process = process
        self._log = log
        self._page_seconds = page_seconds
        self._is_late = False

    def ask(self, page: PageFile) -> Answer:
        """What it says of a page.

        Raises:
            ReaderError: it ended.
        """
        questions, answers = self._process.stdin, self._process.stdout
        if questions is None or answers is None:
            raise ReaderError("it was started without pipes")
        try:
            questions.write(json.dumps(asdict(page)) + "\n")
            questions.flush()
        except BrokenPipeError as error:
            raise ReaderError(self._last_words()) from error
        patience = threading.Timer(self._page_seconds, self._give_up)
        patience.start()
        try:
            answer = answers.readline()
        finally:
            patience.cancel()
        if not answer:
            raise ReaderError(self._last_words())
        return Answer(**json.loads(answer))

    def _give_up(self) -> None:
        self._is_late = True
        self._process.kill()

    def _last_words(self) -> str:
        self._process.wait()
        if self._is_late:
            return f"it took more than {self._page_seconds:.0f} s for a page"
        self._log.seek(0)
        words = self._log.read().strip().splitlines()
        return words[-1] if words else f"it ended with {self._process.returncode}"


@contextlib.contextmanager
def running(reader: ReaderName, page_seconds: float = PAGE_SECONDS) -> Iterator[ReaderProcess]:
    """Start a reader; it ends with its input, and soon.

    It has a session of its own: Ctrl-C is for the measurement, which then ends it.
    """
    with (
        tempfile.TemporaryFile("w+") as log,
        subprocess.Popen(
            [sys.executable, *reader.arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=log,
            text=True,
            start_new_session=True,
        ) as process,
    ):
        try:
            yield ReaderProcess(reader, process, log, page_seconds)
        finally:
            # What a reader that died did not take is still to be flushed.
            if process.stdin:
                with contextlib.suppress(BrokenPipeError):
                    process.stdin.close()
            try:
                process.wait(FAREWELL_SECONDS)
            except subprocess.TimeoutExpired:
                process.kill()
