"""A reader's side of the talk with the measurement: a page a line in, what it says a line out.

Nothing but the standard library, so that a reader's memory is its own.
"""

import json
import os
import sys
import time
from dataclasses import asdict, dataclass
from typing import Any, Protocol

from eval.machine import MemoryWatch, cpu_seconds

Line = dict[str, Any]
"""What `eval.prediction` writes of a page, or a part of it."""


@dataclass(frozen=True, slots=True)
class PageFile:
    """A page to read.

    Attributes:
        path: of its image file.
        dpi: 0 when unknown.
        stretched: whether a Letter page was squeezed into the shape that it has.
        upright: for readers that want the page upright: `matrix`, `width` and `height` of the
            contract's UprightTransform.
    """

    path: str
    dpi: float = 0
    stretched: bool = False
    upright: dict[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class Answer:
    """What a reader said of a page, and what it spent.

    Attributes:
        line: empty when it failed.
        error: why.
        cpu_seconds: of all threads and child processes, for this page.
        wall_seconds: for this page.
        peak_bytes: most memory held since the process started.
    """

    line: Line
    error: str
    cpu_seconds: float
    wall_seconds: float
    peak_bytes: int


class Reader(Protocol):
    """What a process serves."""

    def prepare(self, page: PageFile) -> Any:
        """Get the pixels. What this takes is not counted."""

    def read(self, prepared: Any) -> Line:
        """Read the page."""


def serve(reader: Reader) -> None:
    """Answer pages from stdin on stdout, to its end. What libraries print goes to stderr."""
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    with MemoryWatch() as memory:
        for request in sys.stdin:
            line, error = Line(), ""
            cpu = wall = 0.0
            try:
                prepared = reader.prepare(PageFile(**json.loads(request)))
                started = cpu_seconds(), time.perf_counter()
                try:
                    line = reader.read(prepared)
                finally:
                    cpu, wall = cpu_seconds() - started[0], time.perf_counter() - started[1]
            except Exception as failure:  # whatever a foreign library raises fails one page
                error = f"{type(failure).__name__}: {failure}"
            answer = Answer(line, error, cpu, wall, memory.peak_bytes)
            print(json.dumps(asdict(answer)), file=answers, flush=True)
