"""Waits for workloads, and says of those that do not come up which pod and why."""

import time
from collections.abc import Iterator
from typing import Any

from scripts.deploy.cluster import Cluster, DeployError
from scripts.manifests.objects import WORKLOADS, Object, namespace, title


def workloads(made: list[Object]) -> list[Object]:
    """Objects that have pods of their own."""
    return [one for one in made if one["kind"] in WORKLOADS]


def wait(cluster: Cluster, made: list[Object], seconds: float) -> list[str]:
    """Wait until all workloads are up; of each that is not, in time, why, a line each."""
    deadline = time.monotonic() + seconds
    wrong = []
    for one in workloads(made):
        left = max(1, round(deadline - time.monotonic()))
        try:
            cluster.run("rollout", "status", *_reference(one), f"--timeout={left}s")
        except DeployError as error:
            wrong.append(f"{title(one)}: {str(error).splitlines()[-1]}")
            wrong += [f"{title(one)}: {line}" for line in reasons(cluster, one)]
    return wrong


def undo(cluster: Cluster, made: list[Object]) -> list[str]:
    """Take workloads back to their revision before; what was done, a line each."""
    done = []
    for one in workloads(made):
        try:
            cluster.run("rollout", "undo", *_reference(one))
            done.append(f"{title(one)} rolled back")
        except DeployError as error:
            done.append(f"{title(one)} has nothing to go back to: {str(error).splitlines()[-1]}")
    return done


def reasons(cluster: Cluster, workload: Object) -> Iterator[str]:
    """Why pods of a workload are not ready."""
    labels = workload["spec"]["selector"]["matchLabels"]
    selector = ",".join(f"{key}={value}" for key, value in labels.items())
    where = f"--namespace={namespace(workload)}"
    pods = cluster.get("pods", f"--selector={selector}", where)
    if not pods:
        yield "has no pods"
    for pod in pods:
        for reason in _unready(pod):
            yield f"pod {pod['metadata']['name']}: {reason}"


def _unready(pod: Any) -> Iterator[str]:
    status = pod.get("status", {})
    for condition in status.get("conditions", []):
        if condition["type"] == "PodScheduled" and condition["status"] == "False":
            yield f"no node takes it: {condition.get('message', condition.get('reason'))}"
    for container in [
        *status.get("initContainerStatuses", []),
        *status.get("containerStatuses", []),
    ]:
        state = container.get("state", {})
        waiting, ended = state.get("waiting"), state.get("terminated")
        if waiting:
            yield f"{container['name']} waits: {waiting['reason']} {waiting.get('message', '')}"
        elif ended and ended["exitCode"]:
            yield f"{container['name']} ended with {ended['exitCode']}: {ended.get('reason')}"
        elif not container["ready"] and not ended:
            yield f"{container['name']} runs and is not ready"


def _reference(workload: Object) -> tuple[str, str]:
    kind, name = workload["kind"].lower(), workload["metadata"]["name"]
    return f"{kind}/{name}", f"--namespace={namespace(workload)}"
