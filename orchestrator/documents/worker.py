"""The process that opens one document and rasterises its pages, under limits of its own.

Run by the orchestrator as `python -m orchestrator.documents.worker SOCKET_FD PARENT_PID
MEMORY_BYTES`. It answers the requests `open`, `shape` and `render` (see `protocol`) until its
socket closes, and dies with its parent. Nothing of a document is read before the process is caged
(see `cage`).
"""

import ctypes
import os
import resource
import signal
import socket
import sys
import warnings
from pathlib import Path
from typing import Any

import numpy as np

from orchestrator.documents import cage, kinds, protocol, syscalls
from orchestrator.documents.fault import Fault
from orchestrator.documents.images import ImagePages
from orchestrator.documents.pages import Bounds, Pages
from orchestrator.documents.pdf import PdfPages

_PR_SET_PDEATHSIG = 1
_PR_SET_NO_NEW_PRIVS = 38
_OPEN_FILES = 32


def main() -> None:
    descriptor, parent, memory = (int(argument) for argument in sys.argv[1:4])
    warnings.simplefilter("ignore")
    with socket.socket(fileno=descriptor) as sock:
        _Worker(sock, lock_up(parent, memory)).serve()


def lock_up(parent: int, memory: int) -> dict[str, bool]:
    """Limits this process, and says which layers of the cage hold."""
    # Entering a namespace and giving up capabilities undo "die with the parent".
    layers = {"network": cage.leave_network(), "capabilities": cage.drop_capabilities()}
    _die_with(parent)
    _limit(memory)
    layers["system_calls"] = syscalls.allow_reading_only()
    return layers


class _Worker:
    """Answers requests, one after the other."""

    def __init__(self, sock: socket.socket, layers: dict[str, bool]) -> None:
        self._sock = sock
        self._layers = layers
        self._pages: Pages | None = None

    def serve(self) -> None:
        while (request := protocol.receive(self._sock)) is not None:
            _limit_cpu(request["seconds"])
            answer, payload = self._answer(request)
            self._sock.sendall(protocol.encode(answer))
            if payload is not None:
                self._sock.sendall(payload)

    def _answer(self, request: protocol.Header) -> tuple[protocol.Header, memoryview | None]:
        if request["op"] == "open":
            return self._open(request), None
        try:
            if self._pages is None:
                raise RuntimeError("no document is open")
            if request["op"] == "shape":
                return self._shape(self._pages, request), None
            return self._render(self._pages, request)
        except Exception as error:
            return _fault(error, request), None

    def _open(self, request: protocol.Header) -> protocol.Header:
        """Says what the cage lacks also where the document has a fault."""
        self._layers["files"] = cage.see_only(Path(request["path"]))
        try:
            self._pages = _open(request)
            answer = {"pages": self._pages.count}
        except Exception as error:
            answer = _fault(error, request)
        return answer | {"cage": self._layers}

    def _shape(self, pages: Pages, request: protocol.Header) -> protocol.Header:
        shape = pages.shape(request["number"], request["dpi"])
        return {
            "width": shape.width,
            "height": shape.height,
            "dpi": shape.dpi,
            "is_grey": shape.is_grey,
        }

    def _render(self, pages: Pages, request: protocol.Header) -> tuple[protocol.Header, memoryview]:
        samples, dpi = pages.render(request["number"], request["dpi"])
        samples = np.ascontiguousarray(samples)
        header = {
            "height": samples.shape[0],
            "width": samples.shape[1],
            "channels": 1 if samples.ndim == 2 else 3,
            "dpi": dpi,
        }
        return header, samples.reshape(-1).data


def _open(request: dict[str, Any]) -> Pages:
    path = Path(request["path"])
    bounds = Bounds.from_header(request["bounds"])
    if request["media_type"] == kinds.PDF:
        return PdfPages(path, request["password"], bounds)
    return ImagePages(path, request["media_type"], bounds)


def _fault(error: Exception, request: protocol.Header) -> protocol.Header:
    """The answer where a request failed."""
    match error:
        case Fault():
            fault = error
        case MemoryError():
            fault = _out_of_memory(request)
        case _:
            text = f"{type(error).__name__}: {error}"[:1000]
            fault = Fault("internal", "READER_FAILED", text)
    return {
        "fault": {
            "kind": fault.kind,
            "reason": fault.reason,
            "message": fault.message,
            "metadata": fault.metadata,
        }
    }


def _out_of_memory(request: protocol.Header) -> Fault:
    return Fault(
        "document" if request["op"] == "open" else "page",
        "OUT_OF_MEMORY",
        "it needs more memory than its reader may take",
    )


def _die_with(parent: int) -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
    if os.getppid() != parent:
        raise SystemExit("the parent is gone")


def _limit(memory: int) -> None:
    """No more memory than allowed, no files written, no core dumps, no further processes."""
    for what, limit in (
        (resource.RLIMIT_AS, memory),
        (resource.RLIMIT_FSIZE, 0),
        (resource.RLIMIT_CORE, 0),
        (resource.RLIMIT_NOFILE, _OPEN_FILES),
        (resource.RLIMIT_NPROC, 0),
    ):
        resource.setrlimit(what, (limit, limit))


def _limit_cpu(seconds: float) -> None:
    """This request's processor time, should the orchestrator not be there to end it."""
    usage = resource.getrusage(resource.RUSAGE_SELF)
    limit = int(usage.ru_utime + usage.ru_stime + seconds) + 2
    resource.setrlimit(resource.RLIMIT_CPU, (limit, resource.RLIM_INFINITY))


if __name__ == "__main__":
    main()
