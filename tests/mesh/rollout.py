"""Pods that come and go as Kubernetes lets them: readiness, endpoints, preStop, SIGTERM, grace."""

import json
import signal
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from scripts.manifests.objects import Objects
from tests.mesh.istio.clusters import assignments
from tests.mesh.members import Member, workload
from tests.mesh.mesh import Mesh
from tests.mesh.running import certify, one, plan, wait

_PATIENCE_SECONDS = 60.0
_KIND = "type.googleapis.com/envoy.config.endpoint.v3.ClusterLoadAssignment"


class Rollout:
    """A mesh whose pods are replaced.

    Attributes:
        mesh: the mesh.
    """

    def __init__(
        self, objects: Objects, folder: Path, members: Sequence[Member], service: str
    ) -> None:
        self._members = {member.name: member for member in members}
        self._there: dict[str, ExitStack] = {}
        world = plan(objects, folder, members, changing={service})
        world.endpoints.mkdir()
        certify(world)
        self.mesh = Mesh(world, folder)
        self._tell(set())

    def come(self, *pods: str) -> None:
        """Start pods; each gets calls when it is ready."""
        for pod in pods:
            self._there[pod] = ExitStack()
            member, place = self._members[pod], self.mesh.pod(pod)
            self._there[pod].enter_context(one(self.mesh, member, place))
        for pod in pods:
            wait(self.mesh, self.mesh.pod(pod))
        self._tell(set(self._there))

    def go(self, pod: str, load: "Load") -> None:
        """End a pod.

        Its endpoint is gone from callers' proxies while `preStop` sleeps; when all callers have
        been answered since, the server has SIGTERM and must end by itself in its grace, then its
        sidecar.
        """
        self._tell(set(self._there) - {pod})
        load.wait_for_rounds(2)
        deadline = time.monotonic() + self._grace(pod)
        for container in ("server", "sidecar"):
            process = self.mesh.processes.get((pod, container))
            if process is not None:
                process.send_signal(signal.SIGTERM)
                assert process.wait(deadline - time.monotonic()) == 0
        self._there.pop(pod).close()

    def close(self) -> None:
        while self._there:
            self._there.popitem()[1].close()
        self.mesh.close()

    def _grace(self, pod: str) -> float:
        template = workload(self.mesh.world.objects, self._members[pod].workload)
        return float(template.spec["terminationGracePeriodSeconds"])

    def _tell(self, there: set[str]) -> None:
        """Have every proxy hear which pods get calls, and wait until all have."""
        told = assignments(self.mesh.world, there)
        for name, assignment in told.items():
            said = {"resources": [{"@type": _KIND, **assignment}]}
            fresh = self.mesh.world.endpoints / f".{name}"
            fresh.write_text(json.dumps(said))
            fresh.replace(fresh.with_name(f"{name}.json"))
        for pod in self._there:
            eventually(lambda pod=pod: self._heard(pod, told))  # type: ignore[misc]

    def _heard(self, pod: str, told: Mapping[str, Any]) -> bool:
        counts = self.mesh.stats(pod, r"^cluster\.outbound.*\.membership_total$")
        wanted = {
            f"cluster.{name}.membership_total": len(made["endpoints"][0]["lb_endpoints"])
            for name, made in told.items()
        }
        return wanted.items() <= counts.items()


@contextmanager
def rollout(
    objects: Objects, folder: Path, members: Sequence[Member], service: str
) -> Iterator[Rollout]:
    """A mesh in which a service's pods are replaced; all are planned, none is there yet."""
    made = Rollout(objects, folder, members, service)
    try:
        yield made
    finally:
        made.close()


class Load:
    """Callers that never pause, each with a thread and a connection of its own.

    Attributes:
        answers: how often each answer came.
    """

    def __init__(self, callers: Sequence[Callable[[], str]]) -> None:
        self.answers: Counter[str] = Counter()
        self._rounds = [0] * len(callers)
        self._end = threading.Event()
        self._threads = [
            threading.Thread(target=self._call, args=(number, caller), daemon=True)
            for number, caller in enumerate(callers)
        ]

    def __enter__(self) -> "Load":
        for thread in self._threads:
            thread.start()
        self.wait_for_rounds(2)
        return self

    def __exit__(self, *_: object) -> None:
        self._end.set()
        for thread in self._threads:
            thread.join()

    def wait_for_rounds(self, rounds: int) -> None:
        """Until every caller was answered so often from now on."""
        wanted = [done + rounds + 1 for done in self._rounds]
        eventually(lambda: all(map(int.__ge__, self._rounds, wanted)))

    def _call(self, number: int, caller: Callable[[], str]) -> None:
        while not self._end.is_set():
            said = caller()
            self.answers[said] += 1
            self._rounds[number] += 1


def eventually(holds: Callable[[], bool]) -> None:
    """Return once it holds. Raises AssertionError when it does not in a minute."""
    deadline = time.monotonic() + _PATIENCE_SECONDS
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.02)
