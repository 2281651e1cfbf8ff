"""What stands behind a proxy: it answers with its own name, counts, and fails as it is told."""

import threading
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import grpc

_LOOK_SECONDS = 0.01
# gRPC tells a deadline that is not there as one far away.
_FOREVER = 1e9


class Backend(grpc.GenericRpcHandler):
    """A small gRPC server for any method.

    Attributes:
        calls: methods that it was asked for, in order.
        failures: codes with which the next calls fail.
        answer: makes the answer of a request; its own name when None.
        failing: the code of all calls; None: they succeed.
        hanging: while set, calls wait until they are cancelled.
        left: how many callers were gone before they had their answer.
        metadata: what each call carried.
        remaining: seconds that each call had left when it came; None without a deadline.
    """

    def __init__(self, name: str) -> None:
        self.name = name
        self.calls: list[str] = []
        self.answer: Callable[[bytes], bytes] | None = None
        self.failures: deque[grpc.StatusCode] = deque()
        self.failing: grpc.StatusCode | None = None
        self.hanging = threading.Event()
        self.left = 0
        self.metadata: list[dict[str, Any]] = []
        self.remaining: list[float | None] = []
        self._server: Any = grpc.server(ThreadPoolExecutor(32), handlers=[self])

    def start(self, address: str) -> int:
        """Listen; the port, when it is one."""
        port: int = self._server.add_insecure_port(address)
        self._server.start()
        return port

    def stop(self) -> None:
        self.hanging.clear()
        self._server.stop(0).wait()

    def forget(self) -> None:
        """Count anew and do as one should."""
        self.calls.clear()
        self.failures.clear()
        self.failing = None
        self.hanging.clear()
        self.left = 0
        self.metadata.clear()
        self.remaining.clear()

    def service(self, details: grpc.HandlerCallDetails) -> Any:
        method = str(details.method)

        def serve(requests: Iterator[bytes], context: Any) -> Iterator[bytes]:
            return self._serve(method, requests, context)

        return grpc.stream_stream_rpc_method_handler(serve)

    def _serve(self, method: str, requests: Iterator[bytes], context: Any) -> Iterator[bytes]:
        if method.startswith("/grpc.health.v1."):
            yield b"\x08\x01"
            return
        request = b"".join(requests)
        self.calls.append(method)
        self.metadata.append(dict(context.invocation_metadata()))
        left = context.time_remaining()
        self.remaining.append(None if left is None or left > _FOREVER else left)
        code = self.failures.popleft() if self.failures else self.failing
        if code is not None:
            context.abort(code, "as told")
        while self.hanging.is_set():
            if not context.is_active():
                self.left += 1
                return
            threading.Event().wait(_LOOK_SECONDS)
        yield self.answer(request) if self.answer else self.name.encode()
