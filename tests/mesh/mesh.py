"""A mesh on the loopback interface: an Envoy a pod, configured from an overlay's own resources."""

import json
import re
import subprocess
import urllib.request
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import grpc

from tests.mesh.backend import Backend
from tests.mesh.collector import Collector
from tests.mesh.istio.telemetry import ACCESS_LOG
from tests.mesh.istio.world import Place, World

GRPC_PORT = 50051
_OPTIONS = [("grpc.enable_http_proxy", 0), ("grpc.enable_retries", 0)]


class Mesh:
    """A mesh that runs.

    Attributes:
        world: what its proxies were configured from.
        backends: by pod.
        collector: what the pod of that kind was sent; None without one.
        processes: by pod and container.
    """

    def __init__(self, world: World, folder: Path) -> None:
        self.world = world
        self.folder = folder
        self.backends: dict[str, Backend] = {}
        self.collector: Collector | None = None
        self.processes: dict[tuple[str, str], subprocess.Popen[bytes]] = {}
        self._channels: dict[tuple[str, str], Any] = {}

    def pod(self, name: str) -> Place:
        return next(pod for pod in self.world.pods if pod.name == name)

    def virtual(self, pod: str, service: str, port: int = GRPC_PORT) -> str:
        """A service's address for callers in a pod."""
        return f"{self.world.virtual(self.pod(pod), self.world.service(service))}:{port}"

    def inbound(self, pod: str, port: int = GRPC_PORT) -> str:
        """Where a pod's proxy takes calls of other pods' proxies."""
        return f"{self.world.address(self.pod(pod))}:{port}"

    def call(
        self, pod: str, service: str, method: str = "/pagemesh.test.v1.Test/Call", **options: Any
    ) -> tuple[grpc.StatusCode, str]:
        """Call a service from a pod, in plain text to its own proxy: the code, who answered."""
        address = self.virtual(pod, service)
        if (pod, address) not in self._channels:
            self._channels[pod, address] = grpc.insecure_channel(f"ipv4:{address}", _OPTIONS)
        return ask(self._channels[pod, address], method, **options)

    def stats(self, pod: str, pattern: str) -> Mapping[str, int]:
        """Counters of a pod's proxy whose names match."""
        said = json.loads(self.admin(pod, "/stats?format=json"))["stats"]
        found = {one["name"]: one["value"] for one in said if "value" in one}
        return {name: value for name, value in found.items() if re.search(pattern, name)}

    def count(self, pod: str, pattern: str) -> int:
        """The sum of these counters."""
        return sum(self.stats(pod, pattern).values())

    def access_log(self, pod: str) -> str:
        """What a pod's proxy wrote of calls."""
        path = self.folder / pod / ACCESS_LOG
        return path.read_text() if path.exists() else ""

    def forget(self) -> None:
        """Let all backends be as at the start."""
        for backend in self.backends.values():
            backend.forget()

    def calls(self, *pods: str) -> int:
        """How many calls came to pods."""
        return sum(len(self.backends[pod].calls) for pod in pods)

    def close(self) -> None:
        for channel in self._channels.values():
            channel.close()

    def admin(self, pod: str, path: str) -> str:
        """Ask a pod's proxy about itself."""
        url = f"http://127.0.0.1:{self.world.admin[pod]}{path}"
        with urllib.request.urlopen(url, timeout=10) as answer:
            return str(answer.read().decode())


def ask(
    channel: Any,
    method: str,
    *,
    timeout: float | None = 60,
    request: bytes = b"page",
    metadata: Mapping[str, str] | None = None,
) -> tuple[grpc.StatusCode, str]:
    """Make a call with one message: the code, and the answer or what was said instead."""
    call, told = channel.unary_unary(method), tuple((metadata or {}).items())
    try:
        return grpc.StatusCode.OK, call(request, timeout=timeout, metadata=told).decode()
    except grpc.RpcError as error:
        return error.code(), str(error.details())
