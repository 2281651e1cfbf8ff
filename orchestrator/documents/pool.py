"""Worker processes: started, asked, and ended."""

import asyncio
import contextlib
import logging
import os
import socket
import subprocess
import sys
from collections.abc import AsyncIterator, Mapping
from types import TracebackType
from typing import Any, Self

import numpy as np

from meshkit.errors import DependencyUnavailable, Overloaded
from meshkit.model import Image
from orchestrator.documents import protocol
from orchestrator.documents.config import DocumentLimits
from orchestrator.documents.spool import sweep

_log = logging.getLogger(__name__)

_WORKER = "orchestrator.documents.worker"
_KEPT_VARIABLES = ("PATH", "LANG", "LC_ALL", "LD_LIBRARY_PATH", "FONTCONFIG_PATH")


class WorkerGone(Exception):  # noqa: N818 - an event
    """The worker has ended."""


class BadAnswer(Exception):  # noqa: N818 - an event
    """The worker answered what it may not."""


class Worker:
    """One worker process and the socket to it. Requests must not overlap."""

    def __init__(self, memory_bytes: int) -> None:
        ours, theirs = socket.socketpair()
        with theirs:
            ours.setblocking(False)
            self._sock = ours
            self._asking = asyncio.Lock()
            try:
                self._process = _spawn(theirs.fileno(), memory_bytes)
            except BaseException:
                ours.close()
                raise

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def is_alive(self) -> bool:
        return self._process.poll() is None

    async def ask(
        self, request: Mapping[str, Any], *, seconds: float, max_pixels: int = 0
    ) -> tuple[protocol.Header, Image | None]:
        """The answer's header, with the samples where it announces any.

        Raises:
            TimeoutError: no answer in `seconds`.
            WorkerGone: the worker has ended.
            BadAnswer: it answers nonsense, or more than `max_pixels`.
        After any of these, and after a cancellation, the worker must be ended.
        """
        async with self._asking, asyncio.timeout(seconds):
            await self._send(protocol.encode({**request, "seconds": seconds}))
            header = await self._receive_header()
            if "channels" not in header:
                return header, None
            samples = _room_for(header, max_pixels)
            await self._receive_into(samples.reshape(-1).data)
            return header, samples

    async def end(self) -> int | None:
        """Kills the process if it still runs, and takes its exit status. May be called again.

        A request that is still being asked gets WorkerGone.
        """
        ending = asyncio.ensure_future(self._end())
        try:
            return await asyncio.shield(ending)
        finally:
            await asyncio.wait([ending])  # a caller that is cancelled leaves nothing half closed

    async def _end(self) -> int | None:
        if self._process.returncode is None:
            self._process.kill()
            await asyncio.to_thread(self._process.wait)
        # The event loop never wakes those who wait on a socket that was closed under them.
        async with self._asking:
            self._sock.close()
        return self._process.returncode

    def abandon(self) -> None:
        """Ends the process where nothing can be awaited."""
        self._sock.close()
        if self._process.returncode is None:
            self._process.kill()
            self._process.wait()

    async def _send(self, message: bytes) -> None:
        try:
            await asyncio.get_running_loop().sock_sendall(self._sock, message)
        except OSError as error:
            raise WorkerGone from error

    async def _receive_header(self) -> protocol.Header:
        prefix = bytearray(protocol.HEADER_LENGTH.size)
        await self._receive_into(memoryview(prefix))
        (length,) = protocol.HEADER_LENGTH.unpack(prefix)
        if length > protocol.MAX_HEADER_BYTES:
            raise BadAnswer(f"a header of {length} bytes")
        body = bytearray(length)
        await self._receive_into(memoryview(body))
        try:
            return protocol.decode(bytes(body))
        except ValueError as error:
            raise BadAnswer("no JSON object") from error

    async def _receive_into(self, view: memoryview) -> None:
        loop = asyncio.get_running_loop()
        while view:
            try:
                count = await loop.sock_recv_into(self._sock, view)
            except OSError as error:
                raise WorkerGone from error
            if count == 0:
                raise WorkerGone
            view = view[count:]


def _room_for(header: protocol.Header, max_pixels: int) -> Image:
    """Room for the samples that the header announces. The worker's word is checked first."""
    match header.get("height"), header.get("width"), header.get("channels"):
        case int(height), int(width), 1 | 3 as channels:
            if height > 0 and width > 0 and height * width <= max_pixels:
                return np.empty((height, width) if channels == 1 else (height, width, 3), np.uint8)
    raise BadAnswer(f"samples of {header}")


class WorkerPool:
    """Workers for open documents, at most `max_open_documents`, and one warm spare.

    A worker reads one document and is then ended, so that nothing passes from one document to
    another; the spare hides what starting costs.
    """

    def __init__(self, limits: DocumentLimits) -> None:
        self._limits = limits
        self._turns = asyncio.Semaphore(limits.max_open_documents)
        self._spare: Worker | None = None
        self._running = False
        self._has_warned = False

    async def start(self) -> None:
        """Starts the spare worker, and removes documents that a crash has left behind."""
        await asyncio.to_thread(sweep, self._limits)
        self._running = True
        self._refill()

    async def close(self) -> None:
        """Ends the spare worker. Workers in use end with their documents."""
        self._running = False
        spare, self._spare = self._spare, None
        if spare is not None:
            await spare.end()

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self.close()

    @contextlib.asynccontextmanager
    async def turn(self) -> AsyncIterator[None]:
        """One document's place among those open.

        Raises:
            Overloaded: none became free in `open_wait_s`.
        """
        try:
            async with asyncio.timeout(self._limits.open_wait_s):
                await self._turns.acquire()
        except TimeoutError as error:
            raise Overloaded(
                f"{self._limits.max_open_documents} documents are open already: send it again "
                "later",
                reason="TOO_MANY_DOCUMENTS",
                retry_after=5.0,
            ) from error
        try:
            yield
        finally:
            self._turns.release()

    def check_isolation(self, header: protocol.Header) -> None:
        """Looks at what an answer says of the worker's cage; warns once of a layer that is missing.

        Raises:
            DependencyUnavailable: READER_NOT_ISOLATED, where every layer is required.
        """
        layers = header.get("cage")
        missing = [name for name, holds in layers.items() if not holds] if layers else []
        if missing and not self._has_warned:
            self._has_warned = True
            _log.warning(
                "document readers are not wholly isolated", extra={"missing": ", ".join(missing)}
            )
        if missing and self._limits.require_isolation:
            raise DependencyUnavailable(
                f"documents are only read in isolation, and here it lacks: {', '.join(missing)}; "
                "allow it in the container's runtime, or set REQUIRE_ISOLATION=false",
                reason="READER_NOT_ISOLATED",
            )

    def take(self) -> Worker:
        """A worker of one's own, to be ended by the caller."""
        spare, self._spare = self._spare, None
        if spare is not None and not spare.is_alive:
            _log.warning("the spare document worker had ended")
            spare.abandon()
            spare = None
        worker = spare or Worker(self._limits.worker_memory_bytes)
        self._refill()
        return worker

    def _refill(self) -> None:
        if self._running and self._spare is None:
            self._spare = Worker(self._limits.worker_memory_bytes)


def _spawn(descriptor: int, memory_bytes: int) -> subprocess.Popen[bytes]:
    """In a session of its own, so that Ctrl-C in a terminal does not end it before its pages are
    done, and without the orchestrator's environment, which may hold credentials."""
    environment = {name: os.environ[name] for name in _KEPT_VARIABLES if name in os.environ}
    environment |= {
        "PYTHONPATH": os.pathsep.join(path for path in sys.path if path),
        "OPENBLAS_NUM_THREADS": "1",
        "OMP_NUM_THREADS": "1",
    }
    return subprocess.Popen(  # noqa: S603 - our own module, no shell
        [
            sys.executable,
            "-P",
            "-m",
            _WORKER,
            str(descriptor),
            str(os.getpid()),
            str(memory_bytes),
        ],
        env=environment,
        cwd="/",
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        pass_fds=(descriptor,),
        start_new_session=True,
    )
